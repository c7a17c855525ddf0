#include "http/socket_carrier.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "http/hop_by_hop.hpp"

namespace owndir::http {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using exchange::SocketMessage;
using std::chrono::steady_clock;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kChunk = 16384;
constexpr std::size_t kMessageCost = 64;  // a queued message's own, so that empty ones are bounded too
constexpr std::size_t kReason = 123;      // RFC 6455 section 5.5
constexpr std::size_t kLingerBytes = std::size_t{1} << 20;

/// The deadlines are our own.
websocket::stream_base::timeout no_deadlines() {
  websocket::stream_base::timeout none{};
  none.handshake_timeout = websocket::stream_base::none();
  none.idle_timeout = websocket::stream_base::none();
  none.keep_alive_pings = false;
  return none;
}

}  // namespace

bool SocketCarrier::begin_client() {
  client_ = true;
  stream_.set_option(no_deadlines());
  beast::error_code error;
  stream_.handshake("localhost", "/", error);
  if (error) log("http").error("a WebSocket to an upstream was not opened: {}", error.message());
  return !error;
}

Awaitable<bool> SocketCarrier::accept(std::string key, const exchange::SocketAccept& accept) {
  stream_.set_option(no_deadlines());
  stream_.set_option(websocket::stream_base::decorator([&accept](websocket::response_type& response) {
    response.erase(beast::http::field::server);
    exchange::Fields fields = accept.fields;
    exchange::remove_handshake_fields(fields);
    remove_hop_by_hop(fields);
    for (const char* name : {"Sec-WebSocket-Protocol", "Content-Length"}) fields.remove(name);
    for (const auto& field : fields) response.insert(field.name, field.value);
    if (!accept.protocol.empty()) response.set("Sec-WebSocket-Protocol", accept.protocol);
  }));
  beast::http::request<beast::http::empty_body> request(beast::http::verb::get, "/", 11);
  request.set("Host", "localhost");
  request.set("Upgrade", "websocket");
  request.set("Connection", "upgrade");
  request.set("Sec-WebSocket-Version", "13");
  request.set("Sec-WebSocket-Key", key);
  watched_ = true;
  tasks_.spawn("web socket watch", watch());
  due_at(write_due_, steady_clock::now() + limits_.write_wait);
  const auto [error] = co_await stream_.async_accept(request, kTuple);
  write_due_ = SteadyTime::max();
  if (error) log("http").debug("a WebSocket was not opened: {}", error.message());
  co_return !error;
}

void SocketCarrier::start(std::function<void(bool closes)> on_end) {
  on_end_ = std::move(on_end);
  stream_.next_layer().begin_frames();
  chunk_.resize(kChunk);
  stream_.auto_fragment(false);
  stream_.read_message_max(limits_.message);
  stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    heard();
    if (kind == websocket::frame_type::close) other_closes();
  });
  heard();
  if (!watched_) tasks_.spawn("web socket watch", watch());
  tasks_.spawn("web socket read", read());
  tasks_.spawn("web socket write", write());
  tasks_.spawn("web socket ping", ping());
}

Awaitable<void> SocketCarrier::finish() {
  if (linger_ && stream_.next_layer().is_open()) {
    due_at(close_due_, steady_clock::now() + limits_.linger_wait);
    for (std::size_t dropped = 0; dropped < kLingerBytes;) {
      const auto [error, size] = co_await stream_.next_layer().async_read_some(asio::buffer(chunk_), kTuple);
      if (error) break;
      dropped += size;
    }
  }
  cut();
  co_await tasks_.stop();
}

Awaitable<Result<std::optional<SocketMessage>>> SocketCarrier::receive() {
  for (;;) {
    if (!queue_.empty()) {
      SocketMessage message = std::move(queue_.front());
      queue_.pop_front();
      queued_ -= message.data.size() + kMessageCost;
      room_.notify();
      co_return std::optional<SocketMessage>(std::move(message));
    }
    if (asked_ || (over_ && !failure_)) co_return std::optional<SocketMessage>();
    if (over_) co_return fail(*failure_);
    const bool woken = co_await arrived_.wait();
    if (!woken) co_return fail(Errc::cancelled, "receiving from a WebSocket");
  }
}

