#pragma once
// Random bytes as a dependency. The system's source is getrandom(2): unpredictable, never blocks after boot. Any
// thread.

#include "base/bytes.hpp"

namespace owndir {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  /// `bytes` random bytes as lower-case hexadecimal.
  std::string hex(std::size_t bytes);
};

/// Lives as long as the process.
Random& system_random();

}  // namespace owndir
