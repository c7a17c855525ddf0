#include "rtc/turns.hpp"

namespace owndir::rtc {

void Turns::push(Link::Outgoing item, std::int64_t now_ms) {
  note(item.channel, item.bytes.size(), now_ms);
  channels_[item.channel].waiting.push_back(std::move(item));
  ++waiting_;
}

void Turns::note(std::size_t channel, std::size_t size, std::int64_t now_ms) {
  Channel& on = channels_[channel];
  if (size >= kLarge) {
    on.large_until_ms = large_until_ms_ = now_ms + kLatelyMs;
  } else if (size <= kSmall && now_ms < large_until_ms_ && now_ms >= on.large_until_ms) {
    narrow_until_ms_ = now_ms + kLatelyMs;
  }
}

/// Channels take turns, message by message, those whose next one is small first.
std::optional<std::size_t> Turns::choose(std::size_t held, std::size_t most) const {
  const bool small_first = ahead_ < kAhead;
  std::optional<std::size_t> other;
  for (std::size_t i = 0; waiting_ > 0 && i < channels_.size(); ++i) {
    const std::size_t channel = (turn_ + i) % channels_.size();
    const auto& waiting = channels_[channel].waiting;
    if (waiting.empty()) continue;
    if (small_first && waiting.front().bytes.size() <= kSmall && held < most + kAhead) return channel;
    if (!other) other = channel;
  }
  // Small ones that filled the window do not keep a large one from its turn.
  return held < (small_first ? most : most + kAhead) ? other : std::nullopt;
}

std::optional<Link::Outgoing> Turns::next(std::size_t held, std::size_t most) {
  const auto channel = choose(held, most);
  if (!channel) return std::nullopt;
  auto& waiting = channels_[*channel].waiting;
  Link::Outgoing item = std::move(waiting.front());
  waiting.pop_front();
  --waiting_;
  turn_ = (*channel + 1) % channels_.size();
  const bool passed = item.bytes.size() <= kSmall && waiting_ > 0;
  ahead_ = passed ? ahead_ + item.bytes.size() : 0;
  return item;
}

void Turns::clear(std::size_t channel) {
  auto& waiting = channels_[channel].waiting;
  waiting_ -= waiting.size();
  waiting.clear();
}

}  // namespace owndir::rtc
