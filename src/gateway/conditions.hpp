#pragma once
// Validators and preconditions of a file (RFC 9110 sections 8.8 and 13). Plain functions, any thread.

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/head.hpp"

namespace owndir::gateway {

/// IMF-fixdate (RFC 9110 section 5.6.7).
std::string http_date(std::int64_t unix_seconds);
/// IMF-fixdate only, which is all that clients have sent for decades; nothing for anything else.
std::optional<std::int64_t> parse_http_date(std::string_view text);

struct Validators {
  std::string etag;           ///< strong, with quotes
  std::int64_t modified = 0;  ///< Unix seconds
};

/// From inode, size and modification time to the nanosecond.
Validators validators_of(const struct stat& info);

enum class Verdict { proceed, not_modified, precondition_failed };

/// The order of RFC 9110 section 13.2.2 for GET and HEAD.
Verdict evaluate(const exchange::Fields& request, const Validators& current);

/// Step 5 of the same: whether a Range field counts.
bool range_applies(const exchange::Fields& request, const Validators& current);

}  // namespace owndir::gateway
