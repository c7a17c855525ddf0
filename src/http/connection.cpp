#include "http/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "base/log.hpp"
#include "http/socket_handshake.hpp"
#include "http/web_socket.hpp"

namespace owndir::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLingerBytes = std::size_t{1} << 20;
constexpr unsigned kAnswersAtOnce = 64;

}  // namespace

/// The request's body as the handler sees it; lets the connection know when nobody wants the rest.
class Connection::RequestBody final : public exchange::BodySource {
 public:
  RequestBody(std::shared_ptr<Connection> connection, std::optional<std::uint64_t> length)
      : connection_(std::move(connection)), length_(length) {
    connection_->body_held_ = true;
  }
  ~RequestBody() override {
    if (!done_) connection_->body_held_ = false;
  }
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;

  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    if (done_) co_return Bytes();
    Result<Bytes> piece = co_await connection_->read_body(limit);
    if (piece && connection_->reader_.body_done() && connection_->decoded_.empty()) {
      done_ = true;
      connection_->body_held_ = false;
    }
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::shared_ptr<Connection> connection_;
  std::optional<std::uint64_t> length_;
  bool done_ = false;
};

Connection::Connection(asio::ip::tcp::socket socket, const ServerLimits& limits, exchange::Handler& handler)
    : socket_(std::move(socket)),
      limits_(limits),
      handler_(handler),
      reader_(HeadLimits{.head_bytes = limits.head_bytes, .as_browsers = limits.as_browsers}),
      arrived_(socket_.get_executor()),
      room_(socket_.get_executor()),
      timer_(socket_.get_executor()) {}

Awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  using asio::experimental::awaitable_operators::operator||;
  try {
    co_await (self->serve() || self->pump() || self->watch());
    if (self->upgrade_) {
      Upgrade upgrade = std::move(*self->upgrade_);
      self->upgrade_.reset();
      co_await run_web_socket(std::move(self->socket_), self->limits_, std::move(upgrade.key),
                              std::move(upgrade.accept));
    }
  } catch (const std::exception& error) {
    // Cancelled, as a rule: the server stops.
    log("http").debug("a connection ended: {}", error.what());
  }
  self->finish();
}

void Connection::turn_away(asio::ip::tcp::socket socket) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  const std::string answer = short_answer(Refusal{503, "Too many connections at once. Try again in a moment."});
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

Awaitable<void> Connection::serve() {
  try {
    for (unsigned served = 1;; ++served) {
      const bool goes_on = co_await serve_one();
      if (!goes_on) break;
      // Answers that need no wait must not keep the thread from others.
      if (served % kAnswersAtOnce == 0) co_await asio::post(asio::use_awaitable);
    }
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    log("http").error("a connection ended by an exception: {}", error.what());
  } catch (const std::exception& error) {
    log("http").error("a connection ended by an exception: {}", error.what());
  }
}

Awaitable<bool> Connection::serve_one() {
  std::optional<IncomingHead> in = co_await receive_head();
  if (!in) co_return false;
  if (in->websocket) {
    if (auto refusal = check_handshake(*in)) {
      co_await refuse(std::move(*refusal));
      co_return false;
    }
  }
  response_begun_ = false;
  continue_wanted_ = in->expect_continue && in->has_body;
  exchange::Request request;
  request.head = std::move(in->head);
  in->head.method = request.head.method;
  if (in->has_body) {
    std::optional<std::uint64_t> length;
    if (const auto field = request.head.fields.get("content-length"))
      std::from_chars(field->data(), field->data() + field->size(), length.emplace());
    request.body = std::make_unique<RequestBody>(shared_from_this(), length);
  }
  std::optional<exchange::Response> now;
  if (!in->has_body && !in->websocket) now = handler_.answer_now(request.head);
  if (!now) {
    exchange::SocketAnswer answered = co_await answer(std::move(request), *in);
    if (upgrade_) co_return false;
    now = std::move(std::get<exchange::Response>(answered));
  }
  exchange::Response response = std::move(*now);
  const bool keep_alive = in->keep_alive && settle_request_body();
  if (!co_await respond(std::move(response), *in, keep_alive)) co_return false;
  if (keep_alive) co_return true;
  co_await linger();
  co_return false;
}

Awaitable<std::optional<IncomingHead>> Connection::receive_head() {
  in_head_ = false;
  due_at(read_due_, after(taken_ == 0 && input_.empty() ? limits_.idle_wait : limits_.head_wait));
  for (;;) {
    std::string_view rest = input();
    auto taken = reader_.take_head(rest);
    take_input(rest);
    if (!taken) {
      co_await refuse(std::move(taken.error()));
      co_return std::nullopt;
    }
    if (*taken) {
      in_head_ = false;
      due_at(read_due_, SteadyTime::max());
      co_return std::move(**taken);
    }
    if (eof_) co_return std::nullopt;
    if (!input().empty() && !in_head_) {
      in_head_ = true;
      due_at(read_due_, after(limits_.head_wait));
    }
    co_await arrived_.wait();
  }
}

/// Whether the next request can be read after this one: its body is used up, or what is left of it has already arrived.
bool Connection::settle_request_body() {
  if (reader_.body_done() && decoded_.empty()) return true;
  if (body_held_) return false;
  std::string_view rest = input();
  const bool sound = reader_.take_body(rest, decoded_);
  take_input(rest);
  decoded_.clear();
  return sound && reader_.body_done();
}

