#pragma once
// The reading half of an HTTP/1.1 client's connection without I/O (RFC 9112): bytes in; one response head and its body
// out. Framing is Boost.Beast's, heads are ours (response_head.hpp). One per exchange, network thread only.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "exchange/head.hpp"
#include "http/request_reader.hpp"

namespace owndir::http {

struct ReadHead;

class ResponseReader {
 public:
  /// `head_request`: the request was a HEAD, so that no body follows whatever the head says.
  /// `upgrade`: the request asked for a WebSocket, so that a 101 is its final answer.
  explicit ResponseReader(bool head_request, HeadLimits limits = {}, bool upgrade = false);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  /// Takes the final response's head from the front of `input` (interim ones before it are dropped), without
  /// hop-by-hop fields. Nothing: more bytes are needed. `at_end`: no more will come, and by browsers' rules a head of
  /// whole lines ends there. Errc::protocol, Errc::too_large.
  Result<std::optional<exchange::ResponseHead>> take_head(std::string_view& input, bool at_end = false);

  /// Decodes body bytes from the front of `input` and appends them to `out`. Errc::protocol when the framing is broken.
  Result<void> take_body(std::string_view& input, std::string& out);
  bool body_done() const;
  /// The connection has ended: Errc::closed unless that is where the body ends.
  Result<void> finish();
  std::optional<std::uint64_t> content_length() const;
  /// A "100 Continue" was among the interim responses.
  bool has_continued() const { return continued_; }
  /// After the body: the server leaves the connection open for another request.
  bool can_be_reused() const;

 private:
  class Parser;
  Result<std::optional<exchange::ResponseHead>> begin(ReadHead read);

  bool head_request_;
  bool upgrade_;
  bool continued_ = false;
  HeadLimits limits_;
  int interim_ = 0;
  std::size_t scanned_ = 0;
  std::unique_ptr<Parser> parser_;
};

}  // namespace owndir::http
