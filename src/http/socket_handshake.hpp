#pragma once
// The server's half of the opening handshake of a WebSocket (RFC 6455 section 4.2) without I/O. Any thread.

#include <optional>

#include "http/request_reader.hpp"

namespace owndir::http {

/// What is wrong with a request that asks for a WebSocket; nothing when it may have one.
std::optional<Refusal> check_handshake(const IncomingHead& in);

}  // namespace owndir::http
