#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "base/log.hpp"
#include "rtc/peer.hpp"
#include "rtc/token.hpp"

namespace owndir::rtc {

namespace {

constexpr std::size_t kMaxText = 512;

tl::unexpected<Error> malformed(std::string_view text, std::string_view why) {
  return fail(Errc::malformed, fmt::format("'{}' is not an ICE server: {}", printable(text), why));
}

bool is_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET6, std::string(host).c_str(), bytes.data()) == 1;
}

/// "host", "host:port", "[v6]", "[v6]:port"; a sentence when it is none of these.
std::string_view check_address(std::string_view address) {
  std::string_view port;
  if (address.starts_with('[')) {
    const std::size_t end = address.find(']');
    if (end == std::string_view::npos || !is_ipv6(address.substr(1, end - 1))) return "the IPv6 address is not one";
    port = address.substr(end + 1);
  } else {
    const std::size_t colon = address.find(':');
    if (colon != address.rfind(':')) return "an IPv6 address needs brackets, as in stun:[::1]:3478";
    if (!is_name(address.substr(0, colon))) return "the host name is missing or has characters that no name has";
    if (colon != std::string_view::npos) port = address.substr(colon);
  }
  if (port.empty()) return {};
  const auto number = port.front() == ':' ? parse_number(port.substr(1), 65535) : std::nullopt;
  return number && *number > 0 ? std::string_view() : std::string_view("the port is not a number from 1 to 65535");
}

}  // namespace

Result<IceServer> parse_ice_server(std::string_view text) {
  if (text.size() > kMaxText) return malformed(text, "longer than 512 bytes");
  const std::size_t colon = text.find(':');
  const std::string scheme = lower(text.substr(0, colon));
  if (colon == std::string_view::npos || (scheme != "stun" && scheme != "turn" && scheme != "turns")) {
    return malformed(text, "write stun:host[:port], turn:host[:port] or turns:host[:port]");
  }
  std::string_view rest = text.substr(colon + 1);
  if (rest.starts_with("//")) return malformed(text, "write it without //, as in stun:example.org:3478");

  IceServer server;
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    if (scheme == "stun") return malformed(text.substr(0, 5), "a STUN server takes no user and password");
    const std::string_view user = rest.substr(0, at);
    const std::size_t split = user.find(':');
    if (split == 0 || split == std::string_view::npos) return malformed(scheme, "write turn:USER:PASSWORD@host");
    server.username = user.substr(0, split);
    server.credential = user.substr(split + 1);
    rest = rest.substr(at + 1);
  }
  if (scheme != "stun" && server.credential.empty()) {
    return malformed(scheme, "a TURN server needs user and password: turn:USER:PASSWORD@host");
  }
  const std::size_t question = rest.find('?');
  const std::string_view address = rest.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view() : rest.substr(question);
  // What is shown holds no password.
  const std::string shown = fmt::format("{}:{}", scheme, rest);
  if (const std::string_view why = check_address(address); !why.empty()) return malformed(shown, why);
  if (!query.empty() && (scheme == "stun" || (query != "?transport=udp" && query != "?transport=tcp"))) {
    return malformed(shown, "only turn and turns take ?transport=udp or ?transport=tcp");
  }
  server.url = shown;
  return server;
}

}  // namespace owndir::rtc
