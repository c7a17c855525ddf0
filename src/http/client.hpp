#pragma once
// HTTP/1.1 requests (RFC 9112) and WebSockets (RFC 6455) to one server, over a Unix socket, TCP or TLS; bodies are
// streamed and pulled in both directions. Redirects are never followed. Network thread only; Beast does not leave this
// layer.
//
// Connections to a host are kept for the next request, a bounded number for a bounded time. Only a request that is
// idempotent and without a body takes a kept one, and is made once more on a fresh one when that fails before a byte of
// its answer: the server may have ended it at that moment. A Unix socket's are not kept, so that a server that ends is
// never mistaken for an answer.

#include <chrono>
#include <memory>
#include <string>

#include "exchange/handler.hpp"
#include "http/connector.hpp"
#include "http/request_reader.hpp"
#include "http/socket_limits.hpp"

namespace owndir::http {

struct ClientLimits {
  HeadLimits head;
  std::chrono::milliseconds connect_wait{10'000};  ///< TLS included
  std::chrono::milliseconds head_wait{300'000};    ///< from the request, its body included, to its response's head
  std::chrono::milliseconds body_wait{300'000};    ///< a body that brings nothing, or is not taken, for so long is cut
  std::chrono::milliseconds continue_wait{1'000};  ///< for "100 Continue" before a body is sent without it
  std::chrono::milliseconds idle_wait{30'000};     ///< a connection is kept
  std::size_t idle_connections = 16;
  std::size_t exchanges = 512;  ///< at once, WebSockets included; beyond: Errc::limit
  std::size_t piece = 65536;    ///< bytes read and sent at once
  SocketLimits socket;
};

class Client {
 public:
  Client(asio::any_io_executor executor, Address address, ClientLimits limits = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Address& address() const;

  /// Errors: those of Connector::connect, Errc::closed when the server ended the connection before a whole head,
  /// Errc::timeout, Errc::protocol, Errc::too_large for a head beyond the limits, Errc::malformed for a request that
  /// cannot be sent. A body that ends too soon reads an error. Destroying the response's body ends the exchange.
  /// "Expect: 100-continue" is met: the body is then sent after the server's 100, or after continue_wait, or never when
  /// a final answer came first. Other interim responses are dropped.
  Awaitable<Result<exchange::Response>> send(exchange::Request request);

  /// The server's WebSocket as a session that relays to it, or what it answered instead. The request as for
  /// Handler::open_socket. Errors as above.
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request);

  /// A connection as its bytes (byte_socket.hpp); for TCP without TLS. Errors of Connector::connect.
  Awaitable<Result<std::unique_ptr<exchange::WebSocket>>> open_bytes();

  /// Whether a connection can be made; it is kept where such are.
  Awaitable<Result<void>> probe();

  /// Ends what is still being sent and every WebSocket, and waits for it. Bodies that are held elsewhere read
  /// Errc::closed from then on.
  Awaitable<void> stop();

 private:
  struct State;
  class Call;
  class CallBody;
  std::shared_ptr<State> state_;
};

}  // namespace owndir::http
