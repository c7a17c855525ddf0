#include "fsnode/session.hpp"

#include <boost/asio/this_coro.hpp>

#include "fsnode/connection.hpp"

namespace owndir::fsnode {
namespace {

class Session final : public exchange::SocketSession {
 public:
  Session(Engine& engine, SessionOptions options) : engine_(engine), options_(std::move(options)) {}

  Awaitable<void> run(exchange::WebSocket& socket) override {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    Connection connection(engine_, options_, executor);
    std::optional<Connection::Close> close;
    std::exception_ptr failure;
    try {
      close = co_await connection.serve(socket);
    } catch (...) {
      failure = std::current_exception();
    }
    // Also when this was cancelled: no call outlives the connection.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await connection.stop();
    if (failure) std::rethrow_exception(failure);
    if (close) co_await socket.close(close->code, close->reason);
  }

 private:
  Engine& engine_;
  SessionOptions options_;
};

}  // namespace

std::unique_ptr<exchange::SocketSession> make_session(Engine& engine, SessionOptions options) {
  return std::make_unique<Session>(engine, std::move(options));
}

}  // namespace owndir::fsnode
