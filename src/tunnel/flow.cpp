#include "tunnel/flow.hpp"

#include <algorithm>

namespace owndir::tunnel {

ReceiveWindow::ReceiveWindow(ReceiveBudget& budget, std::uint64_t initial, std::uint64_t max)
    : budget_(budget), window_(initial), max_(std::max(initial, max)), promised_(initial) {
  budget_.use(initial);
}

bool ReceiveWindow::receive(std::uint64_t bytes) {
  if (bytes > promised_) return false;
  promised_ -= bytes;
  buffered_ += bytes;
  received_ += bytes;
  return true;
}

std::uint32_t ReceiveWindow::consume(std::uint64_t bytes) {
  bytes = std::min(bytes, buffered_);
  buffered_ -= bytes;
  budget_.release(bytes);
  if (finished_) return 0;
  const std::uint64_t outstanding = promised_ + buffered_;
  if (outstanding > window_ - window_ / 4) return 0;
  std::uint64_t larger = std::min(std::max<std::uint64_t>(window_, 1) * 4, max_);
  while (larger > window_ && !budget_.has(larger - outstanding)) larger /= 2;
  if (buffered_ <= window_ / 4 && larger > window_) window_ = larger;
  const std::uint64_t credit = window_ - outstanding;
  promised_ += credit;
  budget_.use(credit);
  return static_cast<std::uint32_t>(credit);
}

void ReceiveWindow::finish() {
  finished_ = true;
  budget_.release(promised_);
  promised_ = 0;
}

bool RateLimit::take(SteadyTime now) {
  const double seconds = std::chrono::duration<double>(now - at_).count();
  tokens_ = std::min(per_second_, tokens_ + seconds * per_second_);
  at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace owndir::tunnel
