#include "http/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "exchange/field_value.hpp"
#include "http/hop_by_hop.hpp"

namespace owndir::http {
namespace {

namespace beast = boost::beast;
using exchange::iequals;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

tl::unexpected<Refusal> refuse(std::uint16_t status, std::string text) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(text)});
}

/// Faults that a lenient parser would smooth over, found in the raw head: a line break that is not CRLF, a NUL, a
/// folded field. Each is a way to make two parsers see two different requests.
std::optional<Refusal> raw_fault(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '\0') return Refusal{400, "The request head contains a NUL byte."};
    if (c == '\n' && (i == 0 || head[i - 1] != '\r'))
      return Refusal{400, "A line of the request head does not end with CR LF."};
    if (c != '\r') continue;
    if (i + 1 >= head.size() || head[i + 1] != '\n') return Refusal{400, "The request head contains a lone CR."};
    if (i + 2 < head.size() && (head[i + 2] == ' ' || head[i + 2] == '\t'))
      return Refusal{400, "A field of the request is folded over several lines, which HTTP no longer allows."};
  }
  return std::nullopt;
}

/// The same head with another character for each control in the values of fields, so that Beast finds the fields; empty
/// when there is none. What frames the body is judged by what was sent, and never holds a control.
std::string without_controls(std::string_view head) {
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f;
  };
  if (std::none_of(head.begin(), head.end(), is_control)) return {};
  std::string masked(head);
  bool in_value = false;
  for (std::size_t i = head.find('\n') + 1; i < masked.size(); ++i) {
    if (masked[i] == '\n') in_value = false;
    if (masked[i] == ':') in_value = true;
    if (in_value && is_control(masked[i])) masked[i] = '?';
  }
  return masked;
}

/// uri-host [":" port] (RFC 9110 section 7.2), loosely: what cannot be one is refused, what it names is for the
/// handler.
bool is_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f && std::string_view("/?#@\\,\"<>").find(c) == std::string_view::npos;
  });
}

std::optional<Refusal> check_host(IncomingHead& in) {
  std::size_t hosts = 0;
  for (const auto& field : in.head.fields) hosts += iequals(field.name, "host") ? 1U : 0U;
  if (hosts > 1) return Refusal{400, "The request has more than one Host field."};
  if (hosts == 0 && in.http_1_1) return Refusal{400, "The request has no Host field."};
  if (!is_host(in.head.fields.get("host").value_or(""))) return Refusal{400, "The Host field is not a host name."};
  return std::nullopt;
}

/// Reduces absolute-form to origin-form (RFC 9112 section 3.2.2); its authority must agree with Host.
std::optional<Refusal> check_target(IncomingHead& in) {
  std::string& target = in.head.target;
  if (in.head.method == "CONNECT") return Refusal{501, "This server is no proxy: CONNECT is not supported."};
  if (target == "*")
    return in.head.method == "OPTIONS" ? std::nullopt : std::optional(Refusal{400, "Only OPTIONS may ask for \"*\"."});
  static constexpr std::string_view kScheme = "http://";
  if (target.size() >= kScheme.size() && iequals(std::string_view(target).substr(0, kScheme.size()), kScheme)) {
    const std::size_t path = target.find_first_of("/?#", kScheme.size());
    const std::string authority = target.substr(kScheme.size(), path == target.npos ? path : path - kScheme.size());
    if (authority.empty() || !iequals(authority, in.head.fields.get("host").value_or(authority)))
      return Refusal{400, "The request's target and its Host field name different hosts."};
    in.head.fields.set("Host", authority);
    std::string rest = path == target.npos ? std::string() : target.substr(path);
    if (rest.empty() || rest.front() != '/') rest.insert(0, "/");
    target = std::move(rest);
  }
  if (!exchange::is_target(target)) return Refusal{400, "The request's target is not a path."};
  return std::nullopt;
}

