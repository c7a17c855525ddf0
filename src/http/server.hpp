#pragma once
// HTTP/1.1 (RFC 9112) on sockets, by Boost.Beast, in front of a Handler. Network thread only; Beast does not leave this
// layer. The Handler must outlive `stop`.
//
// A client that closes its side while its request is being answered counts as gone: the handler is cancelled after
// half_close_wait. A WebSocket is the handler's session from the 101 on; `stop` closes it with 1001. A response that
// cannot be finished ends in a reset of the connection, never in a clean end.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "exchange/handler.hpp"

namespace owndir::http {

struct ServerLimits {
  std::size_t head_bytes = 65536;
  bool as_browsers = false;  ///< HeadLimits::as_browsers, for requests that are passed on to an app
  std::size_t connections = 512;
  std::chrono::milliseconds head_wait{
      30'000};  ///< from accept, or from the first byte of a later request, to the whole head
  std::chrono::milliseconds idle_wait{120'000};     ///< keep-alive without a request
  std::chrono::milliseconds body_wait{120'000};     ///< a request body that brings nothing for so long is cut off
  std::chrono::milliseconds write_wait{120'000};    ///< a reader that takes nothing for so long is cut off
  std::chrono::milliseconds half_close_wait{1000};  ///< a handler's time to finish after the client has closed its side
  std::chrono::milliseconds linger_wait{2000};      ///< for the client to read an answer that ends the connection
  std::size_t input_bytes = 65536;                  ///< received and not yet taken, beyond a head
  std::size_t body_piece = 65536;                   ///< bytes asked of a body at once
  std::size_t socket_message = 16 << 20;            ///< bytes of one message of a WebSocket; beyond: close 1009
  std::size_t socket_read_ahead = 1 << 18;          ///< bytes of a WebSocket received before its session takes any
  std::chrono::milliseconds socket_ping_after{30'000};  ///< silence of a WebSocket's client before a ping
  std::chrono::milliseconds socket_dead_after{60'000};  ///< silence after which its connection is cut
  std::chrono::milliseconds socket_close_wait{2000};    ///< for the client to answer our close
  std::chrono::milliseconds socket_answer_wait{6000};   ///< a session's time to answer the client's close
};

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< numeric
  std::uint16_t port = 0;             ///< 0: any free one
  ServerLimits limits;
};

class Server {
 public:
  /// Errors: errno's of bind and listen, with address and port in the context; Errc::malformed for an address.
  static Result<std::unique_ptr<Server>> listen(asio::any_io_executor executor, const ServerOptions& options,
                                                exchange::Handler& handler);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  /// Stops accepting, cancels what runs, waits until every connection has ended. Once.
  virtual Awaitable<void> stop() = 0;
};

}  // namespace owndir::http
