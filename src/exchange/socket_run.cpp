#include "exchange/socket_run.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"

namespace owndir::exchange {

SocketRun::SocketRun(asio::any_io_executor executor, WebSocket& socket, std::unique_ptr<SocketSession> session)
    : socket_(socket), session_(std::move(session)), tasks_(executor), due_(executor) {
  due_.expires_at(asio::steady_timer::time_point::max());
}

void SocketRun::other_end_gone(std::chrono::milliseconds grace) {
  due_.expires_after(grace);
}

Awaitable<void> SocketRun::run() {
  tasks_.spawn("socket session", work());
  bool stopped = false;
  while (!ended_ && !stopped) {
    const auto [error] = co_await due_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    stopped = cancelled != asio::cancellation_type::none;
    if (!error) break;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await tasks_.stop();
  session_.reset();
  std::uint16_t code = stopped ? close_code::kGoingAway : failed_ ? close_code::kInternal : close_code::kNormal;
  std::string reason = stopped ? "this end stops" : failed_ ? "a fault of this end; its log says more" : "";
  if (socket_.close_code() != close_code::kBroken) {  // the other end has closed: the answer is the same, if it is owed
    code = socket_.close_code();
    reason = socket_.close_reason();
  }
  co_await socket_.close(code, std::move(reason));
}

Awaitable<void> SocketRun::work() {
  try {
    co_await session_->run(socket_);
  } catch (const boost::system::system_error& error) {
    failed_ = error.code() != asio::error::operation_aborted;
    if (failed_) log("socket").error("a WebSocket's session ended by an exception: {}", error.what());
  } catch (const std::exception& error) {
    failed_ = true;
    log("socket").error("a WebSocket's session ended by an exception: {}", error.what());
  }
  ended_ = true;
  due_.cancel();
}

}  // namespace owndir::exchange