Awaitable<Result<void>> SocketCarrier::send(SocketMessage message) {
  if (message.data.size() > limits_.message)
    co_return fail(Errc::too_large, "a message of " + std::to_string(message.data.size()) + " bytes");
  if (message.text && !is_utf8(as_text(message.data))) co_return fail(Errc::malformed, "text that is not UTF-8");
  while (outgoing_ && !is_shut()) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return fail(Errc::cancelled, "sending to a WebSocket");
  }
  if (is_shut()) co_return fail(Errc::closed, "the WebSocket");
  outgoing_ = std::move(message);
  wanted_.notify();
  while (outgoing_ && !over_ && !asked_) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return fail(Errc::cancelled, "sending to a WebSocket");
  }
  if (outgoing_) co_return fail(Errc::closed, "the WebSocket");
  co_return Result<void>();
}

Awaitable<void> SocketCarrier::close(std::uint16_t code, std::string reason) {
  if (!over_ && !closing_) want_close(code, reason);
  while (!over_) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return;
  }
}

/// The other end closes first: our side learns of it, and what it answers by `close` goes out in place of Beast's own
/// answer, which waits for it. Browsers show the code and the reason.
void SocketCarrier::other_closes() {
  if (in_close_) return;  // that is the answer to ours
  asked_ = true;
  stream_.next_layer().hold_close();
  keep_reason();
  due_at(close_due_, steady_clock::now() + limits_.answer_wait + limits_.close_wait);
  arrived_.notify();
  changed_.notify();
  wanted_.notify();
  if (closing_ && !breaking_) return answer_close();  // ours was on its way
  if (on_end_) on_end_(true);
}

void SocketCarrier::answer_close() {
  const std::string_view reason(closing_->reason.data(), closing_->reason.size());
  stream_.next_layer().release(close_frame(closing_->code, reason, client_));
}

void SocketCarrier::keep_reason() {
  const websocket::close_reason& reason = stream_.reason();
  close_code_ = reason.code == websocket::close_code::none ? exchange::close_code::kNone : reason.code;
  close_reason_.assign(reason.reason.data(), reason.reason.size());
}

/// What was sent arrives, and then an end of the connection that nobody can take for a close.
void SocketCarrier::break_off() {
  linger_ = true;
  boost::system::error_code ignored;
  stream_.next_layer().socket().shutdown(asio::socket_base::shutdown_send, ignored);
  over(asio::error::connection_aborted);
}

void SocketCarrier::want_close(std::uint16_t code, std::string_view reason) {
  breaking_ = code == exchange::close_code::kBroken;
  closing_.emplace(static_cast<websocket::close_code>(exchange::may_be_sent(code) ? code : 0));
  if (closing_->code != websocket::close_code::none) {
    const std::string_view cut_reason = is_utf8(reason) ? cut_utf8(reason, kReason) : std::string_view();
    closing_->reason.assign(cut_reason.data(), cut_reason.size());
  }
  queue_.clear();
  queued_ = 0;
  incoming_ = {};
  due_at(close_due_, steady_clock::now() + limits_.close_wait);
  room_.notify();
  wanted_.notify();
  if (asked_ && !breaking_) answer_close();
}

Awaitable<void> SocketCarrier::read() {
  for (;;) {
    while (queued_ >= limits_.read_ahead) {
      const bool woken = co_await room_.wait();
      if (!woken || over_) co_return;
    }
    if (!reading_) heard();  // silence counts only while we listen
    reading_ = true;
    const auto [error, size] = co_await stream_.async_read_some(asio::buffer(chunk_), kTuple);
    if (error) {
      // Beast's close has taken the reading over from us, and knows how it ends.
      const bool taken_over = in_close_ && error == asio::error::operation_aborted;
      if (!taken_over) over(error);
      co_return;
    }
    heard();
    if (!take_chunk(size)) want_close(exchange::close_code::kNotUtf8, "text that is not UTF-8");
    reading_ = queued_ < limits_.read_ahead;
  }
}

