#pragma once
// What the owner names behind --to: a web app or a TCP service of which there is exactly one address. Plain values.

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "gateway/app_host.hpp"
#include "gateway/web_origin.hpp"
#include "http/connector.hpp"

namespace owndir::gateway {

struct Upstream {
  enum class Kind { http, tcp };
  std::string name;  ///< is_app_name
  Kind kind = Kind::http;
  WebOrigin origin;  ///< of a tcp service: scheme "tcp"
  http::Address address;
};

/// "[NAME=]URL" with http, https or tcp and no path; the name is made of host and port when there is none.
/// Errc::malformed with a sentence.
Result<Upstream> parse_upstream(std::string_view text);

}  // namespace owndir::gateway
