#include "http/response_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "http/hop_by_hop.hpp"

namespace owndir::http {
namespace {

namespace beast = boost::beast;

constexpr int kInterimResponses = 16;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
 public:
  explicit Parser(const HeadLimits& limits) : limits_(limits) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    body_limit(boost::none);
  }

  exchange::ResponseHead head;
  std::string* body = nullptr;
  bool chunk_seen = false;

 private:
  using error_code = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
  void on_response_impl(int status, beast::string_view reason, int version, error_code& ec) override {
    const bool good = (version == 10 || version == 11) && status >= 100 && status <= 599 &&
                      exchange::is_field_value(view(reason)) && reason.size() <= limits_.field_value;
    if (!good) ec = beast::http::error::bad_status;
    head.status = static_cast<std::uint16_t>(status);
    head.reason = view(reason);
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code& ec) override {
    if (is_header_done()) return;  // trailers are dropped
    const bool good = head.fields.size() < limits_.fields && name.size() <= limits_.field_name &&
                      value.size() <= limits_.field_value && exchange::is_token(view(name)) &&
                      exchange::is_field_value(view(value));
    if (!good) ec = beast::http::error::bad_field;
    head.fields.add(std::string(view(name)), std::string(view(value)));
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
};

ResponseReader::ResponseReader(bool head_request, HeadLimits limits, bool upgrade)
    : head_request_(head_request), upgrade_(upgrade), limits_(limits) {}
ResponseReader::~ResponseReader() = default;

Result<std::optional<exchange::ResponseHead>> ResponseReader::take_head(std::string_view& input) {
  for (;;) {
    const std::size_t end = input.find("\r\n\r\n");
    if (end == input.npos && input.size() < limits_.head_bytes) return std::nullopt;
    if (end == input.npos || end + 4 > limits_.head_bytes) return fail(Errc::too_large, "the response's head");
    parser_ = std::make_unique<Parser>(limits_);
    parser_->skip(head_request_);
    beast::error_code ec;
    const std::size_t taken = parser_->put(boost::asio::buffer(input.data(), end + 4), ec);
    if (ec || taken != end + 4 || !parser_->is_header_done())
      return fail(Errc::protocol, "the response is not well-formed HTTP" + (ec ? " (" + ec.message() + ")" : ""));
    input.remove_prefix(taken);
    if (parser_->head.status >= 200) break;
    if (parser_->head.status == 101 && upgrade_) return std::optional(parser_->head);
    if (parser_->head.status == 101 || ++interim_ > kInterimResponses)
      return fail(Errc::protocol, "an interim response that nobody asked for");
    continued_ = continued_ || parser_->head.status == 100;
  }
  exchange::Fields& fields = parser_->head.fields;
  for (const auto& field : fields)
    if (exchange::iequals(field.name, "transfer-encoding") && !exchange::iequals(field.value, "chunked"))
      return fail(Errc::protocol, "a transfer coding that is not \"chunked\"");
  remove_hop_by_hop(fields);
  fields.remove("transfer-encoding");
  // The same length twice is one (RFC 9110 section 8.6); two lengths are refused above.
  if (const auto length = fields.get("content-length")) fields.set("Content-Length", std::string(*length));
  return std::optional(parser_->head);
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
  return body_done() && parser_->keep_alive();
}

std::optional<std::uint64_t> ResponseReader::content_length() const {
  const auto length = parser_ ? parser_->content_length() : boost::none;
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

}  // namespace owndir::http
