#pragma once
// Origins of the web (RFC 6454) as they stand in fields: scheme, host and port. Plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace owndir::gateway {

struct WebOrigin {
  std::string scheme;  ///< lower case, as the host
  std::string host;    ///< brackets for IPv6
  std::uint16_t port = 0;

  /// "host" or "host:port", the port where it is not the scheme's own.
  std::string authority() const;
  /// "scheme://authority".
  std::string str() const;
  bool operator==(const WebOrigin&) const = default;
};

/// A URL's origin and what follows it; nothing for other schemes, for user information, or for what is no host.
struct SplitUrl {
  WebOrigin origin;
  std::string_view rest;  ///< of the text: "", or from '/', '?' or '#' on
};
std::optional<SplitUrl> split_url(std::string_view text);

/// Exactly an origin: http or https, nothing behind it but perhaps one '/'.
std::optional<WebOrigin> parse_origin(std::string_view text);

/// The same, or the same port at another name of this machine: localhost, 127.0.0.1, [::1].
bool is_same_place(const WebOrigin& one, const WebOrigin& other);

}  // namespace owndir::gateway
