#include "tunnel/frame.hpp"

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "exchange/web_socket.hpp"
#include "tunnel/head_codec.hpp"
#include "tunnel/wire.hpp"

namespace owndir::tunnel {
namespace {

constexpr std::string_view kMagic = "owndir";
constexpr std::uint32_t kSmallestFrame = 1024;  // a setting below this would leave no room for anything
constexpr std::uint32_t kLargestCredit = 0x7fffffff;

bool is_acceptable(Setting setting, std::uint32_t value) {
  switch (setting) {
    case Setting::max_frame:
    case Setting::max_head: return value >= kSmallestFrame;
    case Setting::data_piece: return value > 0;
    case Setting::initial_credit: return value <= kLargestCredit;
    case Setting::max_exchanges: return true;
  }
  return true;
}

Result<Hello> decode_hello(ByteView payload) {
  WireReader reader(payload);
  const std::string_view magic = reader.text(kMagic.size());
  if (!reader.ok()) return fail(Errc::malformed, "hello");
  if (magic != kMagic) return fail(Errc::unsupported, "hello of another protocol");
  Hello hello;
  hello.version_min = reader.u16();
  hello.version_max = reader.u16();
  for (std::size_t count = reader.u16(); count > 0 && reader.ok(); --count) {
    const auto setting = static_cast<Setting>(reader.u16());
    const std::uint32_t value = reader.u32();
    if (setting < Setting::max_frame || setting > Setting::max_head) continue;
    std::erase_if(hello.settings, [&](const auto& earlier) { return earlier.first == setting; });
    hello.settings.emplace_back(setting, value);
  }
  if (!reader.at_end() || hello.version_min > hello.version_max) return fail(Errc::malformed, "hello");
  for (const auto& [setting, value] : hello.settings)
    if (!is_acceptable(setting, value)) return fail(Errc::malformed, "setting in hello");
  return hello;
}

Result<GoAway> decode_goaway(WireReader reader, const Limits& limits) {
  GoAway goaway;
  goaway.code = static_cast<Code>(reader.u16());
  goaway.last_exchange = reader.u32();
  if (!reader.ok()) return fail(Errc::malformed, "goaway");
  goaway.text = as_text(reader.rest());
  if (goaway.text.size() > limits.reset_text) return fail(Errc::too_large, "goaway text");
  return goaway;
}

Result<Reset> decode_reset(WireReader reader, const Limits& limits) {
  Reset reset;
  reset.code = static_cast<Code>(reader.u16());
  if (!reader.ok()) return fail(Errc::malformed, "reset");
  reset.text = as_text(reader.rest());
  if (reset.text.size() > limits.reset_text) return fail(Errc::too_large, "reset text");
  return reset;
}

Result<SocketClose> decode_socket_close(ByteView payload, const Limits& limits) {
  SocketClose close;
  if (payload.empty()) return close;
  if (payload.size() > limits.socket_control) return fail(Errc::too_large, "socket_close");
  WireReader reader(payload);
  close.code = reader.u16();
  if (!reader.ok()) return fail(Errc::malformed, "socket_close");
  close.reason = as_text(reader.rest());
  if (!exchange::may_be_sent(*close.code)) return fail(Errc::malformed, "code of socket_close");
  if (!is_utf8(close.reason)) return fail(Errc::malformed, "reason of socket_close");
  return close;
}

/// Moves a decoded value, or its error, into the frame's result.
template <class T>
Result<Frame> with(Frame frame, Result<T> content) {
  if (!content) return fail(std::move(content.error()));
  frame.content = std::move(*content);
  return frame;
}

Result<Frame> decode_connection_frame(Frame frame, ByteView payload, const Limits& limits) {
  WireReader reader(payload);
  if (frame.header.type == FrameType::hello) return with(std::move(frame), decode_hello(payload));
  if (frame.header.type == FrameType::goaway) return with(std::move(frame), decode_goaway(reader, limits));
  Opaque opaque;
  if (payload.size() != opaque.bytes.size()) return fail(Errc::malformed, "ping or pong");
  std::copy(payload.begin(), payload.end(), opaque.bytes.begin());
  frame.content = opaque;
  return frame;
}

Result<Frame> decode_socket_head(Frame frame, ByteView payload, const Limits& limits) {
  if (frame.header.type == FrameType::socket_open) {
    Result<exchange::RequestHead> head = decode_request_head(payload, limits);
    if (head && head->method != "GET") return fail(Errc::malformed, "method of a WebSocket");
    return with(std::move(frame), std::move(head));
  }
  Result<exchange::ResponseHead> head = decode_response_head(payload, limits);
  if (head && head->status != 101) return fail(Errc::malformed, "status of a WebSocket");
  return with(std::move(frame), std::move(head));
}

Result<Frame> decode_response(Frame frame, ByteView payload, const Limits& limits) {
  Result<exchange::ResponseHead> head = decode_response_head(payload, limits);
  if (head && head->status == 101) return fail(Errc::malformed, "status 101");
  return with(std::move(frame), std::move(head));
}

void append_text(Bytes& out, std::string_view text, const Limits& limits) {
  put_text(out, cut_utf8(text, limits.reset_text));
}

struct Append {
  Bytes& out;
  const Limits& limits;
  std::uint64_t max_head;

