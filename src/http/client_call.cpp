#include "http/client_call.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace owndir::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string hex(std::size_t number) {
  char text[20];
  std::snprintf(text, sizeof text, "%zx", number);
  return text;
}

/// Also where its wait is over already and only its handler has not run yet.
void at_rest(asio::steady_timer& timer) {
  timer.expires_at(asio::steady_timer::time_point::max());
}

/// A kept connection on which something has arrived, its end included, is of no more use.
bool is_silent(NetStream& stream) {
  char byte = 0;
  const ssize_t got = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

Client::State::State(asio::any_io_executor e, Address a, ClientLimits l)
    : executor(e), limits(l), connector(e, std::move(a)), sweeping(e), tasks(e) {
  if (!connector.address().path.empty()) limits.idle_connections = 0;
}

std::optional<NetStream> Client::State::take_idle() {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!idle.empty()) {
    Idle last = std::move(idle.back());
    idle.pop_back();
    if (now - last.since < limits.idle_wait && is_silent(last.stream)) return std::move(last.stream);
    last.stream.close();
  }
  return std::nullopt;
}

void Client::State::keep(NetStream stream) {
  if (stopping || limits.idle_connections == 0) return stream.close();
  while (idle.size() >= limits.idle_connections) {
    idle.front().stream.close();
    idle.pop_front();
  }
  idle.push_back({std::move(stream), std::chrono::steady_clock::now()});
}

/// Closes what has been idle for too long; runs while there is something idle.
void Client::State::sweep(const std::shared_ptr<State>& self) {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!self->idle.empty() && now - self->idle.front().since >= self->limits.idle_wait) {
    self->idle.front().stream.close();
    self->idle.pop_front();
  }
  if (self->idle.empty()) return;
  self->sweeping.expires_at(self->idle.front().since + self->limits.idle_wait);
  self->sweeping.async_wait([weak = std::weak_ptr<State>(self)](boost::system::error_code error) {
    const auto state = weak.lock();
    if (!error && state) sweep(state);
  });
}

Client::Call::Call(std::shared_ptr<State> state, bool head_request, bool upgrade)
    : state_(std::move(state)),
      read_due_(state_->executor),
      write_due_(state_->executor),
      reader_(head_request, state_->limits.head, upgrade),
      continue_(state_->executor) {
  state_->calls.insert(this);
}

Client::Call::~Call() {
  state_->calls.erase(this);
}

Awaitable<Result<bool>> Client::Call::connect(std::shared_ptr<Call> self, bool fresh) {
  if (!fresh) self->stream_ = self->state_->take_idle();
  if (self->stream_) co_return true;
  const auto wait = self->state_->limits.connect_wait;
  Result<NetStream> connected = co_await self->state_->connector.connect(wait);
  if (!connected) co_return fail(std::move(connected.error()));
  if (self->state_->stopping) co_return fail(Errc::closed, "the connection: this end stops");
  self->stream_ = std::move(*connected);
  co_return false;
}

Awaitable<Result<void>> Client::Call::write(std::shared_ptr<Call> self, std::string text) {
  const auto data = asio::buffer(text);
  self->due_in(self->write_due_, self->state_->limits.body_wait);
  const auto [error, size] = co_await asio::async_write(*self->stream_, data, kTuple);
  at_rest(self->write_due_);
  if (error) co_return fail(Errc::closed, "sending the request: " + error.message());
  co_return Result<void>();
}

/// False when a final answer came first.
Awaitable<bool> Client::Call::wait_to_continue(std::shared_ptr<Call> self) {
  if (self->head_) co_return false;
  if (self->reader_.has_continued()) co_return true;
  const auto timer = std::make_shared<asio::steady_timer>(self->state_->executor, self->state_->limits.continue_wait);
  timer->async_wait([weak = self->weak_from_this()](boost::system::error_code error) {
    const auto call = weak.lock();
    if (!error && call) call->continue_.notify();
  });
  const bool woken = co_await self->continue_.wait();
  timer->cancel();
  co_return woken && !self->head_;
}

/// While the body moves, the response's head is not yet due.
Awaitable<void> Client::Call::send_body(std::shared_ptr<Call> self, exchange::Body body, bool chunked, bool expects) {
  if (expects) {
    const bool wanted = co_await wait_to_continue(self);
    if (!wanted) co_return;
  }
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
    const Result<void> sent = co_await write(self, std::move(text));
    if (!sent) co_return;  // the server wants no more of it: its response decides
  }
  if (chunked) {
    const Result<void> sent = co_await write(self, "0\r\n\r\n");
    if (!sent) co_return;
  }
  self->sent_ = true;
  if (!self->head_) self->wait_for_head();
}

