#pragma once
// Which bytes of a field value this program passes on. Plain functions, any thread.

#include <algorithm>
#include <string_view>

namespace owndir::exchange {

/// RFC 9110 section 5.5: CR, LF and NUL are dangerous and never pass; a recipient may retain the other controls, and
/// browsers send and take them. Wherever heads are bytes again, only where each line is ours does this suffice;
/// a parser of a foreign head asks for is_field_value unless its owner has chosen browsers' rules.
inline bool is_passable_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace owndir::exchange
