#pragma once
// UTF-8 from outside (Unicode, table 3-7). Plain functions, any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace owndir {

/// Bytes of the well-formed sequence at the start of `text`; 0 when there is none.
std::size_t utf8_sequence(std::string_view text);

bool is_utf8(std::string_view text);

/// At most `limit` bytes of `text`, not cut within a sequence.
std::string_view cut_utf8(std::string_view text, std::size_t limit);

/// Valid UTF-8: each byte that belongs to no sequence becomes U+FFFD.
std::string to_utf8(std::string_view bytes);

}  // namespace owndir
