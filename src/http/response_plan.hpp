#pragma once
// How a response goes onto an HTTP/1.x connection: its head as bytes and how the receiver learns where the body ends
// (RFC 9112 section 6). No I/O; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "exchange/handler.hpp"
#include "http/request_reader.hpp"

namespace owndir::http {

struct ResponsePlan {
  std::string head;  ///< status line to empty line
  bool with_body = false;
  bool chunked = false;
  bool close = false;                   ///< the connection ends after this response
  std::optional<std::uint64_t> length;  ///< what the body must amount to, bytes
};

/// Errors (a fault of the handler; nothing has been sent): a status, reason or field that cannot be written, a
/// Content-Length that contradicts the body.
Result<ResponsePlan> plan_response(const exchange::Response& response, std::string_view method, bool http_1_1,
                                   bool keep_alive);

/// A whole answer that ends the connection.
std::string short_answer(const Refusal& refusal);

}  // namespace owndir::http
