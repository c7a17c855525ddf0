#include "http/response_head.hpp"

#include "exchange/field_value.hpp"

namespace owndir::http {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Error broken(const char* what) {
  return Error{make_error_code(Errc::protocol), std::string("the response is not well-formed HTTP: ") + what};
}

/// Takes the first line; `odd` when it ends in LF alone.
std::string_view take_line(std::string_view& rest, bool& odd) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  else
    odd = true;
  return line;
}

/// HTTP-version SP status-code [SP reason] (RFC 9112 section 4).
bool read_status_line(std::string_view line, ReadHead& read, const HeadLimits& limits) {
  static constexpr std::string_view kVersion = "HTTP/1.";
  if (line.size() < 12 || !line.starts_with(kVersion) || line[8] != ' ') return false;
  if (line[7] != '0' && line[7] != '1') return false;
  read.http_1_1 = line[7] == '1';
  unsigned status = 0;
  for (const char digit : line.substr(9, 3)) {
    if (digit < '0' || digit > '9') return false;
    status = status * 10 + static_cast<unsigned>(digit - '0');
  }
  if (status < 100 || (line.size() > 12 && line[12] != ' ')) return false;
  read.head.status = static_cast<std::uint16_t>(status);
  read.head.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  return read.head.reason.size() <= limits.field_value && exchange::is_field_value(read.head.reason);
}

/// A folded line goes on in the value before it, after one blank (RFC 9112 section 5.2).
bool unfold(std::string_view line, bool after_field, std::string& value, const HeadLimits& limits) {
  if (!after_field) return true;  // belongs to a line that was passed over
  const std::string_view more = trimmed(line);
  if (!value.empty() && !more.empty()) value += ' ';
  value += more;
  return value.size() <= limits.field_value;
}

}  // namespace

std::size_t head_size(std::string_view input, std::size_t from) {
  for (std::size_t at = input.find('\n', from); at != input.npos; at = input.find('\n', at + 1)) {
    if (input.substr(at + 1, 1) == "\n") return at + 2;
    if (input.substr(at + 1, 2) == "\r\n") return at + 3;
  }
  return input.npos;
}

Result<ReadHead> read_response_head(std::string_view head, const HeadLimits& limits) {
  ReadHead read;
  if (head.find('\0') != head.npos) return fail(broken("a NUL"));
  std::string_view line = take_line(head, read.odd);
  if (!read_status_line(line, read, limits)) return fail(broken("its first line"));
  std::vector<exchange::Field> fields;
  bool after_field = false;
  bool first = true;
  while (!head.empty()) {
    line = take_line(head, read.odd);
    if (line.find('\r') != line.npos) return fail(broken("a CR within a line"));
    if (line.empty()) break;
    if (is_blank(line.front())) {
      if (first) return fail(broken("a blank before its first field"));
      read.odd = true;
      std::string none;
      std::string& value = fields.empty() ? none : fields.back().value;
      if (!unfold(line, after_field, value, limits)) return fail(broken("a field beyond its limit"));
      continue;
    }
    first = false;
    const std::size_t colon = line.find(':');
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    const bool plain = colon != line.npos && name.size() == colon;
    after_field = colon != line.npos && exchange::is_token(name);
    read.odd = read.odd || !plain || !after_field;
    if (!after_field) continue;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (fields.size() >= limits.fields || name.size() > limits.field_name || value.size() > limits.field_value)
      return fail(broken("a field beyond its limit, or too many"));
    fields.push_back({std::string(name), std::string(value)});
  }
  if (!head.empty()) return fail(broken("something after its empty line"));
  for (exchange::Field& field : fields) {
    read.odd = read.odd || !exchange::is_field_value(field.value);
    read.head.fields.add(std::move(field.name), std::move(field.value));
  }
  if (read.odd && !limits.as_browsers) return fail(broken("its fields"));
  return read;
}

}  // namespace owndir::http