Awaitable<bool> Connection::respond(exchange::Response response, const IncomingHead& in, bool keep_alive) {
  auto plan = plan_response(response, in.head.method, in.http_1_1, keep_alive);
  if (!plan) {
    log("http").error("a response cannot be sent: {}", printable(plan.error().to_string()));
    response = exchange::text_response(502, "The answer to this request is not valid HTTP.\n");
    plan = plan_response(response, in.head.method, in.http_1_1, keep_alive);
  }
  response_begun_ = true;
  responding_ = true;
  bool whole = false;
  if (plan->with_body)
    whole = co_await send_body(std::move(response.body), *plan);
  else
    whole = co_await send(plan->head, {}, {});
  if (!whole) {
    abort();
    co_return false;
  }
  responding_ = false;
  if (plan->close && keep_alive) {
    co_await linger();
    co_return false;
  }
  co_return true;
}

Awaitable<void> Connection::refuse(Refusal refusal) {
  log("http").debug("refused with {}: {}", refusal.status, refusal.text);
  const std::string answer = short_answer(refusal);
  if (co_await send(answer, {}, {})) co_await linger();
}

/// Ends the sending side and lets the client read: closing at once would reset the connection under an unread answer.
Awaitable<void> Connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  due_at(read_due_, after(limits_.linger_wait));
  std::size_t dropped = 0;
  while (!eof_ && dropped < kLingerBytes) {
    dropped += input().size();
    take_input({});
    co_await arrived_.wait();
  }
}

Awaitable<Result<Bytes>> Connection::read_body(std::size_t limit) {
  const auto self = shared_from_this();
  if (continue_wanted_ && !response_begun_ && !closed_) try_send_now("HTTP/1.1 100 Continue\r\n\r\n");
  continue_wanted_ = false;
  for (;;) {
    if (closed_) co_return fail(Errc::closed, "the connection of the request");
    std::string_view rest = input();
    const bool sound = reader_.take_body(rest, decoded_);
    take_input(rest);
    if (!decoded_.empty()) {
      const std::size_t size = std::min(limit, decoded_.size());
      const ByteView piece = as_bytes(std::string_view(decoded_).substr(0, size));
      Bytes bytes(piece.begin(), piece.end());
      decoded_.erase(0, size);
      co_return bytes;
    }
    if (!sound || (!reader_.body_done() && input().size() >= limits_.input_bytes))
      co_return fail(Errc::malformed, "body of the request");
    if (reader_.body_done()) co_return Bytes();
    if (eof_) co_return fail(Errc::closed, "the client went away in the middle of its request");
    due_at(read_due_, after(limits_.body_wait));
    const bool go_on = co_await arrived_.wait();
    due_at(read_due_, SteadyTime::max());
    if (!go_on) co_return fail(Errc::cancelled, "body of the request");
  }
}

Awaitable<void> Connection::pump() {
  const std::size_t limit = std::max(limits_.head_bytes, limits_.input_bytes);
  boost::system::error_code error;
  for (;;) {
    while (input().size() >= limit)
      if (!co_await room_.wait()) co_return;
    const auto [waited] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, kTuple);
    if (waited) co_return;
    compact_input();
    thread_local std::array<char, 16384> space;  // of all connections: each keeps only what it has received
    const std::size_t room = std::min(limit - input().size(), space.size());
    const std::size_t got = socket_.read_some(asio::buffer(space.data(), room), error);
    input_.append(space.data(), got);
    if (error == asio::error::would_block || error == asio::error::interrupted) continue;
    if (error) break;
    arrived_.notify();
  }
  eof_ = true;
  arrived_.notify();
  // `serve` sees the end by itself where it waits for input; a handler that goes on for nobody is ended here.
  if (error == asio::error::eof) co_await sleep_for(limits_.half_close_wait);
}

Awaitable<void> Connection::watch() {
  for (;;) {
    const SteadyTime due = std::min(read_due_, write_due_);
    if (due <= std::chrono::steady_clock::now()) break;
    timer_.expires_at(due);
    co_await timer_.async_wait(kTuple);
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) co_return;
  }
  timed_out_ = true;
}

void Connection::due_at(SteadyTime& deadline, SteadyTime when) {
  deadline = when;
  if (when < timer_.expiry()) timer_.cancel();
}

void Connection::take_input(std::string_view rest) {
  const std::size_t left = rest.size();
  if (input_.size() - taken_ == left) return;
  taken_ = input_.size() - left;
  if (left == 0) {
    input_.clear();
    taken_ = 0;
  }
  room_.notify();
}

void Connection::compact_input() {
  if (taken_ == 0) return;
  input_.erase(0, taken_);
  taken_ = 0;
}

/// For a few bytes beside the ordinary writes; a socket that cannot take them now is as good as broken.
void Connection::try_send_now(std::string_view text) {
  boost::system::error_code error;
  if (socket_.write_some(asio::buffer(text), error) != text.size()) abort();
}

void Connection::abort() {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  closed_ = true;
}

void Connection::finish() {
  if (responding_) abort();
  closed_ = true;
  arrived_.notify();
  if (!socket_.is_open()) return;
  if (timed_out_ && in_head_) try_send_now(short_answer(Refusal{408, "The request did not arrive in time."}));
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace owndir::http
