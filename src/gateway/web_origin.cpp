#include "gateway/web_origin.hpp"

#include <algorithm>
#include <charconv>

namespace owndir::gateway {
namespace {

constexpr std::size_t kHostBytes = 253;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

std::uint16_t usual_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

bool is_host(std::string_view host) {
  const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (v6) host = host.substr(1, host.size() - 2);
  const std::string_view marks = v6 ? ":." : ".-_";
  return !host.empty() && host.size() <= kHostBytes && std::all_of(host.begin(), host.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || marks.find(c) != marks.npos;
  });
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

}  // namespace

std::string WebOrigin::authority() const {
  return port == usual_port(scheme) ? host : host + ":" + std::to_string(port);
}

std::string WebOrigin::str() const {
  return scheme + "://" + authority();
}

std::optional<SplitUrl> split_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == text.npos || colon > 8) return std::nullopt;
  SplitUrl split;
  split.origin.scheme = lower(text.substr(0, colon));
  split.origin.port = usual_port(split.origin.scheme);
  text.remove_prefix(colon + 3);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, end);
  split.rest = text.substr(end);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t at = authority.find(':', bracket == authority.npos ? 0 : bracket);
  if (at != authority.npos) {
    const std::string_view digits = authority.substr(at + 1);
    authority = authority.substr(0, at);
    if (!digits.empty()) {
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), split.origin.port);
      if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
    }
  }
  split.origin.host = lower(authority);
  if (!is_host(split.origin.host) || split.origin.port == 0) return std::nullopt;
  return split;
}

std::optional<WebOrigin> parse_origin(std::string_view text) {
  auto split = split_url(text);
  if (!split || (!split->rest.empty() && split->rest != "/") || usual_port(split->origin.scheme) == 0)
    return std::nullopt;
  return std::move(split->origin);
}

bool is_same_place(const WebOrigin& one, const WebOrigin& other) {
  if (one == other) return true;
  return one.scheme == other.scheme && one.port == other.port && is_this_machine(one.host) &&
         is_this_machine(other.host);
}

}  // namespace owndir::gateway
