#pragma once
// The life of a SocketSession on its socket, the same for every carrier. The carrier owns it and awaits `run` in a
// coroutine of its own. Network thread only.

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "exchange/web_socket.hpp"

namespace owndir::exchange {

class SocketRun {
 public:
  /// `socket` must outlive this.
  SocketRun(asio::any_io_executor executor, WebSocket& socket, std::unique_ptr<SocketSession> session);

  /// The carrier's word that the other end has closed or is gone: the session has `grace` to finish, and is then
  /// cancelled.
  void other_end_gone(std::chrono::milliseconds grace);

  /// Runs the session to its end and then closes the socket if it is still open: 1000, 1011 after an exception, 1001
  /// when this coroutine is cancelled, which cancels the session. Cannot be cancelled from there on; its last wait is
  /// the bounded one of `close`. Once.
  Awaitable<void> run();

 private:
  Awaitable<void> work();

  WebSocket& socket_;
  std::unique_ptr<SocketSession> session_;
  TaskGroup tasks_;
  asio::steady_timer due_;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace owndir::exchange
