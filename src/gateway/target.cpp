#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

/// The raw value of a query parameter; an empty view for one without '='.
std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == query.npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace

bool Target::has_parameter(std::string_view name) const {
  return find_parameter(query, name).has_value();
}

std::optional<std::string> Target::parameter(std::string_view name) const {
  const auto raw = find_parameter(query, name);
  return raw ? percent_decode(*raw) : std::nullopt;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 3 <= text.size() ? digit(text[i + 1]) : -1;
    const int low = i + 3 <= text.size() ? digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::string percent_encode(std::string_view segment) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(segment.size());
  for (const char c : segment) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string url_path(const RootedPath& path, bool directory) {
  std::string url;
  for (const std::string& segment : path.segments()) url.append("/").append(percent_encode(segment));
  if (directory || url.empty()) url += '/';
  return url;
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  const std::size_t question = text.find('?');
  if (question != text.npos) target.query = text.substr(question + 1);
  std::string_view path = text.substr(0, question);
  if (path.empty() || path.front() != '/') return fail(Errc::malformed, "the address is not a path");
  target.directory = path.back() == '/';
  const auto decoded = percent_decode(path);
  if (!decoded) return fail(Errc::malformed, "the address has a broken %-escape");
  // A file name cannot hold '/', so an encoded one can only be meant to confuse.
  std::size_t plain = 0;
  std::size_t all = 0;
  for (const char c : path) plain += c == '/' ? 1U : 0U;
  for (const char c : *decoded) all += c == '/' ? 1U : 0U;
  if (all != plain) return fail(Errc::malformed, "the address has an encoded '/'");
  auto rooted = RootedPath::parse(*decoded);
  if (!rooted) return fail(std::move(rooted.error()));
  target.path = std::move(*rooted);
  return target;
}

}  // namespace owndir::gateway
