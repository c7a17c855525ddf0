#include "http/socket_handshake.hpp"

#include <algorithm>

#include "exchange/web_socket.hpp"

namespace owndir::http {
namespace {

using exchange::iequals;

/// 16 bytes in base64.
bool is_key(std::string_view key) {
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, is_digit);
}

std::size_t count(const exchange::Fields& fields, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return iequals(field.name, name); }));
}

}  // namespace

std::optional<Refusal> check_handshake(const IncomingHead& in) {
  if (in.head.method != "GET" || !in.http_1_1) return Refusal{400, "A WebSocket is asked for by GET of HTTP/1.1."};
  if (in.has_body) return Refusal{400, "A request for a WebSocket has no body."};
  const exchange::Fields& fields = in.head.fields;
  if (fields.get("Sec-WebSocket-Version") != "13" || count(fields, "Sec-WebSocket-Version") != 1)
    return Refusal{426, "This server speaks version 13 of the WebSocket protocol only.",
                   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"};
  if (!is_key(fields.get("Sec-WebSocket-Key").value_or("")) || count(fields, "Sec-WebSocket-Key") != 1)
    return Refusal{400, "The request's Sec-WebSocket-Key is missing or is not one."};
  const auto protocols = exchange::offered_protocols(fields);
  if (!std::all_of(protocols.begin(), protocols.end(), exchange::is_token))
    return Refusal{400, "The request's Sec-WebSocket-Protocol is not a list of names."};
  return std::nullopt;
}

}  // namespace owndir::http
