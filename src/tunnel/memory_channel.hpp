#pragma once
// Test support: two ends of a MessageChannel in memory, and sets of them as two Connections need. Messages of one
// channel keep their order and arrive by `post`; channels of one link may overtake each other when a seed is given.
// Hooks let a test look at, change or drop what is sent. Network thread only.

#include <boost/asio/post.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "base/async.hpp"
#include "exchange/message_channel.hpp"

namespace owndir::tunnel::testing {

struct LinkOptions {
  std::size_t max_message = 256 * 1024;
  std::size_t max_buffered = 2 * 1024 * 1024;
  std::size_t burst = 8;  ///< messages delivered in one turn of the loop
  unsigned seed = 0;      ///< not 0: channels overtake each other
};

class MemoryChannel;

/// Delivers what the ends of its channels send.
class MemoryLink : public std::enable_shared_from_this<MemoryLink> {
 public:
  MemoryLink(asio::any_io_executor executor, std::size_t channels, LinkOptions options);

  std::vector<std::shared_ptr<exchange::MessageChannel>> first() const;
  std::vector<std::shared_ptr<exchange::MessageChannel>> second() const;
  /// Both ends see all channels closed, and what is under way is lost: the peer was killed.
  void cut();
  /// Nothing is delivered while held.
  void hold(bool held);
  /// Sends a message as if the `second` (or first) end had; for hostile frames.
  void inject(std::size_t channel, bool from_second, Bytes message);

  /// Nothing that the second end sends arrives.
  bool block_second = false;
  /// Sees every message before it is delivered; false drops it.
  std::function<bool(std::size_t channel, bool from_second, Bytes& message)> on_deliver;
  const LinkOptions options;

 private:
  friend class MemoryChannel;
  void schedule();
  void deliver();

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<MemoryChannel>> ends_[2];
  std::mt19937 random_;
  std::size_t next_ = 0;
  bool scheduled_ = false;
  bool held_ = false;
};

class MemoryChannel final : public exchange::MessageChannel {
 public:
  explicit MemoryChannel(MemoryLink& link) : link_(&link) {}

  void set_events(Events events) override {
    events_ = std::move(events);
    announced_ = false;
    if (auto* link = link_) link->schedule();
  }
  Result<void> send(ByteView message) override {
    if (!open_) return fail(Errc::closed, "channel");
    if (message.size() > link_->options.max_message) return fail(Errc::too_large, "message");
    if (buffered_ + message.size() > link_->options.max_buffered) return fail(Errc::limit, "channel buffer");
    buffered_ += message.size();
    sent_.emplace_back(message.begin(), message.end());
    link_->schedule();
    return {};
  }
  bool is_open() const override { return open_; }
  std::size_t buffered_amount() const override { return buffered_; }
  void set_buffered_low_threshold(std::size_t bytes) override { low_ = bytes; }
  std::size_t max_message() const override { return max_message_; }
  std::size_t max_buffered() const override { return max_buffered_; }
  void close() override {
    if (open_) link_->schedule();
    closing_ = true;
  }

 private:
  friend class MemoryLink;
  MemoryLink* link_;
  Events events_;
  std::deque<Bytes> sent_;
  std::size_t buffered_ = 0;
  std::size_t low_ = 0;
  std::size_t max_message_ = 0;
  std::size_t max_buffered_ = 0;
  bool open_ = true;
  bool closing_ = false;
  bool announced_ = false;
};

inline MemoryLink::MemoryLink(asio::any_io_executor executor, std::size_t channels, LinkOptions chosen)
    : options(chosen), executor_(std::move(executor)), random_(chosen.seed) {
  for (auto& end : ends_) {
    for (std::size_t k = 0; k < channels; ++k) {
      end.push_back(std::make_shared<MemoryChannel>(*this));
      end.back()->max_message_ = options.max_message;
      end.back()->max_buffered_ = options.max_buffered;
    }
  }
}

inline std::vector<std::shared_ptr<exchange::MessageChannel>> MemoryLink::first() const {
  return {ends_[0].begin(), ends_[0].end()};
}
inline std::vector<std::shared_ptr<exchange::MessageChannel>> MemoryLink::second() const {
  return {ends_[1].begin(), ends_[1].end()};
}

inline void MemoryLink::cut() {
  for (auto& end : ends_) {
    for (auto& channel : end) {
      channel->sent_.clear();
      channel->closing_ = true;
    }
  }
  schedule();
}

inline void MemoryLink::hold(bool held) {
  held_ = held;
  schedule();
}

inline void MemoryLink::inject(std::size_t channel, bool from_second, Bytes message) {
  ends_[from_second ? 1 : 0][channel]->sent_.push_back(std::move(message));
  schedule();
}

inline void MemoryLink::schedule() {
  if (scheduled_ || held_) return;
  scheduled_ = true;
  asio::post(executor_, [self = shared_from_this()] { self->deliver(); });
}

inline void MemoryLink::deliver() {
  scheduled_ = false;
  const std::size_t count = ends_[0].size();
  for (auto& end : ends_) {
    for (auto& channel : end) {
      if (!channel->open_ || channel->announced_ || !channel->events_.on_open) continue;
      channel->announced_ = true;
      const auto callback = channel->events_.on_open;
      callback();
    }
  }
  bool more = false;
  for (std::size_t turn = 0; turn < 2 * count && !held_; ++turn) {
    const std::size_t index = options.seed == 0 ? next_++ % (2 * count) : random_() % (2 * count);
    const std::size_t k = index / 2;
    const bool from_second = index % 2 == 1;
    if (from_second && block_second) continue;
    const auto from = ends_[from_second ? 1 : 0][k];
    const auto to = ends_[from_second ? 0 : 1][k];
    for (std::size_t n = 0; n < options.burst && !from->sent_.empty() && to->events_.on_message; ++n) {
      Bytes message = std::move(from->sent_.front());
      from->sent_.pop_front();
      const std::size_t before = from->buffered_;
      from->buffered_ -= std::min(before, message.size());
      const bool low = before > from->low_ && from->buffered_ <= from->low_;
      if (!on_deliver || on_deliver(k, from_second, message)) {
        const auto callback = to->events_.on_message;
        if (to->open_) callback(std::move(message));
      }
      if (low && from->events_.on_buffered_low) {
        const auto callback = from->events_.on_buffered_low;
        callback();
      }
    }
  }
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t side = 0; side < 2; ++side) {
      const auto channel = ends_[side][k];
      const auto other = ends_[1 - side][k];
      more = more ||
             (!channel->sent_.empty() && !(side == 1 && block_second) && other->open_ && other->events_.on_message);
      // A channel closes when what was sent on it has arrived; then its other end does too.
      if (!channel->open_ || !channel->closing_ || (!channel->sent_.empty() && other->events_.on_message)) continue;
      channel->open_ = false;
      other->closing_ = true;
      more = true;
      const auto callback = channel->events_.on_closed;
      if (callback) callback(Error{make_error_code(Errc::closed), "channel closed"});
    }
  }
  if (more) schedule();
}

}  // namespace owndir::tunnel::testing
