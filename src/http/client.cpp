#include "http/client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>

#include "exchange/field_value.hpp"
#include "http/byte_socket.hpp"
#include "http/client_call.hpp"
#include "http/hop_by_hop.hpp"
#include "http/upstream_socket.hpp"

namespace owndir::http {
namespace {

constexpr std::size_t kByteMessage = 16384;  ///< bytes of a TCP connection that travel at once

bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

/// The request head as bytes, but for the empty line. `last`: what this end says of the connection and the framing.
Result<std::string> request_head(const exchange::RequestHead& request, const Address& address, const HeadLimits& limits,
                                 std::string_view last) {
  // After CONNECT (RFC 9110 section 9.3.6) a server would take for a tunnel what is the next request here.
  if (!exchange::is_token(request.method) || !exchange::is_target(request.target) || request.method == "CONNECT")
    return fail(Errc::malformed, "the request's line");
  const auto is_host = [](const exchange::Field& field) { return exchange::iequals(field.name, "host"); };
  if (std::count_if(request.fields.begin(), request.fields.end(), is_host) > 1)
    return fail(Errc::malformed, "more than one Host");
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!request.fields.contains("host"))
    head += "Host: " + (address.path.empty() ? to_string(address) : "localhost") + "\r\n";
  for (const auto& field : request.fields) {
    const bool passes =
        limits.as_browsers ? exchange::is_passable_value(field.value) : exchange::is_field_value(field.value);
    if (!exchange::is_token(field.name) || !passes) return fail(Errc::malformed, "a field of the request");
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return head.append(last).append("\r\n");
}

/// A length that is not the one of the body frames nothing: both ends must see the same.
std::optional<std::uint64_t> declared_length(const exchange::Fields& fields) {
  const std::string text(fields.get("content-length").value_or(""));
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  return std::stoull(text);
}

/// Passes on exactly as many bytes as the head has promised.
class ExactBody final : public exchange::BodySource {
 public:
  ExactBody(exchange::Body body, std::uint64_t length) : body_(std::move(body)), left_(length) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    Result<Bytes> piece = co_await body_->read(limit);
    if (!piece) co_return piece;
    if (piece->size() > left_ || (piece->empty() && left_ > 0))
      co_return fail(Errc::malformed, "the request's body is not as long as its Content-Length");
    left_ -= piece->size();
    co_return piece;
  }

 private:
  exchange::Body body_;
  std::uint64_t left_;
};

}  // namespace

Client::Client(asio::any_io_executor executor, Address address, ClientLimits limits)
    : state_(std::make_shared<State>(std::move(executor), std::move(address), limits)) {}

Client::~Client() {
  state_->stopping = true;
  state_->sweeping.cancel();
  for (Call* call : state_->calls) call->abort();
  state_->tasks.cancel();
}

const Address& Client::address() const {
  return state_->connector.address();
}

namespace {

/// Whatever ends a coroutine before there is an answer ends the exchange.
template <class Call>
struct Unless {
  std::shared_ptr<Call> call;
  explicit Unless(std::shared_ptr<Call> c) : call(std::move(c)) {}
  ~Unless() {
    if (call) call->end();
  }
  Unless(const Unless&) = delete;
  Unless& operator=(const Unless&) = delete;
};

}  // namespace

Awaitable<Result<exchange::Response>> Client::send(exchange::Request request) {
  const auto state = state_;
  exchange::Fields& fields = request.head.fields;
  const bool expects = request.body && exchange::iequals(fields.get("expect").value_or(""), "100-continue");
  remove_hop_by_hop(fields);
  fields.remove("expect");
  const std::optional<std::uint64_t> length = declared_length(fields);
  const bool chunked = request.body && !length;
  const bool had_length = fields.contains("content-length");
  fields.remove("content-length");
  std::string last;
  if (request.body && length) last += "Content-Length: " + std::to_string(*length) + "\r\n";
  if (!request.body && had_length) last += "Content-Length: 0\r\n";
  if (chunked) last += "Transfer-Encoding: chunked\r\n";
  if (expects) last += "Expect: 100-continue\r\n";
  if (state->limits.idle_connections == 0) last += "Connection: close\r\n";
  const auto head = request_head(request.head, address(), state->limits.head, last);
  if (!head) co_return fail(head.error());
  if (request.body && length) request.body = std::make_unique<ExactBody>(std::move(request.body), *length);

  const bool repeatable = !request.body && is_idempotent(request.head.method);
  for (bool fresh = !repeatable;; fresh = true) {
    if (state->is_full() || state->stopping) co_return fail(Errc::limit, "requests to " + to_string(address()));
    const auto call = std::make_shared<Call>(state, request.head.method == "HEAD", false);
    Unless<Call> unless(call);
    const Result<bool> reused = co_await Call::connect(call, fresh);
    if (!reused) co_return fail(reused.error());
    Result<void> sent = co_await Call::write(call, *head);
    if (sent && request.body) {
      auto sending = Call::send_body(call, std::move(request.body), chunked, expects);
      call->begins_body();
      call->sends_in(state->tasks.spawn("request body", std::move(sending)));
    } else if (sent) {
      call->wait_for_head();
    }
    Result<exchange::ResponseHead> answer = fail(Errc::closed, "");
    if (sent)
      answer = co_await Call::receive_head(call);
    else
      answer = fail(sent.error());
    if (!answer && *reused && call->untouched() && answer.error().is(Errc::closed)) continue;
    if (!answer) co_return fail(std::move(answer.error()));
    exchange::Response response;
    response.head = std::move(*answer);
    unless.call.reset();
    if (call->reader().body_done() || exchange::is_bodiless(request.head.method, response.head.status))
      call->settle();
    else
      response.body = std::make_unique<CallBody>(call);
    co_return response;
  }
}

