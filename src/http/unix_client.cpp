#include "http/unix_client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <set>

#include "http/hop_by_hop.hpp"
#include "http/response_reader.hpp"

namespace owndir::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string hex(std::size_t number) {
  char text[20];
  std::snprintf(text, sizeof text, "%zx", number);
  return text;
}

/// The request head as bytes; one connection a request, so that a server that ends is never mistaken for an answer.
Result<std::string> request_head(const exchange::Request& request, bool chunked) {
  exchange::Fields fields = request.head.fields;
  remove_hop_by_hop(fields);
  fields.remove("transfer-encoding");
  fields.remove("expect");
  if (chunked || (!request.body && fields.get("content-length").value_or("0") != "0")) fields.remove("content-length");
  if (!exchange::is_token(request.head.method) || !exchange::is_target(request.head.target))
    return fail(Errc::malformed, "the request's line");
  std::string head = request.head.method + " " + request.head.target + " HTTP/1.1\r\n";
  if (!fields.contains("host")) head += "Host: localhost\r\n";
  for (const auto& field : fields) {
    if (!exchange::is_token(field.name) || !exchange::is_field_value(field.value))
      return fail(Errc::malformed, "a field of the request");
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  return head + "Connection: close\r\n\r\n";
}

}  // namespace

struct UnixClient::State {
  State(asio::any_io_executor e, std::string p, ClientLimits l)
      : executor(e), path(std::move(p)), limits(l), tasks(std::move(e)) {}
  asio::any_io_executor executor;
  std::string path;
  ClientLimits limits;
  std::set<Call*> calls;
  TaskGroup tasks;  ///< what sends request bodies
};

/// One exchange on its connection: held by the coroutine that sends the body and by the response's body.
class UnixClient::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<State> state, bool head_request)
      : state_(std::move(state)),
        socket_(state_->executor),
        timer_(state_->executor),
        reader_(head_request, state_->limits.head) {
    state_->calls.insert(this);
  }
  ~Call() { state_->calls.erase(this); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  static Awaitable<Result<void>> connect(std::shared_ptr<Call> self) {
    const asio::local::stream_protocol::endpoint endpoint(self->state_->path);
    const auto [error] = co_await self->socket_.async_connect(endpoint, kTuple);
    if (error) co_return fail(error, "connecting to " + self->state_->path);
    co_return Result<void>();
  }

  static Awaitable<Result<void>> write(std::shared_ptr<Call> self, std::string text) {
    const auto data = asio::buffer(text);
    const auto [error, size] = co_await asio::async_write(self->socket_, data, kTuple);
    if (error) co_return fail(error, "sending the request");
    co_return Result<void>();
  }

  /// Sends the body; while it moves, the response's head is not yet due.
  static Awaitable<void> send_body(std::shared_ptr<Call> self, exchange::Body body, bool chunked) {
    for (;;) {
      const Result<Bytes> piece = co_await body->read(self->state_->limits.piece);
      if (!piece) {
        self->abort();  // the server must not take a cut body for a whole one
        co_return;
      }
      if (piece->empty()) break;
      std::string text = chunked ? hex(piece->size()) + "\r\n" : std::string();
      text += as_text(*piece);
      if (chunked) text += "\r\n";
      self->due_in(self->state_->limits.body_wait);
      const Result<void> sent = co_await write(self, std::move(text));
      if (!sent) co_return;  // the server wants no more of it: its response decides
    }
    if (chunked) co_await write(self, "0\r\n\r\n");
    if (!self->head_) self->due_in(self->state_->limits.head_wait);
  }

  static Awaitable<Result<exchange::ResponseHead>> receive_head(std::shared_ptr<Call> self) {
    for (;;) {
      std::string_view rest = self->input_;
      auto head = self->reader_.take_head(rest);
      if (!head) co_return fail(std::move(head.error()));
      self->input_.erase(0, self->input_.size() - rest.size());
      if (*head) {
        self->head_ = true;
        self->timer_.cancel();
        co_return std::move(**head);
      }
      const Result<bool> more = co_await receive(self);
      if (!more) co_return fail(more.error());
      if (!*more) co_return fail(Errc::closed, "the server ended the connection without an answer");
    }
  }

  static Awaitable<Result<Bytes>> read_body(std::shared_ptr<Call> self, std::size_t limit) {
    std::string out = std::exchange(self->decoded_, {});
    while (out.empty() && !self->reader_.body_done()) {
      std::string_view rest = self->input_;
      const Result<void> taken = self->reader_.take_body(rest, out);
      if (!taken) co_return fail(taken.error());
      self->input_.erase(0, self->input_.size() - rest.size());
      if (!out.empty() || self->reader_.body_done()) break;
      if (self->input_.size() > self->state_->limits.head.head_bytes)
        co_return fail(Errc::protocol, "the response's body");
      self->due_in(self->state_->limits.body_wait);
      const Result<bool> more = co_await receive(self);
      self->timer_.cancel();
      if (!more) co_return fail(more.error());
      if (*more) continue;
      if (auto finished = self->reader_.finish(); !finished) co_return fail(std::move(finished.error()));
    }
    if (out.size() > limit) {
      self->decoded_ = out.substr(limit);
      out.resize(limit);
    }
    co_return to_bytes(out);
  }

  void due_in(std::chrono::milliseconds wait) {
    timer_.expires_after(wait);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->timed_out_ = true;
      self->abort();
    });
  }
  void abort() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }
  void end() {
    abort();
    if (sending_) state_->tasks.cancel(*sending_);
  }
  void sends_in(TaskGroup::TaskId task) { sending_ = task; }
  const ResponseReader& reader() const { return reader_; }

 private:
  /// More input; false at the end of it.
  static Awaitable<Result<bool>> receive(std::shared_ptr<Call> self) {
    const auto space = asio::buffer(self->piece_);
    const auto [error, size] = co_await self->socket_.async_read_some(space, kTuple);
    if (self->timed_out_) co_return fail(Errc::timeout, "waiting for the response");
    if (error == asio::error::eof || error == asio::error::connection_reset) co_return false;
    if (error) co_return fail(Errc::closed, "reading the response: " + error.message());
    self->input_.append(self->piece_.data(), size);
    co_return true;
  }

  std::shared_ptr<State> state_;
  asio::local::stream_protocol::socket socket_;
  asio::steady_timer timer_;
  ResponseReader reader_;
  std::string input_, decoded_;
  std::array<char, 16384> piece_{};
  std::optional<TaskGroup::TaskId> sending_;
  bool head_ = false;
  bool timed_out_ = false;
};

