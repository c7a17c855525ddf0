#include "app/tcp_forward.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "gateway/app_host.hpp"
#include "http/acceptor.hpp"
#include "http/byte_socket.hpp"

namespace owndir::app {

using asio::ip::tcp;

namespace {

constexpr std::size_t kReason = 4096;

exchange::Request request_for(const std::string& app) {
  exchange::Request request;
  request.head = {
      "GET",
      std::string(http::kByteTarget),
      {{std::string(gateway::kAppField), app}, {"Sec-WebSocket-Protocol", std::string(http::kByteProtocol)}}};
  return request;
}

}  // namespace

TcpForward::TcpForward(tcp::acceptor acceptor, TcpForwardOptions options, exchange::Handler& handler)
    : acceptor_(std::move(acceptor)),
      options_(std::move(options)),
      handler_(handler),
      port_(acceptor_.local_endpoint().port()),
      tasks_(acceptor_.get_executor()) {
  tasks_.spawn("tcp accept", accept(*this));
}

Result<std::unique_ptr<TcpForward>> TcpForward::listen(asio::any_io_executor executor, TcpForwardOptions options,
                                                       exchange::Handler& handler) {
  auto acceptor = http::listen_at(executor, options.address, options.port);
  if (!acceptor) return fail(acceptor.error().code, acceptor.error().context + " for " + options.app);
  return std::unique_ptr<TcpForward>(new TcpForward(std::move(*acceptor), std::move(options), handler));
}

Awaitable<void> TcpForward::accept(TcpForward& self) {
  for (;;) {
    auto [error, socket] = co_await self.acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted || !self.acceptor_.is_open()) co_return;
    if (error) {
      log("app").warn("cannot accept a connection for {}: {}", self.options_.app, error.message());
      const bool waited = co_await sleep_for(std::chrono::milliseconds(100));
      if (!waited) co_return;
      continue;
    }
    if (self.tasks_.size() > self.options_.connections) {
      log("app").warn("{} connections to {} are open, one more was turned away", self.options_.connections,
                      self.options_.app);
      continue;
    }
    self.tasks_.spawn("tcp connection", carry(self, std::move(socket)));
  }
}

Awaitable<void> TcpForward::carry(TcpForward& self, tcp::socket socket) {
  http::ByteSocket bytes(std::move(socket));
  exchange::Request request = request_for(self.options_.app);
  auto answer = co_await self.handler_.open_socket(std::move(request));
  if (!answer) {
    log("app").warn("{}: no connection: {}", self.options_.app, answer.error().to_string());
    co_return;
  }
  if (auto* response = std::get_if<exchange::Response>(&*answer)) {
    const auto text = co_await exchange::read_all(std::move(response->body), kReason);
    log("app").warn("{}: no connection: {} {}", self.options_.app, response->head.status,
                    text ? printable(*text) : std::string());
    co_return;
  }
  const auto session = std::move(std::get<exchange::SocketAccept>(*answer).session);
  co_await session->run(bytes);
}

Awaitable<void> TcpForward::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  co_await tasks_.stop();
}

}  // namespace owndir::app
