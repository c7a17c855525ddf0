#include "http/response_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "http/hop_by_hop.hpp"
#include "http/response_head.hpp"

namespace owndir::http {
namespace {

namespace beast = boost::beast;

constexpr int kInterimResponses = 16;
constexpr std::size_t kFramingBytes = 64;  ///< of a head that only says how its body is framed, beside its fields

/// What Beast has to know of a head, in the plainest form, so that it never meets what a server has written.
std::string framing_of(const ReadHead& read) {
  std::string text = read.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ";
  text += std::to_string(read.head.status) + " \r\n";
  for (const auto& field : read.head.fields)
    for (const std::string_view name : {"connection", "content-length", "transfer-encoding"})
      if (exchange::iequals(field.name, name)) text.append(name).append(": ").append(field.value).append("\r\n");
  return text + "\r\n";
}

}  // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
 public:
  explicit Parser(const HeadLimits& limits) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes + kFramingBytes));
    body_limit(boost::none);
  }

  exchange::ResponseHead head;
  bool odd = false;
  std::string* body = nullptr;
  bool chunk_seen = false;

 private:
  using error_code = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view, beast::string_view, error_code&) override {}
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
};

ResponseReader::ResponseReader(bool head_request, HeadLimits limits, bool upgrade)
    : head_request_(head_request), upgrade_(upgrade), limits_(limits) {}
ResponseReader::~ResponseReader() = default;

Result<std::optional<exchange::ResponseHead>> ResponseReader::take_head(std::string_view& input, bool at_end) {
  for (;;) {
    std::size_t size = head_size(input, scanned_);
    const bool cut = size == input.npos;
    if (cut && at_end && limits_.as_browsers && input.ends_with('\n')) size = input.size();
    if (size == input.npos && input.size() < limits_.head_bytes) {
      scanned_ = input.size() < 2 ? 0 : input.size() - 2;
      return std::nullopt;
    }
    if (size > limits_.head_bytes) return fail(Errc::too_large, "the response's head");
    scanned_ = 0;
    Result<ReadHead> read = read_response_head(input.substr(0, size), limits_);
    if (!read) return fail(std::move(read.error()));
    input.remove_prefix(size);
    const std::uint16_t status = read->head.status;
    if (status >= 200 || (status == 101 && upgrade_ && !cut)) {
      read->odd = read->odd || cut;
      return begin(std::move(*read));
    }
    if (cut || status == 101 || ++interim_ > kInterimResponses)
      return fail(Errc::protocol, "an interim response that nobody asked for");
    continued_ = continued_ || status == 100;
  }
}

Result<std::optional<exchange::ResponseHead>> ResponseReader::begin(ReadHead read) {
  parser_ = std::make_unique<Parser>(limits_);
  parser_->skip(head_request_);
  const std::string framing = framing_of(read);
  beast::error_code ec;
  const std::size_t taken = parser_->put(boost::asio::buffer(framing), ec);
  if (ec || taken != framing.size() || !parser_->is_header_done())
    return fail(Errc::protocol, "how the response is framed" + (ec ? " (" + ec.message() + ")" : std::string()));
  parser_->odd = read.odd;
  if (read.head.status == 101) return std::optional(std::move(read.head));
  exchange::Fields& fields = read.head.fields;
  for (const auto& field : fields)
    if (exchange::iequals(field.name, "transfer-encoding") && !exchange::iequals(field.value, "chunked"))
      return fail(Errc::protocol, "a transfer coding that is not \"chunked\"");
  remove_hop_by_hop(fields);
  fields.remove("transfer-encoding");
  // The same length twice is one (RFC 9110 section 8.6); two lengths are refused above.
  if (const auto length = fields.get("content-length")) fields.set("Content-Length", std::string(*length));
  return std::optional(std::move(read.head));
}

Result<void> ResponseReader::take_body(std::string_view& input, std::string& out) {
  parser_->body = &out;
  while (!parser_->is_done() && !input.empty()) {
    // Beast 1.81 asserts that a last chunk which it has begun to read is five bytes long when it looks again.
    if (!parser_->chunk_seen && (input == "0\r\n" || input == "0\r\n\r")) break;
    beast::error_code ec;
    const std::size_t taken = parser_->put(boost::asio::buffer(input.data(), input.size()), ec);
    input.remove_prefix(std::min(taken, input.size()));
    if (ec && ec != beast::http::error::need_more) return fail(Errc::protocol, "the response's body: " + ec.message());
    if (ec || taken == 0) break;
  }
  return {};
}

bool ResponseReader::body_done() const {
  return parser_ && parser_->is_done();
}

Result<void> ResponseReader::finish() {
  if (!parser_) return fail(Errc::closed, "the connection ended before the response");
  beast::error_code ec;
  if (!parser_->is_done()) parser_->put_eof(ec);
  if (ec || !parser_->is_done()) return fail(Errc::closed, "the connection ended within the response");
  return {};
}

bool ResponseReader::can_be_reused() const {
  return body_done() && parser_->keep_alive() && !parser_->odd;
}

std::optional<std::uint64_t> ResponseReader::content_length() const {
  const auto length = parser_ ? parser_->content_length() : boost::none;
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

}  // namespace owndir::http
