#pragma once
// Percent-encoding (RFC 3986 section 2.1) of bytes, whatever they are. Plain functions, any thread.

#include <optional>
#include <string>
#include <string_view>

namespace owndir {

/// Undoes %XX once; nothing when an escape is broken.
std::optional<std::string> percent_decode(std::string_view text);

/// One path segment (or value) for a URL: everything but unreserved characters is escaped, '/' included.
std::string percent_encode(std::string_view segment);

}  // namespace owndir