class UnixClient::CallBody final : public exchange::BodySource {
 public:
  explicit CallBody(std::shared_ptr<Call> call) : call_(std::move(call)), length_(call_->reader().content_length()) {}
  ~CallBody() override { call_->end(); }
  Awaitable<Result<Bytes>> read(std::size_t limit) override { return Call::read_body(call_, limit); }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::shared_ptr<Call> call_;
  std::optional<std::uint64_t> length_;
};

UnixClient::UnixClient(asio::any_io_executor executor, std::string path, ClientLimits limits)
    : state_(std::make_shared<State>(std::move(executor), std::move(path), limits)) {}

UnixClient::~UnixClient() {
  for (Call* call : state_->calls) call->abort();
  state_->tasks.cancel();
}

Awaitable<Result<exchange::Response>> UnixClient::send(exchange::Request request) {
  const auto state = state_;
  const bool head_request = request.head.method == "HEAD";
  const bool chunked = request.body && !request.head.fields.contains("content-length");
  auto head = request_head(request, chunked);
  if (!head) co_return fail(std::move(head.error()));
  const auto call = std::make_shared<Call>(state, head_request);
  // Whatever ends this coroutine before there is an answer ends the exchange.
  struct Unless {
    std::shared_ptr<Call> call;
    ~Unless() {
      if (call) call->end();
    }
  } guard{call};
  call->due_in(state->limits.head_wait);
  const Result<void> connected = co_await Call::connect(call);
  if (!connected) co_return fail(connected.error());
  const Result<void> sent = co_await Call::write(call, std::move(*head));
  if (!sent) co_return fail(Errc::closed, sent.error().context);
  if (request.body) {
    auto sending = Call::send_body(call, std::move(request.body), chunked);
    call->sends_in(state->tasks.spawn("request body", std::move(sending)));
  }
  auto answer = co_await Call::receive_head(call);
  if (!answer) co_return fail(std::move(answer.error()));
  exchange::Response response;
  response.head = std::move(*answer);
  if (call->reader().body_done() || exchange::is_bodiless(request.head.method, response.head.status))
    co_return response;
  guard.call.reset();
  response.body = std::make_unique<CallBody>(call);
  co_return response;
}

Awaitable<void> UnixClient::stop() {
  const auto state = state_;
  for (Call* call : state->calls) call->end();
  co_await state->tasks.stop();
}

}  // namespace owndir::http
