#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.hpp"
#include "rtc/sdp.hpp"
#include "rtc/token.hpp"

namespace owndir::rtc {

namespace {

constexpr std::uint32_t kMaxPriority = 2147483647;  // RFC 8445 section 5.1.2
constexpr std::uint16_t kFirstFreePort = 1024;      // the stack refuses well-known ports

/// The canonical text of a numeric address, empty when it is none. Unicast only is judged by `usable`.
std::string canonical_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), bytes.data()) == 1 &&
        inet_ntop(family, bytes.data(), out.data(), out.size()) != nullptr) {
      return out.data();
    }
  }
  return {};
}

bool is_unicast(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    const std::uint32_t value = ntohl(v4.s_addr);
    return (value >> 24) != 0 && (value >> 28) < 0xE;  // not 0/8, multicast, reserved, broadcast
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
  return !IN6_IS_ADDR_UNSPECIFIED(&v6) && !IN6_IS_ADDR_MULTICAST(&v6) && !IN6_IS_ADDR_V4MAPPED(&v6) &&
         !IN6_IS_ADDR_V4COMPAT(&v6);
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
  });
}

tl::unexpected<Error> malformed(std::string_view what, std::string_view text) {
  return fail(Errc::malformed, fmt::format("candidate: {}: {}", what, printable(text)));
}

}  // namespace

bool SdpCandidate::usable() const {
  return udp && numeric && port >= kFirstFreePort && is_unicast(address) &&
         (type == "host" || type == "srflx" || type == "prflx" || type == "relay");
}

std::string describe_address(std::string_view address, std::uint16_t port) {
  const bool brackets = address.find(':') != std::string_view::npos;
  return brackets ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string SdpCandidate::describe() const {
  return fmt::format("{} {} {}", type, udp ? "udp" : "tcp", describe_address(address, port));
}

Result<SdpCandidate> parse_candidate(std::string_view text) {
  constexpr std::string_view kPrefix = "candidate:";
  if (!text.starts_with(kPrefix)) return malformed("not a candidate", text);
  Words words(text.substr(kPrefix.size()));
  SdpCandidate out;

  const std::string_view foundation = words.next();
  if (foundation.empty() || foundation.size() > 32 || !is_ice_chars(foundation)) return malformed("foundation", text);
  out.foundation = foundation;

  const auto component = parse_number(words.next(), 256);
  if (!component || *component == 0) return malformed("component", text);

  const std::string transport = lower(words.next());
  if (!is_token(transport)) return malformed("transport", text);
  out.udp = transport == "udp";

  const auto priority = parse_number(words.next(), kMaxPriority);
  if (!priority) return malformed("priority", text);
  out.priority = std::max<std::uint32_t>(1, *priority);

  const std::string address(words.next());
  if (!is_host_name(address)) return malformed("address", text);
  const std::string canonical = canonical_address(address);
  out.numeric = !canonical.empty();
  out.address = out.numeric ? canonical : address;

  const auto port = parse_number(words.next(), 65535);
  if (!port) return malformed("port", text);
  out.port = static_cast<std::uint16_t>(*port);

  if (words.next() != "typ") return malformed("the word typ", text);
  const std::string_view type = words.next();
  if (!is_token(type) || type.size() > 16) return malformed("type", text);
  // Only component 1 exists here; any other is one that nobody uses.
  out.type = *component == 1 ? std::string(type) : "other";
  return out;
}

}  // namespace owndir::rtc
