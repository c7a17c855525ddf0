#pragma once
// HTTP/1.1 (RFC 9112) on sockets, by Boost.Beast, in front of a Handler. Network thread only; Beast does not leave this
// layer. The Handler must outlive `stop`.

#include <cstdint>
#include <memory>
#include <string>

#include "exchange/handler.hpp"

namespace owndir::http {

struct ServerLimits {
  std::size_t head_bytes = 65536;
  std::size_t connections = 512;
  std::chrono::seconds head_wait{30};    ///< from accept, or from the first byte of a later request, to the whole head
  std::chrono::seconds idle_wait{120};   ///< keep-alive without a request
  std::chrono::seconds write_wait{120};  ///< a reader that takes nothing for so long is cut off
  std::size_t body_piece = 65536;        ///< bytes asked of a body at once
};

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< numeric
  std::uint16_t port = 0;             ///< 0: any free one
  ServerLimits limits;
};

class Server {
 public:
  /// Errors: errno's of bind and listen, with address and port in the context; Errc::malformed for an address.
  static Result<std::unique_ptr<Server>> listen(asio::any_io_executor executor, ServerOptions options,
                                                exchange::Handler& handler);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  /// Stops accepting, cancels what runs, waits until every connection has ended. Once.
  virtual Awaitable<void> stop() = 0;
};

}  // namespace owndir::http
