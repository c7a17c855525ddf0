#include "http/web_socket.hpp"

#include <boost/asio/this_coro.hpp>

#include "exchange/socket_run.hpp"
#include "http/socket_carrier.hpp"

namespace owndir::http {
namespace {

SocketLimits socket_limits(const ServerLimits& limits) {
  SocketLimits socket;
  socket.message = limits.socket_message;
  socket.read_ahead = limits.socket_read_ahead;
  socket.ping_after = limits.socket_ping_after;
  socket.dead_after = limits.socket_dead_after;
  socket.write_wait = limits.write_wait;
  socket.close_wait = limits.socket_close_wait;
  socket.answer_wait = limits.socket_answer_wait;
  socket.linger_wait = limits.linger_wait;
  return socket;
}

}  // namespace

Awaitable<void> run_web_socket(asio::ip::tcp::socket socket, const ServerLimits& limits, std::string key,
                               exchange::SocketAccept accept) {
  const asio::any_io_executor executor = socket.get_executor();
  SocketCarrier carried(NetStream(std::move(socket)), socket_limits(limits));
  const bool opened = co_await carried.accept(std::move(key), accept);
  exchange::SocketRun run(executor, carried, std::move(accept.session));
  if (opened) {
    carried.start([&run, &limits](bool closes) {
      run.other_end_gone(closes ? limits.socket_answer_wait : limits.half_close_wait);
    });
    co_await run.run();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await carried.finish();
}

}  // namespace owndir::http
