#pragma once
// Request and response heads as the payload of frames (docs/protocol.md section 2, "Heads"): byte-exact, bounded by
// Limits, checked in both directions. Connection-level fields are dropped on sending and refused on receipt. Pure; any
// thread.

#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "exchange/head.hpp"
#include "owndir/protocol.hpp"

namespace owndir::tunnel {

/// Errc::malformed or too_large, the context says what is wrong.
Result<exchange::RequestHead> decode_request_head(ByteView payload, const Limits& limits);
Result<exchange::ResponseHead> decode_response_head(ByteView payload, const Limits& limits);

/// Appends the payload to `frame`. Errc::malformed or too_large, also when `frame` grows beyond `max_head`.
Result<void> append_request_head(Bytes& frame, const exchange::RequestHead& head, const Limits& limits,
                                 std::uint64_t max_head);
Result<void> append_response_head(Bytes& frame, const exchange::ResponseHead& head, const Limits& limits,
                                  std::uint64_t max_head);

/// Whether the field belongs to one connection (RFC 9110 section 7.6.1) and so never travels.
bool is_connection_level(std::string_view field_name);

/// The content-length of a head that passed one of the functions above.
std::optional<std::uint64_t> content_length(const exchange::Fields& fields);

}  // namespace owndir::tunnel
