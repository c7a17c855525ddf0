#pragma once
// The frames of the tunnel (docs/protocol.md section 2), one channel message each: decoding bounded by Limits, and
// encoding. Bodies are views into the message, which must outlive them; everything else is copied. Pure; any thread.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "exchange/head.hpp"
#include "owndir/protocol.hpp"

namespace owndir::tunnel {

/// Bytes before the payload.
inline constexpr std::size_t kFrameHeader = 6;

using ExchangeId = std::uint32_t;

struct FrameHeader {
  FrameType type{};  ///< may be none of the enumerators
  std::uint8_t flags = 0;
  ExchangeId exchange = 0;

  bool has(Flag flag) const { return (flags & static_cast<std::uint8_t>(flag)) != 0; }
};

struct Hello {
  std::uint16_t version_min = kVersion;
  std::uint16_t version_max = kVersion;
  std::vector<std::pair<Setting, std::uint32_t>> settings;  ///< known keys only, each once

  std::uint32_t get(Setting setting, std::uint64_t otherwise) const;
};
/// Ping and pong.
struct Opaque {
  std::array<std::byte, 8> bytes{};
};
struct GoAway {
  Code code = Code::no_error;
  ExchangeId last_exchange = 0;
  std::string text;
};
struct Credit {
  std::uint32_t bytes = 0;
};
struct Reset {
  Code code = Code::cancelled;
  std::string text;
};
/// A body or WebSocket payload, or that of an unknown frame.
struct Payload {
  ByteView bytes;
};
struct SocketClose {
  std::optional<std::uint16_t> code;
  std::string reason;
};

struct Frame {
  FrameHeader header;
  std::variant<Payload, Hello, Opaque, GoAway, exchange::RequestHead, exchange::ResponseHead, Credit, Reset,
               SocketClose>
      content;
};

bool is_connection_frame(FrameType type);
bool is_known(FrameType type);

/// Errc::malformed when the message is shorter than a header.
Result<FrameHeader> decode_header(ByteView message);

/// A whole message. Errc::malformed, too_large or (hello with another magic) unsupported. A frame's size against
/// max_frame and max_head is the caller's to check.
Result<Frame> decode(ByteView message, const Limits& limits);

/// The message for `frame`. Errors: heads, as in head_codec.hpp, within `limits` and `max_head`; texts are cut to their
/// limit.
Result<Bytes> encode(const Frame& frame, const Limits& limits, std::uint64_t max_head);

/// For frames that cannot fail: all but those with a head.
Bytes encode_simple(const Frame& frame, const Limits& limits);

void write_header(std::span<std::byte, kFrameHeader> out, const FrameHeader& header);

/// The failure that a code from the other end stands for, and the code for a failure of ours.
Error to_error(Code code, std::string_view text);
const char* to_string(Code code);

}  // namespace owndir::tunnel
