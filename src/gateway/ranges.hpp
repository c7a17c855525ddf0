#pragma once
// Byte ranges (RFC 9110 section 14). Plain functions, any thread.

#include <cstdint>
#include <string_view>
#include <vector>

namespace owndir::gateway {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< inclusive
  bool operator==(const Range&) const = default;
  std::uint64_t size() const { return last - first + 1; }
};

struct RangeSet {
  enum class Kind { whole, partial, unsatisfiable };
  Kind kind = Kind::whole;
  std::vector<Range> parts;  ///< in the order asked for; overlapping and touching ones are one
};

/// What a Range field asks of `size` bytes. Another unit, a syntax error or more than 64 ranges: the whole (the field
/// may always be ignored).
RangeSet parse_ranges(std::string_view field, std::uint64_t size);

}  // namespace owndir::gateway
