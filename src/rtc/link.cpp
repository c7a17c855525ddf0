#include "rtc/link.hpp"

#include <boost/asio/post.hpp>

namespace owndir::rtc {

void Link::start(std::function<void()> wake, std::weak_ptr<Receiver> receiver) {
  wake_ = std::move(wake);
  receiver_ = std::move(receiver);
}

void Link::stop() {
  stopped_ = true;
  receiver_.reset();
  wake_ = nullptr;
  batch_.clear();
  batch_next_ = 0;
  const std::lock_guard lock(mutex_);
  inbox_.clear();
}

void Link::push(Outgoing item) {
  if (stopped_) return;
  counts_[item.channel].queued.fetch_add(item.bytes.size());
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    outbox_.push_back(std::move(item));
    wake = !std::exchange(outbox_awake_, true);
  }
  if (wake && wake_) wake_();
}

std::size_t Link::pending(int channel) const {
  const Count& count = counts_[channel];
  return static_cast<std::size_t>(count.queued.load() - count.sent.load());
}

void Link::arm_low(int channel, std::size_t bytes) {
  counts_[channel].low.store(bytes);
  counts_[channel].armed.store(true);
  check_low(channel);
}

void Link::check_low(int channel) {
  Count& count = counts_[channel];
  if (!count.armed.load() || count.queued.load() - count.sent.load() > count.low.load()) return;
  if (!count.armed.exchange(false)) return;
  asio::post(network_, [self = shared_from_this(), channel] {
    if (const auto receiver = self->receiver_.lock()) receiver->buffered_low(channel);
  });
}

void Link::take(std::vector<Outgoing>& out) {
  const std::lock_guard lock(mutex_);
  outbox_awake_ = false;
  std::swap(out, outbox_);
}

void Link::deliver(Incoming item) {
  inbox_bytes_.fetch_add(item.bytes.size(), std::memory_order_relaxed);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(item));
    wake = !std::exchange(inbox_awake_, true);
  }
  if (wake) post_drain();
}

void Link::set_sent(int channel, std::uint64_t total) {
  counts_[channel].sent.store(total);
  check_low(channel);
}

void Link::post_drain() {
  asio::post(network_, [self = shared_from_this()] { self->drain(); });
}

void Link::drain() {
  if (batch_next_ == batch_.size()) {
    batch_.clear();
    batch_next_ = 0;
    const std::lock_guard lock(mutex_);
    std::swap(batch_, inbox_);
    if (batch_.empty()) {
      inbox_awake_ = false;
      return;
    }
  }
  const auto receiver = receiver_.lock();
  std::size_t bytes = 0;
  while (batch_next_ < batch_.size() && bytes < LinkLimits::kSlice) {
    Incoming item = std::move(batch_[batch_next_++]);
    const std::size_t size = item.bytes.size();
    bytes += size;
    if (receiver) receiver->receive(std::move(item));  // which may stop this link
    inbox_bytes_.fetch_sub(size, std::memory_order_relaxed);
  }
  post_drain();
}

}  // namespace owndir::rtc
