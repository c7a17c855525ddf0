// What the other end's frames do, and the rules that they have to keep.
#include <algorithm>

#include "tunnel/head_codec.hpp"
#include "tunnel/machine.hpp"

namespace owndir::tunnel {
namespace {

constexpr std::uint64_t kLargestCredit = 0x7fffffff;
constexpr std::size_t kHeldOverhead = 64;  // what keeping a message costs beyond its bytes

bool is_opening(FrameType type) {
  return type == FrameType::request || type == FrameType::socket_open;
}

}  // namespace

/// The other end broke a rule of the connection.
void Machine::violation(Code code, std::string_view what) {
  const Errc errc = code == Code::too_fast      ? Errc::limit
                    : code == Code::unsupported ? Errc::unsupported
                    : code == Code::too_large   ? Errc::too_large
                                                : Errc::protocol;
  close(code, Error{make_error_code(errc), std::string(what)});
}

/// The other end broke a rule of one exchange.
void Machine::violation(ExchangeId id, Exchange& exchange, Code code, std::string_view what) {
  send_reset(exchange.channel, id, code, what);
  end(id, exchange);
  actions_.push_back(Broken{id, code, std::string(what), false});
}

void Machine::received(std::size_t channel, Bytes message, SteadyTime now) {
  now_ = now;
  if (closed_ || channel >= kChannels) return;
  last_heard_ = now;
  pinged_ = false;
  on_message(channel, std::move(message));
}

void Machine::on_message(std::size_t channel, Bytes message) {
  if (message.size() > limits_.max_frame) return violation(Code::too_large, "a frame beyond max_frame");
  const Result<FrameHeader> header = decode_header(message);
  if (!header) return violation(Code::protocol, header.error().context);
  const bool known = is_known(header->type);
  if ((channel == 0) != (header->exchange == 0)) return violation(Code::protocol, "exchange number");
  if (known && is_connection_frame(header->type) != (channel == 0))
    return violation(Code::protocol, "frame on a wrong channel");
  if (channel == 0) return on_connection_frame(*header, message);
  if (!ready_) return hold(channel, std::move(message));
  on_exchange_frame(channel, *header, std::move(message));
}

/// Channels do not keep order among each other, so an exchange may overtake the hello.
void Machine::hold(std::size_t channel, Bytes message) {
  held_bytes_ += message.size() + kHeldOverhead;
  if (held_bytes_ > limits_.max_exchanges * (limits_.initial_credit + limits_.max_head))
    return violation(Code::protocol, "too much before hello");
  held_.push_back({channel, std::move(message)});
}

void Machine::on_connection_frame(const FrameHeader& header, ByteView message) {
  if (!ready_ && header.type != FrameType::hello) return violation(Code::protocol, "hello is missing");
  if (!is_known(header.type)) return;
  const Result<Frame> frame = decode(message, limits_);
  if (!frame) {
    const Code code = frame.error().is(Errc::unsupported) ? Code::unsupported
                      : frame.error().is(Errc::too_large) ? Code::too_large
                                                          : Code::protocol;
    return violation(code, frame.error().context);
  }
  switch (header.type) {
    case FrameType::hello: return on_hello(std::get<Hello>(frame->content));
    case FrameType::goaway: return on_goaway(std::get<GoAway>(frame->content));
    case FrameType::ping: return send(0, Frame{{FrameType::pong, 0, 0}, std::get<Opaque>(frame->content)});
    default: return;
  }
}

void Machine::on_hello(const Hello& hello) {
  if (ready_) return violation(Code::protocol, "a second hello");
  if (hello.version_min > kVersion || hello.version_max < kVersion)
    return violation(Code::unsupported, "no common version of the protocol; update the older of the two programs");
  const Limits defaults;
  peer_max_frame_ = hello.get(Setting::max_frame, defaults.max_frame);
  peer_data_piece_ = hello.get(Setting::data_piece, 16384);
  peer_initial_credit_ = hello.get(Setting::initial_credit, defaults.initial_credit);
  peer_max_exchanges_ = hello.get(Setting::max_exchanges, defaults.max_exchanges);
  peer_max_head_ = hello.get(Setting::max_head, defaults.max_head);
  ready_ = true;
  actions_.push_back(Ready{});
  std::vector<Held> held = std::exchange(held_, {});
  for (Held& early : held) {
    if (closed_) return;
    on_message(early.channel, std::move(early.message));
  }
}

void Machine::on_goaway(const GoAway& goaway) {
  if (goaway.code != Code::no_error) {
    stop(to_error(goaway.code, goaway.text));
    return;
  }
  if (draining_) return;
  draining_ = true;
  actions_.push_back(Draining{});
  if (role_ == Role::client) {
    std::vector<ExchangeId> unstarted;
    for (const auto& [id, exchange] : exchanges_)
      if (id > goaway.last_exchange && !exchange.over) unstarted.push_back(id);
    for (const ExchangeId id : unstarted) {
      end(id, *find(id));
      actions_.push_back(Broken{id, Code::refused, "the other end is shutting down", true});
    }
  }
}

void Machine::on_exchange_frame(std::size_t channel, const FrameHeader& header, Bytes message) {
  const ExchangeId id = header.exchange;
  const auto found = exchanges_.find(id);
  if (found != exchanges_.end() && found->second.channel != channel)
    return violation(Code::protocol, "an exchange on two channels");
  if (is_opening(header.type)) {
    if (role_ == Role::client) return violation(Code::protocol, "a request from the server");
    if (id <= channels_[channel].largest) return violation(Code::protocol, "an exchange number used again");
    return on_open(channel, header, message);
  }
  if (id > channels_[channel].largest) return violation(Code::protocol, "a frame of an exchange that was never opened");
  if (found == exchanges_.end() || found->second.over) return;  // it crossed a reset
  on_known(id, found->second, header, std::move(message));
}

bool Machine::allowed_rate() {
  if (rate_.take(now_)) return true;
  violation(Code::too_fast, "exchanges opened and reset too fast");
  return false;
}

void Machine::refuse_open(std::size_t channel, ExchangeId id, Code code, std::string_view text) {
  if (allowed_rate()) send_reset(channel, id, code, text);
}

void Machine::on_open(std::size_t channel, const FrameHeader& header, ByteView message) {
  const ExchangeId id = header.exchange;
  channels_[channel].largest = id;
  if (going_away_) return refuse_open(channel, id, Code::refused, "shutting down");
  if (active_ >= limits_.max_exchanges) return refuse_open(channel, id, Code::refused, "exchanges open at once");
  if (message.size() > limits_.max_head) return refuse_open(channel, id, Code::too_large, "head");
  Result<Frame> frame = decode(message, limits_);
  if (!frame) {
    const Code code = frame.error().is(Errc::too_large) ? Code::too_large : Code::protocol;
    return refuse_open(channel, id, code, frame.error().context);
  }
  auto& head = std::get<exchange::RequestHead>(frame->content);
  const bool has_body = !header.has(Flag::end) && header.type == FrameType::request;
  const auto declared = content_length(head.fields);
  if (!has_body && declared.value_or(0) != 0)
    return refuse_open(channel, id, Code::protocol, "content-length without a body");
  Exchange& exchange = add(id, channel);
  exchange.head_in = true;
  exchange.head_request = head.method == "HEAD";
  exchange.declared_in = declared;
  exchange.end_in = !has_body;
  const bool socket = header.type == FrameType::socket_open;
  if (socket) exchange.kind = Kind::socket_asked;
  if (!has_body && !socket) exchange.window->finish();
  actions_.push_back(Opened{id, std::move(head), has_body, socket});
}

void Machine::on_known(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message) {
  if (header.type == FrameType::data) return on_data(id, exchange, header, std::move(message));
  if (!is_known(header.type)) return;
  if (header.type == FrameType::socket_message) return on_socket_message(id, exchange, header, std::move(message));
  const bool is_head = header.type == FrameType::response || header.type == FrameType::socket_accept;
  if (is_head && message.size() > limits_.max_head) return violation(id, exchange, Code::too_large, "head");
  Result<Frame> frame = decode(message, limits_);
  if (!frame) {
    const Code code = frame.error().is(Errc::too_large) ? Code::too_large : Code::protocol;
    return violation(id, exchange, code, frame.error().context);
  }
  switch (header.type) {
    case FrameType::credit: return on_credit(id, exchange, std::get<Credit>(frame->content).bytes);
    case FrameType::reset: return on_reset(id, exchange, std::get<Reset>(frame->content));
    case FrameType::response:
      return on_response(id, exchange, header, std::move(std::get<exchange::ResponseHead>(frame->content)));
    default: return on_socket_frame(id, exchange, std::move(*frame));
  }
}

void Machine::on_response(ExchangeId id, Exchange& exchange, const FrameHeader& header, exchange::ResponseHead head) {
  const bool last = header.has(Flag::end);
  if (role_ == Role::server) return violation(id, exchange, Code::protocol, "a response from the client");
  if (exchange.head_in) return violation(id, exchange, Code::protocol, "a second response");
  if (head.status < 200) {
    if (last) violation(id, exchange, Code::protocol, "an interim response that ends");
    return;
  }
  const bool bodiless = exchange.head_request || head.status == 204 || head.status == 304;
  if (bodiless && !last) return violation(id, exchange, Code::protocol, "a body where there is none");
  if (!bodiless) exchange.declared_in = content_length(head.fields);
  if (last && exchange.declared_in.value_or(0) != 0)
    return violation(id, exchange, Code::protocol, "a body shorter than its content-length");
  exchange.head_in = true;
  exchange.kind = Kind::http;
  actions_.push_back(Answered{id, std::move(head), !last});
  if (!last) return;
  exchange.end_in = true;
  exchange.window->finish();
  finish_if_done(id, exchange);
}

void Machine::on_data(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message) {
  const std::size_t size = message.size() - kFrameHeader;
  const bool last = header.has(Flag::end);
  if (!exchange.head_in || exchange.end_in || exchange.kind != Kind::http)
    return violation(id, exchange, Code::protocol, "data out of place");
  if (size == 0 && !last) return violation(id, exchange, Code::protocol, "data without a byte");
  // Before the window takes the bytes: nobody reads those of a violation, so nobody would give them back.
  const std::uint64_t total = exchange.window->received() + size;
  if (exchange.declared_in && (total > *exchange.declared_in || (last && total != *exchange.declared_in)))
    return violation(id, exchange, Code::protocol, "a body that differs from its content-length");
  if (!exchange.window->receive(size)) return violation(id, exchange, Code::flow, "more data than credit");
  if (last) {
    exchange.end_in = true;
    exchange.window->finish();
  }
  if (exchange.discarding) {
    consumed(id, size);
  } else {
    actions_.push_back(Received{id, std::move(message), last});
  }
  if (last) finish_if_done(id, exchange);
}

void Machine::on_credit(ExchangeId id, Exchange& exchange, std::uint32_t bytes) {
  if (exchange.end_out) return;
  if (exchange.credit + bytes > kLargestCredit) return violation(id, exchange, Code::protocol, "credit beyond 2^31-1");
  exchange.credit += bytes;
  exchange.stalled_since.reset();
  actions_.push_back(Writable{id});
}

void Machine::on_reset(ExchangeId id, Exchange& exchange, const Reset& reset) {
  if (role_ == Role::server && !allowed_rate()) return;
  const bool complete = role_ == Role::client && exchange.end_in && exchange.kind == Kind::http;
  end(id, exchange);
  if (complete) {
    actions_.push_back(Finished{id});
  } else {
    actions_.push_back(Broken{id, reset.code, reset.text, true});
  }
}

}  // namespace owndir::tunnel
