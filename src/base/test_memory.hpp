#pragma once
// For tests that bound what a program keeps in memory.

#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace owndir {

/// What a sanitizer keeps of freed memory, and its shadow, grow with use: then the numbers say nothing of ours.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Of this process.
inline std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace owndir
