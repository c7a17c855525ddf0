#pragma once
// What waits to be sent on a connection: one queue, one writer. Data waits for room, which is the backpressure; replies
// do not, and whoever causes them waits afterwards. Network thread only.

#include <deque>

#include "base/async.hpp"
#include "exchange/web_socket.hpp"

namespace owndir::fsnode {

class Outbox {
 public:
  explicit Outbox(const asio::any_io_executor& executor) : room_(executor), more_(executor) {}

  /// Queues without waiting.
  void post(std::string_view text);
  /// Waits for room for data, then queues. False when nothing will be sent any more.
  Awaitable<bool> put(exchange::SocketMessage message);
  /// Waits until replies have room again. False likewise.
  Awaitable<bool> replies_have_room();
  /// Sends until the socket is closed.
  Awaitable<void> drain(exchange::WebSocket& socket);

 private:
  Awaitable<bool> wait_below(std::size_t bytes);
  void push(exchange::SocketMessage message);

  std::deque<exchange::SocketMessage> queue_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  Notifier room_;
  Notifier more_;
};

}  // namespace owndir::fsnode
