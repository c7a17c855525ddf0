#pragma once
// Time as a dependency, so that machines and tests choose it. Ticks are monotonic; wall time is for records and people.

#include <chrono>
#include <cstdint>

namespace owndir {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady() const = 0;
  virtual WallTime wall() const = 0;
};

/// The machine's clocks; lives as long as the process. Any thread.
const Clock& system_clock();

/// Milliseconds since 1970-01-01 UTC, as handshake records carry it.
inline std::int64_t to_unix_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline WallTime from_unix_ms(std::int64_t milliseconds) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::milliseconds(milliseconds)));
}

}  // namespace owndir
