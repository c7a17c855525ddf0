#pragma once
// Accounts of the tunnel's flow control (docs/protocol.md section 2, "Credit") and of its rate limit. Plain values
// owned by the machine; a ReceiveWindow's budget must outlive it.

#include "base/clock.hpp"

namespace owndir::tunnel {

/// Body bytes buffered or promised over all exchanges of a connection.
class ReceiveBudget {
 public:
  explicit ReceiveBudget(std::uint64_t limit) : limit_(limit) {}
  void use(std::uint64_t bytes) { used_ += bytes; }
  void release(std::uint64_t bytes) { used_ -= bytes; }
  bool has(std::uint64_t bytes) const { return used_ + bytes <= limit_; }
  std::uint64_t used() const { return used_; }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
};

/// What one direction of one exchange may still receive. The promise starts at `initial` bytes and grows fourfold, up
/// to `max` and within the budget, each time the reader has taken a quarter of it and left little lying.
class ReceiveWindow {
 public:
  ReceiveWindow(ReceiveBudget& budget, std::uint64_t initial, std::uint64_t max);
  ~ReceiveWindow() { budget_.release(promised_ + buffered_); }
  ReceiveWindow(const ReceiveWindow&) = delete;
  ReceiveWindow& operator=(const ReceiveWindow&) = delete;

  /// False when it is more than was promised.
  bool receive(std::uint64_t bytes);
  /// The reader took bytes away; returns the credit to send now, often 0.
  std::uint32_t consume(std::uint64_t bytes);
  /// Nothing more will come: gives the rest of the promise back.
  void finish();

  std::uint64_t received() const { return received_; }
  std::uint64_t buffered() const { return buffered_; }
  std::uint64_t window() const { return window_; }

 private:
  ReceiveBudget& budget_;
  std::uint64_t window_;
  std::uint64_t max_;
  std::uint64_t promised_;  ///< may still be sent to us
  std::uint64_t buffered_ = 0;
  std::uint64_t received_ = 0;
  bool finished_ = false;
};

/// A token bucket: `per_second` tokens a second and as many in reserve.
class RateLimit {
 public:
  RateLimit(std::uint64_t per_second, SteadyTime now)
      : per_second_(static_cast<double>(per_second)), tokens_(per_second_), at_(now) {}
  /// False when there is no token.
  bool take(SteadyTime now);

 private:
  double per_second_;
  double tokens_;
  SteadyTime at_;
};

}  // namespace owndir::tunnel