/// RFC 9112 section 6: one way only to say where the body ends.
std::optional<Refusal> check_framing(const IncomingHead& in) {
  std::size_t lengths = 0;
  std::size_t codings = 0;
  for (const auto& field : in.head.fields) {
    if (iequals(field.name, "content-length")) {
      ++lengths;
      if (field.value.find_first_not_of("0123456789") != field.value.npos)
        return Refusal{400, "The request's Content-Length is not a number."};
    }
    if (!iequals(field.name, "transfer-encoding")) continue;
    ++codings;
    if (!iequals(field.value, "chunked")) return Refusal{501, "Only the transfer coding \"chunked\" is supported."};
  }
  if (lengths > 1) return Refusal{400, "The request has more than one Content-Length."};
  if (codings > 1) return Refusal{400, "The request has more than one Transfer-Encoding."};
  if (lengths > 0 && codings > 0) return Refusal{400, "The request has both Content-Length and Transfer-Encoding."};
  if (codings > 0 && !in.http_1_1) return Refusal{400, "HTTP/1.0 knows no Transfer-Encoding."};
  return std::nullopt;
}

std::optional<Refusal> check_connection(IncomingHead& in) {
  in.keep_alive = in.http_1_1;
  bool upgrade = false;
  for (const auto& field : in.head.fields) {
    if (!iequals(field.name, "connection")) continue;
    for_each_token(field.value, [&](std::string_view token) {
      if (iequals(token, "close")) in.keep_alive = false;
      if (iequals(token, "upgrade")) upgrade = true;
    });
  }
  if (upgrade)
    for_each_token(in.head.fields.get("upgrade").value_or(""),
                   [&](std::string_view token) { in.websocket = in.websocket || iequals(token, "websocket"); });
  if (const auto expect = in.head.fields.get("expect"); expect && in.http_1_1) {
    if (!iequals(*expect, "100-continue"))
      return Refusal{417, "The only expectation that this server can meet is 100-continue."};
    in.expect_continue = true;
  }
  in.head.fields.remove("expect");
  remove_hop_by_hop(in.head.fields);
  return std::nullopt;
}

}  // namespace

/// Collects what Beast finds, in its order: Beast's own container would group fields of one name.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(const HeadLimits& limits, std::string_view head, std::string_view shown)
      : limits_(limits), head_(head), shown_(shown) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    body_limit(boost::none);
  }

  IncomingHead in;
  std::optional<Refusal> refusal;
  std::string* body = nullptr;
  bool chunk_seen = false;

 private:
  using error_code = beast::error_code;

  void stop(error_code& ec, std::uint16_t status, std::string text) {
    refusal = Refusal{status, std::move(text)};
    ec = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code& ec) override {
    if (version != 10 && version != 11) return stop(ec, 505, "This server speaks HTTP/1.1 only.");
    if (method.size() > limits_.method) return stop(ec, 501, "The request's method is too long to be one.");
    if (target.size() > limits_.target) return stop(ec, 414, "The address is too long.");
    in.http_1_1 = version == 11;
    in.head.method = view(method);
    in.head.target = view(target);
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code& ec) override {
    if (is_header_done()) return;  // trailers are dropped (RFC 9110 section 6.5.1)
    if (in.head.fields.size() >= limits_.fields) return stop(ec, 431, "The request has too many fields.");
    if (name.size() > limits_.field_name || value.size() > limits_.field_value)
      return stop(ec, 431, "A field of the request is too long.");
    const std::string_view as_sent = original(view(value));
    const bool passes = limits_.as_browsers ? exchange::is_passable_value(as_sent) : exchange::is_field_value(as_sent);
    if (!exchange::is_token(view(name)) || !passes)
      return stop(ec, 400, "A field of the request contains characters that HTTP does not allow.");
    in.head.fields.add(std::string(view(name)), std::string(as_sent));
  }
  /// The same bytes as they came; Beast, which gives views of what it reads, was shown others for controls.
  std::string_view original(std::string_view part) const {
    if (part.data() < shown_.data() || part.data() + part.size() > shown_.data() + shown_.size()) return part;
    return head_.substr(static_cast<std::size_t>(part.data() - shown_.data()), part.size());
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view piece, error_code&) override { return take(piece); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override { chunk_seen = true; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, error_code&) override { return take(piece); }
  void on_finish_impl(error_code&) override {}

  std::size_t take(beast::string_view piece) {
    if (body != nullptr) body->append(piece.data(), piece.size());
    return piece.size();
  }

  const HeadLimits& limits_;
  std::string_view head_, shown_;  ///< until the head is done
};

