#include "http/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "http/acceptor.hpp"
#include "http/connection.hpp"

namespace owndir::http {
namespace {

using asio::ip::tcp;

class TcpServer final : public Server {
 public:
  TcpServer(tcp::acceptor acceptor, const ServerOptions& options, exchange::Handler& handler)
      : acceptor_(std::move(acceptor)),
        port_(acceptor_.local_endpoint().port()),
        limits_(options.limits),
        handler_(handler),
        tasks_(acceptor_.get_executor()) {
    tasks_.spawn("http accept", accept());
  }

  std::uint16_t port() const override { return port_; }

  Awaitable<void> stop() override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    co_await tasks_.stop();
  }

 private:
  Awaitable<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (error) {
        log("http").warn("cannot accept a connection: {}", error.message());
        if (!co_await sleep_for(std::chrono::milliseconds(100))) co_return;
        continue;
      }
      if (tasks_.size() > limits_.connections) {
        log("http").warn("{} connections are open, one more was turned away", limits_.connections);
        Connection::turn_away(std::move(socket));
        continue;
      }
      socket.non_blocking(true, error);
      socket.set_option(tcp::no_delay(true), error);
      tasks_.spawn("http connection",
                   Connection::run(std::make_shared<Connection>(std::move(socket), limits_, handler_)));
    }
  }

  tcp::acceptor acceptor_;
  std::uint16_t port_;
  ServerLimits limits_;
  exchange::Handler& handler_;
  TaskGroup tasks_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(asio::any_io_executor executor, const ServerOptions& options,
                                               exchange::Handler& handler) {
  auto acceptor = listen_at(executor, options.address, options.port);
  if (!acceptor) return fail(std::move(acceptor.error()));
  return std::unique_ptr<Server>(std::make_unique<TcpServer>(std::move(*acceptor), options, handler));
}

}  // namespace owndir::http
