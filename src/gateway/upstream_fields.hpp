#pragma once
// What changes in a head between a client's origin and an upstream's (docs/proxy.md). Plain functions without I/O.

#include <optional>
#include <string>

#include "exchange/head.hpp"
#include "gateway/web_origin.hpp"

namespace owndir::gateway {

/// The fields by which this program's own ends speak to each other.
struct OwnFields {
  std::optional<std::string> app;   ///< owndir-app
  std::optional<WebOrigin> origin;  ///< owndir-origin, where it is one
};
/// Takes them, and removes every field of that family.
OwnFields take_own_fields(exchange::Fields& fields);

/// Host, Origin and Referer become the upstream's; X-Forwarded-* and Forwarded are set, and what came of them dropped.
void rewrite_request(exchange::Fields& fields, const WebOrigin& upstream, const std::optional<WebOrigin>& client);

/// Location, Content-Location, Refresh and Access-Control-Allow-Origin lead to the client's origin, or to a path where
/// that is not known; cookies lose their Domain, and one of a
/// Domain that is not the upstream's is dropped, as a browser would.
void rewrite_response(exchange::Fields& fields, const WebOrigin& upstream, const std::optional<WebOrigin>& client);

}  // namespace owndir::gateway
