#pragma once
// A request target taken apart: decoded exactly once, before anything decides by it (RFC 3986 section 2.4). Plain
// values.

#include <optional>
#include <string>
#include <string_view>

#include "base/percent.hpp"
#include "base/rooted_path.hpp"

namespace owndir::gateway {

struct Target {
  RootedPath path;
  bool directory = false;  ///< the path ended with '/'
  std::string query;       ///< as received, without '?'

  /// Whether the query has `name`, with or without a value.
  bool has_parameter(std::string_view name) const;
  /// The decoded value; nothing when absent or badly encoded.
  std::optional<std::string> parameter(std::string_view name) const;
};

/// Errc::malformed for a bad escape, an encoded '/', or NUL; RootedPath's errors.
Result<Target> parse_target(std::string_view target);

/// "/a%20b/c", with a trailing '/' for a directory; the root is "/".
std::string url_path(const RootedPath& path, bool directory);

}  // namespace owndir::gateway