  Result<void> operator()(const Payload& payload) const {
    put_bytes(out, payload.bytes);
    return {};
  }
  Result<void> operator()(const Hello& hello) const {
    put_text(out, kMagic);
    put_u16(out, hello.version_min);
    put_u16(out, hello.version_max);
    put_u16(out, static_cast<std::uint16_t>(hello.settings.size()));
    for (const auto& [setting, value] : hello.settings) {
      put_u16(out, static_cast<std::uint16_t>(setting));
      put_u32(out, value);
    }
    return {};
  }
  Result<void> operator()(const Opaque& opaque) const {
    put_bytes(out, opaque.bytes);
    return {};
  }
  Result<void> operator()(const GoAway& goaway) const {
    put_u16(out, static_cast<std::uint16_t>(goaway.code));
    put_u32(out, goaway.last_exchange);
    append_text(out, goaway.text, limits);
    return {};
  }
  Result<void> operator()(const exchange::RequestHead& head) const {
    return append_request_head(out, head, limits, max_head);
  }
  Result<void> operator()(const exchange::ResponseHead& head) const {
    return append_response_head(out, head, limits, max_head);
  }
  Result<void> operator()(const Credit& credit) const {
    put_u32(out, credit.bytes);
    return {};
  }
  Result<void> operator()(const Reset& reset) const {
    put_u16(out, static_cast<std::uint16_t>(reset.code));
    append_text(out, reset.text, limits);
    return {};
  }
  Result<void> operator()(const SocketClose& close) const {
    if (!close.code) return {};
    put_u16(out, *close.code);
    put_text(out, cut_utf8(close.reason, limits.socket_control - 2));
    return {};
  }
};

}  // namespace

std::uint32_t Hello::get(Setting setting, std::uint64_t otherwise) const {
  for (const auto& [key, value] : settings)
    if (key == setting) return value;
  return static_cast<std::uint32_t>(otherwise);
}

bool is_connection_frame(FrameType type) {
  return type >= FrameType::hello && type <= FrameType::goaway;
}

bool is_known(FrameType type) {
  return is_connection_frame(type) || (type >= FrameType::request && type <= FrameType::reset) ||
         (type >= FrameType::socket_open && type <= FrameType::socket_close);
}

Result<FrameHeader> decode_header(ByteView message) {
  WireReader reader(message);
  FrameHeader header;
  header.type = static_cast<FrameType>(reader.u8());
  header.flags = reader.u8();
  header.exchange = reader.u32();
  if (!reader.ok()) return fail(Errc::malformed, "a frame shorter than its header");
  return header;
}

Result<Frame> decode(ByteView message, const Limits& limits) {
  const Result<FrameHeader> header = decode_header(message);
  if (!header) return fail(header.error());
  Frame frame{*header, {}};
  const ByteView payload = message.subspan(kFrameHeader);
  if (is_known(header->type) && is_connection_frame(header->type) != (header->exchange == 0))
    return fail(Errc::malformed, "exchange number");
  switch (header->type) {
    case FrameType::hello:
    case FrameType::ping:
    case FrameType::pong:
    case FrameType::goaway: return decode_connection_frame(std::move(frame), payload, limits);
    case FrameType::request: return with(std::move(frame), decode_request_head(payload, limits));
    case FrameType::response: return decode_response(std::move(frame), payload, limits);
    case FrameType::socket_open:
    case FrameType::socket_accept: return decode_socket_head(std::move(frame), payload, limits);
    case FrameType::data:
      if (payload.empty() && !header->has(Flag::end)) return fail(Errc::malformed, "data without a byte");
      break;
    case FrameType::credit: {
      WireReader reader(payload);
      const Credit credit{reader.u32()};
      if (!reader.at_end() || credit.bytes == 0) return fail(Errc::malformed, "credit");
      frame.content = credit;
      return frame;
    }
    case FrameType::reset: return with(std::move(frame), decode_reset(WireReader(payload), limits));
    case FrameType::socket_control:
      if (payload.size() > limits.socket_control) return fail(Errc::too_large, "socket_control");
      break;
    case FrameType::socket_close: return with(std::move(frame), decode_socket_close(payload, limits));
    case FrameType::socket_message: break;
  }
  frame.content = Payload{payload};
  return frame;
}

Result<Bytes> encode(const Frame& frame, const Limits& limits, std::uint64_t max_head) {
  Bytes out(kFrameHeader);
  write_header(std::span<std::byte, kFrameHeader>(out.data(), kFrameHeader), frame.header);
  const auto* response = std::get_if<exchange::ResponseHead>(&frame.content);
  if (response && (response->status == 101) != (frame.header.type == FrameType::socket_accept))
    return fail(Errc::malformed, "status");
  if (auto appended = std::visit(Append{out, limits, max_head}, frame.content); !appended)
    return fail(std::move(appended.error()));
  return out;
}

Bytes encode_simple(const Frame& frame, const Limits& limits) {
  return encode(frame, limits, limits.max_head).value_or(Bytes());
}

void write_header(std::span<std::byte, kFrameHeader> out, const FrameHeader& header) {
  out[0] = static_cast<std::byte>(header.type);
  out[1] = static_cast<std::byte>(header.flags);
  for (std::size_t i = 0; i < 4; ++i) out[2 + i] = static_cast<std::byte>(header.exchange >> (24 - 8 * i) & 0xff);
}

const char* to_string(Code code) {
  switch (code) {
    case Code::no_error: return "no error";
    case Code::cancelled: return "cancelled";
    case Code::refused: return "refused";
    case Code::protocol: return "protocol error";
    case Code::flow: return "more data than credit";
    case Code::too_large: return "too large";
    case Code::upstream: return "the source of the body failed";
    case Code::internal: return "internal fault";
    case Code::timeout: return "timed out";
    case Code::unsupported: return "not supported";
    case Code::too_fast: return "too fast";
  }
  return "unknown code";
}

Error to_error(Code code, std::string_view text) {
  std::string context = to_string(code);
  if (!text.empty()) context += " (" + printable(text) + ")";
  const auto as = [&](Errc errc) { return Error{make_error_code(errc), std::move(context)}; };
  switch (code) {
    case Code::cancelled: return as(Errc::cancelled);
    case Code::protocol:
    case Code::flow: return as(Errc::protocol);
    case Code::too_large: return as(Errc::too_large);
    case Code::timeout: return as(Errc::timeout);
    case Code::unsupported: return as(Errc::unsupported);
    case Code::too_fast: return as(Errc::limit);
    case Code::internal: return as(Errc::internal);
    case Code::no_error:
    case Code::refused:
    case Code::upstream: break;
  }
  return as(Errc::closed);
}

}  // namespace owndir::tunnel