Awaitable<Result<exchange::ResponseHead>> Client::Call::receive_head(std::shared_ptr<Call> self) {
  bool at_end = false;
  for (;;) {
    std::string_view rest = self->input_;
    auto head = self->reader_.take_head(rest, at_end);
    if (!head) co_return fail(std::move(head.error()));
    self->input_.erase(0, self->input_.size() - rest.size());
    if (*head || self->reader_.has_continued()) {
      self->head_ = head->has_value();
      self->continue_.notify();
    }
    if (*head) {
      at_rest(self->read_due_);
      co_return std::move(**head);
    }
    if (at_end) co_return fail(Errc::closed, "the server ended the connection without an answer");
    const Result<bool> more = co_await receive(self);
    if (!more) co_return fail(more.error());
    if (!*more && self->state_->connector.address().tls)
      co_return fail(Errc::closed, "the server ended the connection without an answer");
    at_end = !*more;
  }
}

Awaitable<Result<Bytes>> Client::Call::read_body(std::shared_ptr<Call> self, std::size_t limit) {
  if (self->taken_ == self->decoded_.size()) {
    self->decoded_.clear();
    self->taken_ = 0;
  }
  while (self->decoded_.empty() && !self->reader_.body_done()) {
    std::string_view rest = self->input_;
    const Result<void> taken = self->reader_.take_body(rest, self->decoded_);
    if (!taken) co_return fail(taken.error());
    self->input_.erase(0, self->input_.size() - rest.size());
    if (!self->decoded_.empty() || self->reader_.body_done()) break;
    if (self->input_.size() > self->state_->limits.head.head_bytes)
      co_return fail(Errc::protocol, "the response's body");
    self->due_in(self->read_due_, self->state_->limits.body_wait);
    const Result<bool> more = co_await receive(self);
    at_rest(self->read_due_);
    if (!more) co_return fail(more.error());
    if (*more) continue;
    if (auto finished = self->reader_.finish(); !finished) co_return fail(std::move(finished.error()));
  }
  const ByteView left = as_bytes(std::string_view(self->decoded_).substr(self->taken_));
  const ByteView piece = left.first(std::min(limit, left.size()));
  self->taken_ += piece.size();
  if (piece.size() == left.size() && self->reader_.body_done()) self->settle();
  co_return Bytes(piece.begin(), piece.end());
}

/// More input; false at the orderly end of it. A reset, or a TLS connection that was cut, is never such an end.
Awaitable<Result<bool>> Client::Call::receive(std::shared_ptr<Call> self) {
  if (!self->stream_) co_return fail(Errc::closed, "the connection of the response");
  if (self->ended_) co_return false;  // Asio would wait for something new
  self->piece_.resize(self->state_->limits.piece);
  const auto space = asio::buffer(self->piece_);
  const auto [error, size] = co_await self->stream_->async_read_some(space, kTuple);
  if (self->timed_out_) co_return fail(Errc::timeout, "waiting for the response");
  self->ended_ = error == asio::error::eof;
  if (self->ended_) co_return false;
  if (error) co_return fail(Errc::closed, "reading the response: " + error.message());
  self->heard_ = true;
  self->input_.append(self->piece_.data(), size);
  co_return true;
}

void Client::Call::due_in(asio::steady_timer& timer, std::chrono::milliseconds wait) {
  timer.expires_after(wait);
  timer.async_wait([weak = weak_from_this(), &timer](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self || timer.expiry() > std::chrono::steady_clock::now()) return;
    self->timed_out_ = true;
    self->abort();
  });
}

void Client::Call::abort() {
  if (stream_) stream_->close();
  at_rest(read_due_);
  at_rest(write_due_);
}

void Client::Call::end() {
  abort();
  if (sending_) state_->tasks.cancel(*sending_);
}

void Client::Call::settle() {
  if (!stream_ || !stream_->is_open()) return;
  if (!sent_ || !reader_.can_be_reused() || !input_.empty()) return end();
  at_rest(read_due_);
  at_rest(write_due_);
  const bool first = state_->idle.empty();
  state_->keep(std::move(*stream_));
  stream_.reset();
  if (first) State::sweep(state_);
}

NetStream Client::Call::take_stream() {
  NetStream stream = std::move(*stream_);
  stream_.reset();
  stream.put_back(std::exchange(input_, {}));
  at_rest(read_due_);
  at_rest(write_due_);
  return stream;
}

Client::CallBody::CallBody(std::shared_ptr<Call> call)
    : call_(std::move(call)), length_(call_->reader().content_length()) {}

Client::CallBody::~CallBody() {
  call_->end();
}

Awaitable<Result<Bytes>> Client::CallBody::read(std::size_t limit) {
  return Call::read_body(call_, limit);
}

}  // namespace owndir::http
