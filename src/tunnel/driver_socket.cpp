// WebSockets: those that our side opens (client) and those that a session of ours serves (server).
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "exchange/socket_run.hpp"
#include "tunnel/driver_support.hpp"

namespace owndir::tunnel {
namespace {

/// A session's time to finish after the other end has gone.
constexpr std::chrono::milliseconds kGrace{1000};
/// The same after it has closed, as a part of what it waits for the answer: then there is time to give one.
constexpr int kAnswerParts = 10;
constexpr std::string_view kProtocolField = "Sec-WebSocket-Protocol";

}  // namespace

/// One end of a WebSocket that the tunnel carries.
class Driver::Socket final : public exchange::WebSocket {
 public:
  Socket(std::shared_ptr<Driver> driver, std::shared_ptr<Carried> carried)
      : driver_(std::move(driver)), carried_(std::move(carried)), inbox_(carried_->inbox) {}
  ~Socket() override {
    inbox_->on_closed = nullptr;
    inbox_->on_over = nullptr;
    if (inbox_->over)
      driver_->machine_.discard(id());
    else
      driver_->give_up(id(), Code::cancelled, {});
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override;
  Awaitable<Result<void>> send(exchange::SocketMessage message) override;
  Awaitable<void> close(std::uint16_t code, std::string reason) override;
  std::uint16_t close_code() const override {
    if (!inbox_->closed) return exchange::close_code::kBroken;
    return inbox_->closed->code.value_or(exchange::close_code::kNone);
  }
  std::string close_reason() const override { return inbox_->closed ? inbox_->closed->reason : std::string(); }

 private:
  ExchangeId id() const { return carried_->outgoing->id; }
  bool take_piece();
  Awaitable<bool> send_piece(Bytes piece, bool last);
  Awaitable<std::size_t> wait_for_room();

  std::shared_ptr<Driver> driver_;
  std::shared_ptr<Carried> carried_;
  std::shared_ptr<Inbox> inbox_;
  exchange::SocketMessage incoming_;
  bool within_ = false;  ///< a message, of which a part has been taken
  bool closing_ = false;
};

Awaitable<Result<std::optional<exchange::SocketMessage>>> Driver::Socket::receive() {
  for (;;) {
    while (!inbox_->pieces.empty()) {
      if (!take_piece()) continue;
      exchange::SocketMessage message = std::exchange(incoming_, {});
      const bool valid = !message.text || is_utf8(as_text(message.data));
      if (valid) co_return std::optional<exchange::SocketMessage>(std::move(message));
      std::string reason = "text that is not UTF-8";
      co_await close(exchange::close_code::kNotUtf8, std::move(reason));
      co_return fail(Errc::protocol, "text that is not UTF-8");
    }
    if (inbox_->closed) co_return std::optional<exchange::SocketMessage>();
    if (inbox_->over) co_return fail(*inbox_->error);
    const bool woken = co_await inbox_->changed.wait();
    if (!woken) co_return fail(Errc::cancelled, "receiving from a WebSocket");
  }
}

/// Whether `incoming_` is complete.
bool Driver::Socket::take_piece() {
  const Bytes piece = std::move(inbox_->pieces.front());
  inbox_->pieces.pop_front();
  const Result<FrameHeader> header = decode_header(piece);
  if (!within_) incoming_.text = header->has(Flag::text);
  within_ = !header->has(Flag::end);
  incoming_.data.insert(incoming_.data.end(), piece.begin() + kFrameHeader, piece.end());
  driver_->machine_.consumed_piece(id(), piece.size() - kFrameHeader);
  driver_->act();
  driver_->admit_waiters();
  return !within_;
}

Awaitable<Result<void>> Driver::Socket::send(exchange::SocketMessage message) {
  if (message.data.size() > driver_->options_.limits.socket_message)
    co_return fail(Errc::too_large, "a message of " + std::to_string(message.data.size()) + " bytes");
  if (message.text && !is_utf8(as_text(message.data))) co_return fail(Errc::malformed, "text that is not UTF-8");
  carried_->outgoing->message = true;
  carried_->outgoing->text = message.text;
  for (std::size_t at = 0;;) {
    const std::size_t room = co_await wait_for_room();
    if (room == 0) break;
    const std::size_t size = std::min(room, message.data.size() - at);
    const auto from = message.data.begin() + static_cast<std::ptrdiff_t>(at);
    Bytes piece(from, from + static_cast<std::ptrdiff_t>(size));
    at += size;
    const bool last = at == message.data.size();
    const bool sent = co_await send_piece(std::move(piece), last);
    if (!sent) break;
    if (last) co_return Result<void>();
  }
  co_return fail(Errc::closed, "the WebSocket");
}

/// Bytes that may be sent now; 0 when the socket is over or this coroutine is cancelled.
Awaitable<std::size_t> Driver::Socket::wait_for_room() {
  const std::shared_ptr<Outgoing> outgoing = carried_->outgoing;
  ChannelSender& sender = driver_->senders_[carried_->channel];
  for (;;) {
    const std::optional<std::size_t> room = driver_->machine_.sendable(id());
    if (!room) co_return 0;
    if (*room == 0) {
      driver_->machine_.wait_for_credit(id());
    } else if (sender.claim_turn(outgoing)) {
      co_return *room;
    }
    const bool woken = co_await outgoing->wake.wait();
    if (!woken) co_return 0;
  }
}

/// False when it was not sent, or may not have been.
Awaitable<bool> Driver::Socket::send_piece(Bytes piece, bool last) {
  const std::shared_ptr<Outgoing> outgoing = carried_->outgoing;
  outgoing->piece = std::move(piece);
  outgoing->last = last;
  driver_->senders_[carried_->channel].offer(outgoing);
  while (outgoing->piece) {
    const bool woken = co_await outgoing->wake.wait();
    if (!woken) co_return false;
  }
  co_return !outgoing->over && !closing_;
}

Awaitable<void> Driver::Socket::close(std::uint16_t code, std::string reason) {
  if (code == exchange::close_code::kBroken && !closing_ && !inbox_->over) {
    closing_ = true;
    driver_->give_up(id(), Code::cancelled, {});
    co_return;
  }
  if (!closing_ && !inbox_->over) {
    closing_ = true;
    inbox_->pieces.clear();
    incoming_ = {};
    const std::string cut(cut_utf8(reason, driver_->options_.limits.socket_control - 2));
    driver_->machine_.close_socket(id(), {code, cut});
    driver_->act();
    carried_->outgoing->wake.notify();
  }
  while (!inbox_->over) {
    const bool woken = co_await inbox_->changed.wait();
    if (!woken) co_return;
  }
}

void Driver::end_inbox(Inbox& inbox, const Error& error) {
  inbox.error = error;
  inbox.over = true;
  inbox.changed.notify();
  if (inbox.on_over) inbox.on_over();
}

/// With 1001, as the end of the connection asks for.
void Driver::close_sockets() {
  std::vector<std::shared_ptr<Carried>> open;
  for (const auto& [id, carried] : carried_)
    if (carried->inbox) open.push_back(carried);
  for (const auto& carried : open) {
    if (carried->task)
      tasks_.cancel(*carried->task);
    else
      machine_.close_socket(carried->outgoing->id, {exchange::close_code::kGoingAway, {}});
  }
}

Awaitable<Result<exchange::SocketAnswer>> Driver::open_socket(exchange::Request request) {
  const auto self = shared_from_this();
  exchange::remove_handshake_fields(request.head.fields);
  request.body.reset();
  const Result<std::shared_ptr<Carried>> asked = co_await ask(std::move(request), true);
  if (!asked) co_return fail(asked.error());
  const std::shared_ptr<Carried>& carried = *asked;
  if (!carried->inbox) co_return exchange::SocketAnswer(take_response(carried));
  exchange::SocketAccept accept;
  accept.fields = std::move((*carried->answer)->head.fields);
  accept.protocol = accept.fields.get(kProtocolField).value_or("");
  accept.fields.remove(kProtocolField);
  exchange::remove_handshake_fields(accept.fields);
  accept.session = exchange::make_relay(std::make_unique<Socket>(self, carried));
  co_return exchange::SocketAnswer(std::move(accept));
}

Awaitable<void> Driver::serve_socket(std::shared_ptr<Driver> /*self*/, std::shared_ptr<Carried> carried,
                                     exchange::Request request) {
  const Running running(*this);
  Unfinished unfinished(*this, carried->outgoing->id, Code::internal);
  exchange::remove_handshake_fields(request.head.fields);
  const exchange::Fields offered = request.head.fields;
  Awaitable<Result<exchange::SocketAnswer>> asked = options_.handler->open_socket(std::move(request));
  Result<exchange::SocketAnswer> answer = co_await guarded(std::move(asked));
  auto* accept = answer ? std::get_if<exchange::SocketAccept>(&*answer) : nullptr;
  const auto fault = accept ? exchange::accept_fault(*accept, offered) : std::nullopt;
  if (accept && !fault) {
    co_await run_session(carried, std::move(*accept));
  } else {
    Result<exchange::Response> response = fail(Errc::internal, fault.value_or(""));
    if (!answer) response = fail(answer.error());
    if (answer && !accept) response = std::move(std::get<exchange::Response>(*answer));
    std::string method = "GET";
    co_await send_response(carried, std::move(method), std::move(response));
  }
  unfinished.release();
}

Awaitable<void> Driver::run_session(std::shared_ptr<Carried> carried, exchange::SocketAccept accept) {
  if (carried->outgoing->over || !accept_socket(*carried, accept)) co_return;
  carried->inbox = std::make_shared<Inbox>(executor_);
  act();
  Socket socket(shared_from_this(), carried);
  exchange::SocketRun run(executor_, socket, std::move(accept.session));
  carried->inbox->on_over = [&run] { run.other_end_gone(kGrace); };
  const std::chrono::milliseconds answer_wait(options_.limits.socket_close_ms * (kAnswerParts - 1) / kAnswerParts);
  carried->inbox->on_closed = [&run, answer_wait] { run.other_end_gone(answer_wait); };
  co_await run.run();
  carried->inbox->on_closed = nullptr;
  carried->inbox->on_over = nullptr;
}

bool Driver::accept_socket(const Carried& carried, const exchange::SocketAccept& accept) {
  exchange::ResponseHead head{101, std::string(exchange::standard_reason(101)), accept.fields};
  exchange::remove_handshake_fields(head.fields);
  head.fields.remove(kProtocolField);
  if (!accept.protocol.empty()) head.fields.add(std::string(kProtocolField), accept.protocol);
  const Result<void> sent = machine_.accept_socket(carried.outgoing->id, head);
  if (sent) return true;
  log("tunnel").warn("a WebSocket cannot be opened: {}", printable(sent.error().to_string()));
  give_up(carried.outgoing->id, Code::internal, "no head for the WebSocket");
  return false;
}

}  // namespace owndir::tunnel
