#pragma once
// The messages of one association that wait for SCTP: whose is next, and how much may be under way. What is under way
// is ahead of every message that comes later, whatever its channel; so beside small messages that go to and fro less of
// a large transfer is let go at once, and small ones go ahead of large ones that wait. Engine's thread only, owned by
// the Association. Knows nothing of the WebRTC stack.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "rtc/link.hpp"

namespace owndir::rtc {

class Turns {
 public:
  static constexpr std::size_t kSmall = 4 * 1024;
  static constexpr std::size_t kLarge = 8 * 1024;
  /// Bytes of small messages that may go ahead of each large one.
  static constexpr std::size_t kAhead = 64 * 1024;
  /// Bytes under way: usually, and beside small messages.
  static constexpr std::size_t kWindow = 256 * 1024;
  static constexpr std::size_t kNarrow = 16 * 1024;
  /// How long a message tells of what its channel carries.
  static constexpr std::int64_t kLatelyMs = 50;

  explicit Turns(std::size_t channels = 0) : channels_(channels) {}

  /// A message to be sent, which waits here from now on.
  void push(Link::Outgoing item, std::int64_t now_ms);
  /// A message came, or is to be sent.
  void note(std::size_t channel, std::size_t size, std::int64_t now_ms);
  /// Takes the next message, while `held` bytes under way leave room for it in a window of `most`.
  std::optional<Link::Outgoing> next(std::size_t held, std::size_t most);
  bool has_next(std::size_t held, std::size_t most) const { return choose(held, most).has_value(); }
  void clear(std::size_t channel);

  /// What the window has to be, however short the path.
  std::size_t least_window(std::int64_t now_ms) const { return now_ms < narrow_until_ms_ ? kNarrow : kWindow; }
  bool empty() const { return waiting_ == 0; }
  bool empty(std::size_t channel) const { return channels_[channel].waiting.empty(); }

 private:
  struct Channel {
    std::deque<Link::Outgoing> waiting;
    std::int64_t large_until_ms = 0;  ///< carries large messages
  };
  std::optional<std::size_t> choose(std::size_t held, std::size_t most) const;

  std::vector<Channel> channels_;
  std::size_t waiting_ = 0;  ///< messages, over all channels
  std::size_t turn_ = 0;     ///< the channel whose turn it is
  std::size_t ahead_ = 0;    ///< bytes of small messages since a large one went
  std::int64_t large_until_ms_ = 0, narrow_until_ms_ = 0;
};

}  // namespace owndir::rtc
