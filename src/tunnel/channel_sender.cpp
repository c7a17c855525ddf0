#include "tunnel/channel_sender.hpp"

#include <algorithm>

namespace owndir::tunnel {

ChannelSender::ChannelSender(std::shared_ptr<exchange::MessageChannel> channel, std::size_t high,
                             WritePiece write_piece)
    : channel_(std::move(channel)),
      high_(std::clamp<std::size_t>(high, 1, std::max<std::size_t>(channel_->max_buffered() / 2, 1))),
      write_piece_(std::move(write_piece)) {
  channel_->set_buffered_low_threshold(high_ / 2);
}

void ChannelSender::send(ByteView message) {
  if (queue_.empty() && channel_->is_open() && channel_->send(message)) return;
  queue_.emplace_back(message.begin(), message.end());
  queued_ += message.size();
}

/// False while something is left.
bool ChannelSender::send_queued() {
  while (!queue_.empty() && channel_->is_open()) {
    if (!channel_->send(queue_.front())) return false;
    queued_ -= queue_.front().size();
    queue_.pop_front();
  }
  return queue_.empty();
}

bool ChannelSender::claim_turn(const std::shared_ptr<Outgoing>& outgoing) {
  if (std::exchange(outgoing->may_read, false)) return true;
  if (outgoing->waiting) return false;
  if (has_room() && writers_.empty() && readers_.empty()) return true;
  outgoing->waiting = true;
  readers_.push_back(outgoing);
  return false;
}

void ChannelSender::offer(const std::shared_ptr<Outgoing>& outgoing) {
  if (has_room() && writers_.empty()) {
    write_piece_(*outgoing);
  } else {
    writers_.push_back(outgoing);
  }
}

void ChannelSender::advance() {
  if (!send_queued()) return;
  while (has_room() && !writers_.empty()) {
    const std::shared_ptr<Outgoing> outgoing = std::move(writers_.front());
    writers_.pop_front();
    if (outgoing->over) continue;
    write_piece_(*outgoing);
    outgoing->wake.notify();
  }
  // Readers get room for a piece each. One whose source is slow holds nothing back: it only has to wait for room, if
  // need be, when its piece is there.
  static constexpr std::size_t kTurn = 64 * 1024;
  for (std::size_t expected = channel_->buffered_amount(); expected < high_ && writers_.empty() && !readers_.empty();) {
    const std::shared_ptr<Outgoing> outgoing = std::move(readers_.front());
    readers_.pop_front();
    outgoing->waiting = false;
    if (outgoing->over) continue;
    outgoing->may_read = true;
    outgoing->wake.notify();
    expected += kTurn;
  }
}

}  // namespace owndir::tunnel
