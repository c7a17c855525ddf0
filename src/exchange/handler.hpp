#pragma once
// What answers a request. The local HTTP server, the tunnel's server and the gateway meet here: the first two call a
// Handler, the gateway is one, and so is the tunnel's client, which is how `owndir connect` forwards. Network thread
// only.

#include <variant>

#include "exchange/body.hpp"
#include "exchange/head.hpp"
#include "exchange/web_socket.hpp"

namespace owndir::exchange {

/// Where a request came in; decides which rules apply before the gateway sees it.
enum class Origin { local, tunnel };

struct Request {
  RequestHead head;
  Body body;  ///< null when there is none
  Origin origin = Origin::local;
};

struct Response {
  ResponseHead head;
  Body body;  ///< null when there is none. Must be null when is_bodiless(method, status), HEAD included.
};

/// What a request for a WebSocket gets: the socket, or an ordinary response instead.
using SocketAnswer = std::variant<Response, SocketAccept>;

class Handler {
 public:
  virtual ~Handler() = default;

  /// Answers one request; many run at once. An error means that there is no answer (peer gone, cancelled): the caller
  /// breaks the exchange or answers 502. The awaiting coroutine is cancelled when the requester goes away.
  virtual Awaitable<Result<Response>> handle(Request request) = 0;

  /// Answers at once what needs neither wait nor work, exactly as `handle` would; nothing: ask `handle`. For requests
  /// without a body that are not for a WebSocket. What is asked often must not pay for what is asked seldom.
  virtual std::optional<Response> answer_now(const RequestHead& head);

  /// Answers a request for a WebSocket: a GET without body and without the fields of the handshake itself, but with
  /// Sec-WebSocket-Protocol (offered_protocols). As `handle` otherwise. Unless overridden: status 501.
  virtual Awaitable<Result<SocketAnswer>> open_socket(Request request);
};

/// A complete plain-text response with content-length, `nosniff` and no-store; reason is the standard phrase.
Response text_response(std::uint16_t status, std::string text, std::string_view type = "text/plain; charset=utf-8");

/// The status that stands for an error (one table for the whole program).
std::uint16_t http_status(const Error& error);

}  // namespace owndir::exchange
