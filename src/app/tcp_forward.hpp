#pragma once
// A local port whose connections end at a TCP app behind the folder (`owndir connect --tcp`). Network thread only; the
// handler outlives `stop`.

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "exchange/handler.hpp"

namespace owndir::app {

struct TcpForwardOptions {
  std::string app;                    ///< its name at the other end
  std::string address = "127.0.0.1";  ///< numeric
  std::uint16_t port = 0;             ///< 0: any free one
  std::size_t connections = 256;      ///< at once; one more is turned away
};

class TcpForward {
 public:
  /// Errors: errno's of bind and listen, with address and port in the context.
  static Result<std::unique_ptr<TcpForward>> listen(asio::any_io_executor executor, TcpForwardOptions options,
                                                    exchange::Handler& handler);
  const std::string& app() const { return options_.app; }
  std::uint16_t port() const { return port_; }
  /// Once.
  Awaitable<void> stop();

 private:
  TcpForward(asio::ip::tcp::acceptor acceptor, TcpForwardOptions options, exchange::Handler& handler);
  static Awaitable<void> accept(TcpForward& self);
  static Awaitable<void> carry(TcpForward& self, asio::ip::tcp::socket socket);

  asio::ip::tcp::acceptor acceptor_;
  TcpForwardOptions options_;
  exchange::Handler& handler_;
  std::uint16_t port_;
  TaskGroup tasks_;
};

}  // namespace owndir::app
