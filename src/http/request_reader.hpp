#pragma once
// The reading half of an HTTP/1.1 connection without I/O (RFC 9112): bytes in; request heads and body pieces out.
// Framing is Boost.Beast's parser; what Beast is lenient about (repeated Content-Length, obs-fold, repeated Host, bare
// CR or LF) is refused here, and fields are kept byte-exact in their order. One per connection, network thread only.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "exchange/head.hpp"

namespace owndir::http {

/// As the tunnel's limits (docs/protocol.md), so that whatever is accepted here also fits through there.
struct HeadLimits {
  std::size_t head_bytes = 65536;  ///< request line and fields; beyond: 431
  std::size_t method = 32;
  std::size_t target = 16384;  ///< beyond: 414
  std::size_t fields = 256;
  std::size_t field_name = 256;
  std::size_t field_value = 49152;
  /// Takes what browsers send and take beyond RFC 9112: controls in values, and of responses what response_head.hpp
  /// names. For ends that pass on between a browser and its app, and leave the judgement to these two.
  bool as_browsers = false;
};

/// A request that is not answered by the handler; the connection ends with it.
struct Refusal {
  std::uint16_t status = 400;
  std::string text;         ///< one sentence that says what is wrong
  std::string fields = {};  ///< further lines of the head, each with CR LF
};

struct IncomingHead {
  exchange::RequestHead head;  ///< origin-form target, no hop-by-hop fields, Host as the client meant it
  bool http_1_1 = true;
  bool keep_alive = true;
  bool expect_continue = false;
  bool has_body = false;
  bool websocket = false;  ///< asks for an upgrade to a WebSocket
};

class RequestReader {
 public:
  explicit RequestReader(HeadLimits limits = {});
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// Takes a whole head from the front of `input`, which holds everything received and not yet taken. Nothing: more
  /// bytes are needed. May be called again for the next request once body_done.
  tl::expected<std::optional<IncomingHead>, Refusal> take_head(std::string_view& input);

  /// Decodes body bytes from the front of `input` and appends them to `out`. No progress and not body_done: more input
  /// is needed. False: the framing is broken, the connection must end.
  bool take_body(std::string_view& input, std::string& out);
  bool body_done() const;

 private:
  class Parser;
  HeadLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::size_t scanned_ = 0;
};

}  // namespace owndir::http
