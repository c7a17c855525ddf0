#pragma once
// The sending side of one channel: frames other than data at once and in order, data frames of many exchanges in turns,
// and no more in the channel's own buffer than a small exchange can wait behind. Owned by the Driver, network thread
// only.

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/async.hpp"
#include "exchange/message_channel.hpp"
#include "tunnel/machine.hpp"

namespace owndir::tunnel {

/// The body that one exchange sends, as its coroutine and the channel see it.
struct Outgoing {
  Outgoing(const asio::any_io_executor& executor, ExchangeId exchange) : id(exchange), wake(executor) {}
  ExchangeId id;
  Notifier wake;               ///< whatever the coroutine waits for may have changed
  std::optional<Bytes> piece;  ///< read, waiting for room
  bool last = false;           ///< `piece` ends the body, or the message
  bool message = false;        ///< `piece` is of a WebSocket's message
  bool text = false;           ///< which is text
  bool may_read = false;       ///< its turn came
  bool waiting = false;        ///< for its turn
  bool over = false;           ///< the exchange is gone
};

class ChannelSender {
 public:
  /// Sends `piece` of an Outgoing as a data frame by `send`.
  using WritePiece = std::function<void(Outgoing&)>;

  ChannelSender(std::shared_ptr<exchange::MessageChannel> channel, std::size_t high, WritePiece write_piece);

  /// Sends or queues a whole message; never reorders.
  void send(ByteView message);
  /// Whether the exchange may read a piece of its body now; otherwise `wake` is notified when its turn comes.
  bool claim_turn(const std::shared_ptr<Outgoing>& outgoing);
  /// Sends the piece that was read, now or when there is room; `wake` is notified when `piece` is gone.
  void offer(const std::shared_ptr<Outgoing>& outgoing);
  /// There may be room again.
  void advance();

  /// Whether others wait for their turn.
  bool contended() const { return !readers_.empty(); }
  /// Bytes that wait here because the channel took no more.
  std::size_t queued() const { return queued_; }
  /// Nothing waits here or in the channel.
  bool is_drained() const { return queue_.empty() && writers_.empty() && channel_->buffered_amount() == 0; }
  exchange::MessageChannel& channel() { return *channel_; }

 private:
  bool has_room() const { return queue_.empty() && channel_->buffered_amount() < high_; }
  bool send_queued();

  std::shared_ptr<exchange::MessageChannel> channel_;
  std::size_t high_;
  WritePiece write_piece_;
  std::deque<Bytes> queue_;
  std::size_t queued_ = 0;
  std::deque<std::shared_ptr<Outgoing>> writers_;  ///< with a piece
  std::deque<std::shared_ptr<Outgoing>> readers_;  ///< waiting for their turn to read one
};

}  // namespace owndir::tunnel