/// False for a message that is no valid text. Beast checks UTF-8 as it comes, which spares us the rest of a long wrong
/// message, but overlooks a sequence that is cut by an empty last frame.
bool SocketCarrier::take_chunk(std::size_t size) {
  if (closing_) return true;
  incoming_.data.insert(incoming_.data.end(), chunk_.begin(), chunk_.begin() + static_cast<std::ptrdiff_t>(size));
  if (!stream_.is_message_done()) return true;
  incoming_.text = stream_.got_text();
  if (incoming_.text && !is_utf8(as_text(incoming_.data))) return false;
  queued_ += incoming_.data.size() + kMessageCost;
  queue_.push_back(std::move(incoming_));
  incoming_ = {};
  arrived_.notify();
  return true;
}

Awaitable<void> SocketCarrier::write() {
  while (!over_) {
    if (outgoing_ && !asked_) {
      const SocketMessage message = std::move(*outgoing_);
      outgoing_.reset();
      changed_.notify();
      stream_.text(message.text);
      due_at(write_due_, steady_clock::now() + limits_.write_wait);
      const auto [error, size] = co_await stream_.async_write(asio::buffer(message.data), kTuple);
      write_due_ = SteadyTime::max();
      if (!error) continue;
      if (error == asio::error::operation_aborted) co_return;  // Beast has begun to close, or we have cut it
      over(error);
      cut();
    } else if (closing_ && breaking_ && !in_close_) {
      break_off();
    } else if (closing_ && !in_close_ && !asked_) {
      in_close_ = true;
      const websocket::close_reason reason = *closing_;
      const auto [error] = co_await stream_.async_close(reason, kTuple);
      over(error ? error : make_error_code(websocket::error::closed));
    } else {
      const bool woken = co_await wanted_.wait();
      if (!woken) co_return;
    }
  }
}

Awaitable<void> SocketCarrier::ping() {
  while (!over_ && !asked_) {
    const SteadyTime now = steady_clock::now();
    if (!reading_) heard_at_ = now;
    if (now - heard_at_ >= limits_.dead_after) {
      over(asio::error::timed_out);
      cut();
      co_return;
    }
    if (now - heard_at_ >= limits_.ping_after && !pinged_) {
      pinged_ = true;
      const websocket::ping_data nothing;
      co_await stream_.async_ping(nothing, kTuple);
    }
    pinging_.expires_at(heard_at_ + (pinged_ ? limits_.dead_after : limits_.ping_after));
    co_await pinging_.async_wait(kTuple);
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) co_return;
  }
}

Awaitable<void> SocketCarrier::watch() {
  for (;;) {
    const SteadyTime due = std::min(write_due_, close_due_);
    if (due <= steady_clock::now()) break;
    timer_.expires_at(due);
    co_await timer_.async_wait(kTuple);
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) co_return;
  }
  over(asio::error::timed_out);
  cut();
}

void SocketCarrier::heard() {
  heard_at_ = steady_clock::now();
  if (pinged_) pinging_.cancel();
  pinged_ = false;
}

/// The end, whoever learns of it first.
void SocketCarrier::over(const beast::error_code& error) {
  if (over_) return;
  over_ = true;
  if (error == websocket::error::closed) {
    keep_reason();
  } else if (error.category() == make_error_code(websocket::error::closed).category()) {
    linger_ = true;
    failure_ = Error{make_error_code(Errc::protocol), "the other end of the WebSocket: " + error.message()};
  } else {
    failure_ = Error{make_error_code(Errc::closed), "the WebSocket's connection broke: " + error.message()};
  }
  close_due_ = SteadyTime::max();
  arrived_.notify();
  changed_.notify();
  wanted_.notify();
  if (on_end_) on_end_(false);
}

/// What waits for the network then fails.
void SocketCarrier::cut() {
  stream_.next_layer().close();
}

void SocketCarrier::due_at(SteadyTime& deadline, SteadyTime when) {
  deadline = when;
  if (when < timer_.expiry()) timer_.cancel();
}

}  // namespace owndir::http
