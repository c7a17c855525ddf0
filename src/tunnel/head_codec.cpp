#include "tunnel/head_codec.hpp"

#include <array>
#include <charconv>
#include <vector>

#include "exchange/field_value.hpp"
#include "tunnel/wire.hpp"

namespace owndir::tunnel {
namespace {

using exchange::Field;
using exchange::Fields;
using exchange::iequals;
using exchange::RequestHead;
using exchange::ResponseHead;

constexpr std::array<std::string_view, 6> kConnectionLevel = {"connection", "keep-alive",        "proxy-connection",
                                                              "te",         "transfer-encoding", "upgrade"};

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value >= 1ULL << 63)
    return std::nullopt;
  return value;
}

Result<void> check_field(std::string_view name, std::string_view value, bool& length_seen, const Limits& limits) {
  if (name.size() > limits.field_name) return fail(Errc::too_large, "field name");
  if (value.size() > limits.field_value) return fail(Errc::too_large, "field value");
  if (!exchange::is_token(name)) return fail(Errc::malformed, "field name");
  if (!exchange::is_passable_value(value)) return fail(Errc::malformed, "field value");
  if (iequals(name, "content-length")) {
    if (length_seen) return fail(Errc::malformed, "more than one content-length");
    if (!parse_length(value)) return fail(Errc::malformed, "content-length");
    length_seen = true;
  }
  return {};
}

Result<void> check_request_line(std::string_view method, std::string_view target, const Limits& limits) {
  if (method.size() > limits.method) return fail(Errc::too_large, "method");
  if (target.size() > limits.target) return fail(Errc::too_large, "target");
  if (!exchange::is_token(method)) return fail(Errc::malformed, "method");
  if (!exchange::is_target(target)) return fail(Errc::malformed, "target");
  return {};
}

Result<void> check_status_line(std::uint16_t status, std::string_view reason, const Limits& limits) {
  if (reason.size() > limits.reason) return fail(Errc::too_large, "reason");
  if (status < 100 || status > 999) return fail(Errc::malformed, "status");
  if (!exchange::is_field_value(reason)) return fail(Errc::malformed, "reason");
  return {};
}

Result<Fields> decode_fields(WireReader& reader, const Limits& limits) {
  Fields fields;
  const std::size_t count = reader.u16();
  if (count > limits.fields) return fail(Errc::too_large, "fields");
  bool length_seen = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = reader.text(reader.u16());
    const std::string_view value = reader.text(reader.u16());
    if (!reader.ok()) return fail(Errc::malformed, "a head cut short");
    if (const auto checked = check_field(name, value, length_seen, limits); !checked) return fail(checked.error());
    if (is_connection_level(name)) return fail(Errc::malformed, "a connection-level field");
    fields.add(std::string(name), std::string(value));
  }
  if (!reader.at_end()) return fail(Errc::malformed, reader.ok() ? "bytes after the head" : "a head cut short");
  return fields;
}

/// The names that `connection` fields list, RFC 9110 section 7.6.1.
std::vector<std::string_view> nominated(const Fields& fields) {
  std::vector<std::string_view> names;
  for (const Field& field : fields) {
    if (!iequals(field.name, "connection")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view name = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
      while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
      if (!name.empty()) names.push_back(name);
    }
  }
  return names;
}

Result<void> append_fields(Bytes& frame, const Fields& fields, const Limits& limits, std::uint64_t max_head) {
  const std::size_t count_at = frame.size();
  put_u16(frame, 0);
  const std::vector<std::string_view> dropped = nominated(fields);
  bool length_seen = false;
  std::size_t count = 0;
  for (const Field& field : fields) {
    if (const auto checked = check_field(field.name, field.value, length_seen, limits); !checked)
      return fail(checked.error());
    const auto same = [&](std::string_view name) { return iequals(name, field.name); };
    if (is_connection_level(field.name) || std::any_of(dropped.begin(), dropped.end(), same)) continue;
    if (++count > limits.fields) return fail(Errc::too_large, "fields");
    put_u16(frame, static_cast<std::uint16_t>(field.name.size()));
    put_text(frame, field.name);
    put_u16(frame, static_cast<std::uint16_t>(field.value.size()));
    put_text(frame, field.value);
    if (frame.size() > max_head) return fail(Errc::too_large, "head");
  }
  frame[count_at] = static_cast<std::byte>(count >> 8);
  frame[count_at + 1] = static_cast<std::byte>(count & 0xff);
  if (frame.size() > max_head) return fail(Errc::too_large, "head");
  return {};
}

}  // namespace

bool is_connection_level(std::string_view field_name) {
  return std::any_of(kConnectionLevel.begin(), kConnectionLevel.end(),
                     [&](std::string_view name) { return iequals(name, field_name); });
}

std::optional<std::uint64_t> content_length(const Fields& fields) {
  const auto text = fields.get("content-length");
  return text ? parse_length(*text) : std::nullopt;
}

Result<RequestHead> decode_request_head(ByteView payload, const Limits& limits) {
  WireReader reader(payload);
  const std::string_view method = reader.text(reader.u8());
  const std::string_view target = reader.text(reader.u16());
  if (!reader.ok()) return fail(Errc::malformed, "a head cut short");
  if (const auto checked = check_request_line(method, target, limits); !checked) return fail(checked.error());
  Result<Fields> fields = decode_fields(reader, limits);
  if (!fields) return fail(std::move(fields.error()));
  return RequestHead{std::string(method), std::string(target), std::move(*fields)};
}

Result<ResponseHead> decode_response_head(ByteView payload, const Limits& limits) {
  WireReader reader(payload);
  const std::uint16_t status = reader.u16();
  const std::string_view reason = reader.text(reader.u16());
  if (!reader.ok()) return fail(Errc::malformed, "a head cut short");
  if (const auto checked = check_status_line(status, reason, limits); !checked) return fail(checked.error());
  Result<Fields> fields = decode_fields(reader, limits);
  if (!fields) return fail(std::move(fields.error()));
  return ResponseHead{status, std::string(reason), std::move(*fields)};
}

Result<void> append_request_head(Bytes& frame, const RequestHead& head, const Limits& limits, std::uint64_t max_head) {
  if (const auto checked = check_request_line(head.method, head.target, limits); !checked) return fail(checked.error());
  put_u8(frame, static_cast<std::uint8_t>(head.method.size()));
  put_text(frame, head.method);
  put_u16(frame, static_cast<std::uint16_t>(head.target.size()));
  put_text(frame, head.target);
  return append_fields(frame, head.fields, limits, max_head);
}

Result<void> append_response_head(Bytes& frame, const ResponseHead& head, const Limits& limits,
                                  std::uint64_t max_head) {
  if (const auto checked = check_status_line(head.status, head.reason, limits); !checked) return fail(checked.error());
  put_u16(frame, head.status);
  put_u16(frame, static_cast<std::uint16_t>(head.reason.size()));
  put_text(frame, head.reason);
  return append_fields(frame, head.fields, limits, max_head);
}

}  // namespace owndir::tunnel