Awaitable<Result<exchange::SocketAnswer>> Client::open_socket(exchange::Request request) {
  const auto state = state_;
  if (state->is_full() || state->stopping) co_return fail(Errc::limit, "requests to " + to_string(address()));
  exchange::Fields& fields = request.head.fields;
  const std::vector<std::string> offered = exchange::offered_protocols(fields);
  remove_hop_by_hop(fields);
  exchange::remove_handshake_fields(fields);
  for (const char* name : {"expect", "content-length"}) fields.remove(name);
  const std::string key = make_socket_key();
  const std::string last =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n";
  const auto head = request_head(request.head, address(), state->limits.head, last);
  if (!head) co_return fail(head.error());

  const auto call = std::make_shared<Call>(state, false, true);
  Unless<Call> unless(call);
  const Result<bool> connected = co_await Call::connect(call, true);
  if (!connected) co_return fail(connected.error());
  const Result<void> sent = co_await Call::write(call, *head);
  if (!sent) co_return fail(sent.error());
  call->wait_for_head();
  auto answer = co_await Call::receive_head(call);
  if (!answer) co_return fail(std::move(answer.error()));
  if (answer->status != 101) {
    exchange::Response response;
    response.head = std::move(*answer);
    unless.call.reset();
    if (call->reader().body_done() || exchange::is_bodiless("GET", response.head.status))
      call->settle();
    else
      response.body = std::make_unique<CallBody>(call);
    co_return exchange::SocketAnswer(std::move(response));
  }
  if (const auto fault = socket_answer_fault(*answer, key, offered)) co_return fail(Errc::protocol, *fault);
  exchange::SocketAccept accept;
  accept.protocol = answer->fields.get("Sec-WebSocket-Protocol").value_or("");
  accept.fields = std::move(answer->fields);
  remove_hop_by_hop(accept.fields);
  exchange::remove_handshake_fields(accept.fields);
  for (const char* name : {"Sec-WebSocket-Protocol", "Content-Length"}) accept.fields.remove(name);
  auto upstream = std::make_shared<UpstreamSocket>(state->executor, call->take_stream(), state->limits.socket);
  auto socket = UpstreamSocket::hand_out(std::move(upstream), state->tasks, state->sockets);
  if (!socket) co_return fail(std::move(socket.error()));
  accept.session = exchange::make_relay(std::move(*socket));
  co_return exchange::SocketAnswer(std::move(accept));
}

Awaitable<Result<std::unique_ptr<exchange::WebSocket>>> Client::open_bytes() {
  const auto state = state_;
  auto connected = co_await state->connector.connect(state->limits.connect_wait);
  if (!connected) co_return fail(std::move(connected.error()));
  NetStream::Socket& socket = connected->socket();
  boost::system::error_code error;
  const int family = socket.local_endpoint(error).protocol().family();
  if (state->stopping || (family != AF_INET && family != AF_INET6))
    co_return fail(Errc::closed, "the connection to " + to_string(address()));
  const auto protocol = family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
  const int descriptor = socket.release(error);
  if (error) co_return fail(error, "the connection to " + to_string(address()));
  asio::ip::tcp::socket bytes(state->executor, protocol, descriptor);
  co_return std::make_unique<ByteSocket>(std::move(bytes), kByteMessage);
}

Awaitable<Result<void>> Client::probe() {
  const auto state = state_;
  auto connected = co_await state->connector.connect(state->limits.connect_wait);
  if (!connected) co_return fail(std::move(connected.error()));
  const bool first = state->idle.empty();
  state->keep(std::move(*connected));
  if (first) State::sweep(state);
  co_return Result<void>();
}

Awaitable<void> Client::stop() {
  const auto state = state_;
  state->stopping = true;
  for (Call* call : state->calls) call->end();
  for (State::Idle& each : state->idle) each.stream.close();
  state->idle.clear();
  state->sweeping.cancel();
  co_await state->tasks.stop();
}

}  // namespace owndir::http
