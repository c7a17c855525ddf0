// WebSockets (docs/protocol.md section 2): what our side wants of them, and the other end's frames.
#include "base/utf8.hpp"
#include "exchange/web_socket.hpp"
#include "tunnel/machine.hpp"

namespace owndir::tunnel {

Result<ExchangeId> Machine::open_socket(const exchange::RequestHead& head) {
  if (head.method != "GET") return fail(Errc::malformed, "method of a WebSocket");
  return open_exchange(FrameType::socket_open, head, false);
}

Result<void> Machine::accept_socket(ExchangeId id, const exchange::ResponseHead& head) {
  Exchange* exchange = find(id);
  if (!exchange) return fail(Errc::closed, "the exchange is over");
  if (exchange->kind != Kind::socket_asked) return fail(Errc::malformed, "nobody asked for a WebSocket");
  Result<Bytes> frame = encode(Frame{{FrameType::socket_accept, 0, id}, head}, limits_, max_head(exchange->channel));
  if (!frame) return fail(std::move(frame.error()));
  exchange->kind = Kind::socket;
  exchange->head_out = true;
  exchange->end_in = false;
  actions_.push_back(SendFrame{exchange->channel, std::move(*frame)});
  return {};
}

bool Machine::send_piece(ExchangeId id, std::size_t size, bool text, bool last,
                         std::span<std::byte, kFrameHeader> header) {
  Exchange* exchange = find(id);
  const std::uint64_t cost = size + limits_.socket_piece;
  if (!exchange || exchange->kind != Kind::socket || exchange->end_out || exchange->end_in) return false;
  if (cost > exchange->credit) return false;
  exchange->sent += size;
  exchange->credit -= cost;
  const unsigned flags =
      (text ? static_cast<unsigned>(Flag::text) : 0U) | (last ? static_cast<unsigned>(Flag::end) : 0U);
  write_header(header, {FrameType::socket_message, static_cast<std::uint8_t>(flags), id});
  return true;
}

void Machine::wait_for_credit(ExchangeId id) {
  Exchange* exchange = find(id);
  if (exchange && !exchange->stalled_since && sendable(id) == 0U) exchange->stalled_since = now_;
}

void Machine::close_socket(ExchangeId id, SocketClose close) {
  Exchange* exchange = find(id);
  if (!exchange || exchange->kind != Kind::socket || exchange->end_out) return;
  if (close.code && !exchange::may_be_sent(*close.code)) close.code.reset();
  if (!is_utf8(close.reason)) close.reason.clear();
  send(exchange->channel, Frame{{FrameType::socket_close, 0, id}, std::move(close)});
  exchange->end_out = true;
  exchange->discarding = true;
  exchange->window->consume(exchange->window->buffered());
  if (exchange->end_in) {  // that was the answer
    end(id, *exchange);
    actions_.push_back(Finished{id});
    return;
  }
  exchange->stalled_since.reset();
  exchange->close_due = now_ + std::chrono::milliseconds(limits_.socket_close_ms);
}

void Machine::on_socket_frame(ExchangeId id, Exchange& exchange, Frame frame) {
  if (frame.header.type == FrameType::socket_accept)
    return on_socket_accept(id, exchange, std::move(std::get<exchange::ResponseHead>(frame.content)));
  if (exchange.kind != Kind::socket || exchange.end_in)
    return violation(id, exchange, Code::protocol, "a frame of a WebSocket that is not open");
  if (frame.header.type == FrameType::socket_close)
    return on_socket_close(id, exchange, std::move(std::get<SocketClose>(frame.content)));
  if (frame.header.has(Flag::pong) || exchange.end_out) return;
  const Payload& ping = std::get<Payload>(frame.content);
  send(exchange.channel, Frame{{FrameType::socket_control, static_cast<std::uint8_t>(Flag::pong), id}, ping});
}

void Machine::on_socket_accept(ExchangeId id, Exchange& exchange, exchange::ResponseHead head) {
  if (role_ == Role::server || exchange.kind != Kind::socket_asked)
    return violation(id, exchange, Code::protocol, "a WebSocket that nobody asked for");
  exchange.kind = Kind::socket;
  exchange.head_in = true;
  exchange.end_out = false;
  actions_.push_back(Answered{id, std::move(head), false});
}

void Machine::on_socket_message(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message) {
  const std::size_t size = message.size() - kFrameHeader;
  const bool last = header.has(Flag::end);
  if (exchange.kind != Kind::socket || exchange.end_in)
    return violation(id, exchange, Code::protocol, "a message without an open WebSocket");
  if (size == 0 && !last) return violation(id, exchange, Code::protocol, "a piece without a byte");
  const std::uint64_t total = exchange.message_in + size;
  if (total > limits_.socket_message) return violation(id, exchange, Code::too_large, "a WebSocket message");
  if (!last && assembling_ + size > limits_.socket_assembly)
    return violation(id, exchange, Code::too_large, "too many WebSocket messages at once that are not whole");
  if (!exchange.window->receive(size + limits_.socket_piece))
    return violation(id, exchange, Code::flow, "more data than credit");
  assembling_ -= exchange.message_in;
  exchange.message_in = last ? 0 : total;
  assembling_ += exchange.message_in;
  if (exchange.discarding) return consumed_piece(id, size);
  actions_.push_back(MessagePiece{id, std::move(message)});
}

/// Where the other end has closed first, our side says what the answer is, by close_socket, in good time.
void Machine::on_socket_close(ExchangeId id, Exchange& exchange, SocketClose close) {
  exchange.end_in = true;
  assembling_ -= std::exchange(exchange.message_in, 0);
  const bool answers = exchange.end_out;
  if (answers) {
    end(id, exchange);
  } else {
    exchange.stalled_since.reset();
    exchange.close_due = now_ + std::chrono::milliseconds(limits_.socket_close_ms);
  }
  actions_.push_back(SocketClosed{id, std::move(close)});
  if (answers) actions_.push_back(Finished{id});
}

}  // namespace owndir::tunnel
