#include "gateway/upstream_url.hpp"

#include <algorithm>

namespace owndir::gateway {
namespace {

constexpr std::size_t kNameBytes = 32;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string name_from(const WebOrigin& origin) {
  std::string name;
  for (const char c : origin.host + "-" + std::to_string(origin.port)) {
    if (is_letter_or_digit(c))
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  if (name.size() > kNameBytes) name.erase(0, name.size() - kNameBytes);  // the port is what tells them apart
  name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
  return is_app_name(name) ? name : "app";
}

}  // namespace

Result<Upstream> parse_upstream(std::string_view text) {
  const std::string given = "'" + std::string(text) + "'";
  Upstream upstream;
  std::string_view url = text;
  const std::size_t equals = text.find('=');
  if (equals < text.find(':')) {
    upstream.name = text.substr(0, equals);
    url = text.substr(equals + 1);
    if (!is_app_name(upstream.name))
      return fail(Errc::malformed,
                  given + ": the name before '=' must be of small letters, digits and inner dashes, 32 at most");
  }
  const std::string example = "; write for example http://127.0.0.1:8080, https://nas.lan or tcp://127.0.0.1:22";
  const auto split = split_url(url);
  if (!split) return fail(Errc::malformed, given + " is not the address of a service" + example);
  upstream.origin = split->origin;
  const std::string& scheme = split->origin.scheme;
  if (scheme != "http" && scheme != "https" && scheme != "tcp")
    return fail(Errc::malformed, given + ": only http, https and tcp can be passed on" + example +
                                     (scheme.starts_with("ws") ? " (http passes WebSockets too)" : ""));
  if (!split->rest.empty() && split->rest != "/")
    return fail(Errc::malformed, given + ": give the address without a path, " + split->origin.str() +
                                     "; the whole app is passed on, and the path goes into the browser");
  upstream.kind = scheme == "tcp" ? Upstream::Kind::tcp : Upstream::Kind::http;
  std::string host = split->origin.host;
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  upstream.address.host = std::move(host);
  upstream.address.port = split->origin.port;
  upstream.address.tls = scheme == "https";
  if (upstream.name.empty()) upstream.name = name_from(upstream.origin);
  return upstream;
}

}  // namespace owndir::gateway