RequestReader::RequestReader(HeadLimits limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

tl::expected<std::optional<IncomingHead>, Refusal> RequestReader::take_head(std::string_view& input) {
  // Empty lines before a request line are the leftovers of old clients (RFC 9112 section 2.2).
  for (int lines = 0; lines < 4 && scanned_ == 0 && input.substr(0, 2) == "\r\n"; ++lines) input.remove_prefix(2);
  if (input.starts_with('\x16'))
    return refuse(400, "This port speaks plain HTTP: the address must begin with http://, not https://.");
  const std::size_t end = input.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
  if (end == input.npos) {
    scanned_ = input == "\r" ? 0 : input.size();
    if (input.find("\r\n") == input.npos && input.size() > limits_.method + limits_.target + 16)
      return refuse(414, "The address is too long.");
    if (input.size() >= limits_.head_bytes) return refuse(431, "The request head is too long.");
    if (auto fault = raw_fault(input.substr(0, input.size() - (input.ends_with('\r') ? 1 : 0))))
      return tl::unexpected<Refusal>(std::move(*fault));
    return std::nullopt;
  }
  scanned_ = 0;
  const std::string_view head = input.substr(0, end + 4);
  if (head.size() > limits_.head_bytes) {
    if (head.find("\r\n") > limits_.method + limits_.target + 16) return refuse(414, "The address is too long.");
    return refuse(431, "The request head is too long.");
  }
  if (auto fault = raw_fault(head)) return tl::unexpected<Refusal>(std::move(*fault));

  const std::string masked = limits_.as_browsers ? without_controls(head) : std::string();
  const std::string_view shown = masked.empty() ? head : std::string_view(masked);
  parser_ = std::make_unique<Parser>(limits_, head, shown);
  beast::error_code ec;
  const std::size_t taken = parser_->put(boost::asio::buffer(shown.data(), shown.size()), ec);
  if (parser_->refusal) return tl::unexpected<Refusal>(std::move(*parser_->refusal));
  IncomingHead& in = parser_->in;
  const std::string_view line = head.substr(0, head.find('\r'));
  if (ec == beast::http::error::bad_version && line.ends_with(" HTTP/2.0"))  // what a client of HTTP/2 begins with
    return refuse(505, "This server speaks HTTP/1.1 only.");
  // Before Beast's own verdict, whose words for the same faults are less clear.
  if (auto fault = check_framing(in)) return tl::unexpected<Refusal>(std::move(*fault));
  if (ec || taken != head.size() || !parser_->is_header_done())
    return refuse(400, "This is not a well-formed HTTP request" + (ec ? " (" + ec.message() + ")." : std::string(".")));
  in.has_body = !parser_->is_done();
  if (auto fault = check_host(in)) return tl::unexpected<Refusal>(std::move(*fault));
  if (auto fault = check_target(in)) return tl::unexpected<Refusal>(std::move(*fault));
  if (auto fault = check_connection(in)) return tl::unexpected<Refusal>(std::move(*fault));
  input.remove_prefix(head.size());
  return std::optional<IncomingHead>(std::move(in));
}

bool RequestReader::take_body(std::string_view& input, std::string& out) {
  parser_->body = &out;
  while (!parser_->is_done()) {
    // Beast 1.81 asserts that a last chunk which it has begun to read is five bytes long when it looks again.
    if (!parser_->chunk_seen && (input == "0\r\n" || input == "0\r\n\r")) break;
    beast::error_code ec;
    const std::size_t taken = parser_->put(boost::asio::buffer(input.data(), input.size()), ec);
    input.remove_prefix(std::min(taken, input.size()));
    if (ec && ec != beast::http::error::need_more) return false;
    if (ec || taken == 0) break;
  }
  return true;
}

bool RequestReader::body_done() const {
  return !parser_ || parser_->is_done();
}

}  // namespace owndir::http
