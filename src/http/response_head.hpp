#pragma once
// A response's head as bytes, read by the rules of RFC 9112 or by those that browsers have: lines that end in LF alone,
// controls in values, and lines that are no field, which are passed over. What is read is structured from here on, so
// that the rules decide about one response and never about where the next begins: one that needed browsers' rules says
// so, and its connection serves no other. Plain functions without I/O.

#include <string_view>

#include "base/result.hpp"
#include "exchange/head.hpp"
#include "http/request_reader.hpp"

namespace owndir::http {

struct ReadHead {
  exchange::ResponseHead head;  ///< all fields, those of the hop too
  bool http_1_1 = true;
  bool odd = false;  ///< needed a browser's rules
};

/// Where the first head ends, its empty line included; npos: not in `input`. Looks at what begins after `from`.
std::size_t head_size(std::string_view input, std::size_t from = 0);

/// `head` holds whole lines, the empty one at most at its end. Errc::protocol.
Result<ReadHead> read_response_head(std::string_view head, const HeadLimits& limits);

}  // namespace owndir::http
