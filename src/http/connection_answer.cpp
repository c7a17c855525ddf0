// How a connection asks its handler.
#include <boost/asio/error.hpp>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace owndir::http {

/// A Response, unless `upgrade_` is set.
Awaitable<exchange::SocketAnswer> Connection::answer(exchange::Request request, IncomingHead& in) {
  if (!in.websocket) co_return co_await ask_handler(std::move(request), false);
  std::string key(request.head.fields.get("Sec-WebSocket-Key").value_or(""));
  exchange::remove_handshake_fields(request.head.fields);
  const exchange::Fields fields = request.head.fields;
  exchange::SocketAnswer answered = co_await ask_handler(std::move(request), true);
  auto* accept = std::get_if<exchange::SocketAccept>(&answered);
  if (!accept) co_return answered;
  if (const auto fault = exchange::accept_fault(*accept, fields)) {
    log("http").error("a WebSocket cannot be opened: {}", *fault);
    co_return exchange::text_response(500, "The server has a fault; its log says more.\n");
  }
  // RFC 6455 section 4.1: the client waits for the answer before it sends anything else.
  if (!input().empty()) co_return exchange::text_response(400, "Something was sent before the WebSocket was open.\n");
  upgrade_ = Upgrade{std::move(key), std::move(*accept)};
  co_return exchange::Response();
}

Awaitable<exchange::SocketAnswer> Connection::ask_handler(exchange::Request request, bool for_socket) {
  try {
    Error failure;
    if (for_socket) {
      Result<exchange::SocketAnswer> answer = co_await handler_.open_socket(std::move(request));
      if (answer) co_return std::move(*answer);
      failure = std::move(answer.error());
    } else {
      Result<exchange::Response> response = co_await handler_.handle(std::move(request));
      if (response) co_return std::move(*response);
      failure = std::move(response.error());
    }
    log("http").debug("no answer: {}", printable(failure.to_string()));
    co_return exchange::text_response(502, "No answer to this request: " + printable(failure.to_string()) + "\n");
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    log("http").error("a request failed by an exception: {}", error.what());
  } catch (const std::exception& error) {
    log("http").error("a request failed by an exception: {}", error.what());
  }
  co_return exchange::text_response(500, "The server has a fault; its log says more.\n");
}

}  // namespace owndir::http
