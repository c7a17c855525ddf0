#pragma once
// Small parts that the machines share: a moment on both clocks, a line for the log, and the bounds on how often
// something may happen. No I/O; network thread.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace owndir::rendezvous {

struct Now {
  SteadyTime steady;
  WallTime wall;
};

struct Report {
  enum class Level { debug, info, warn, error } level;
  std::string text;
};
/// To the log of "rendezvous".
void write_report(const Report& report);

/// Lets through `rate` things a second, with an equal burst.
class TokenBucket {
 public:
  TokenBucket(std::uint64_t rate, SteadyTime now) : rate_(static_cast<double>(rate)), tokens_(rate_), filled_(now) {}
  bool take(SteadyTime now) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(rate_, tokens_ + std::max(0.0, passed.count()) * rate_);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  /// When the next is there, counted from the last `take`.
  SteadyTime next() const {
    const double seconds = rate_ > 0 ? std::max(0.0, 1 - tokens_) / rate_ : 3600.0;
    return filled_ + std::chrono::milliseconds(1 + static_cast<std::int64_t>(seconds * 1000));
  }

 private:
  double rate_, tokens_;
  SteadyTime filled_;
};

/// At most `kLines` refusals a second are logged one by one; the rest are counted.
class ReportLimiter {
 public:
  static constexpr int kLines = 20;
  bool pass(SteadyTime now) {
    if (now >= window_ + std::chrono::seconds(1)) {
      window_ = now;
      lines_ = 0;
    }
    if (lines_ < kLines) {
      ++lines_;
      return true;
    }
    ++held_back_;
    return false;
  }
  std::optional<SteadyTime> due() const {
    if (held_back_ == 0) return std::nullopt;
    return window_ + std::chrono::seconds(1);
  }
  /// How many were held back, once their second is over; 0 otherwise.
  std::uint64_t take_held_back(SteadyTime now) {
    if (held_back_ == 0 || now < *due()) return 0;
    return std::exchange(held_back_, 0);
  }

 private:
  SteadyTime window_{};
  int lines_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace owndir::rendezvous
