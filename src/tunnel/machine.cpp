// The life of the connection and what our side wants of it; frames of the other end are in machine_receive.cpp.
#include "tunnel/machine.hpp"

#include <algorithm>
#include <limits>

#include "tunnel/head_codec.hpp"

namespace owndir::tunnel {
namespace {

using std::chrono::milliseconds;

constexpr auto kEnd = static_cast<std::uint8_t>(Flag::end);
constexpr std::string_view kNotSent = "nothing was sent; the request may be repeated on a new connection";

milliseconds ms(std::uint64_t value) {
  return milliseconds(static_cast<std::int64_t>(value));
}

}  // namespace

Machine::Machine(Role role, const Limits& limits, std::uint32_t data_piece, SteadyTime now)
    : role_(role),
      limits_(limits),
      data_piece_(data_piece),
      now_(now),
      budget_(limits.receive_budget),
      rate_(limits.opens_per_second, now),
      peer_max_frame_(limits.max_frame),
      peer_data_piece_(0),
      peer_initial_credit_(0),
      peer_max_exchanges_(0),
      peer_max_head_(limits.max_head),
      last_heard_(now) {}

Machine::~Machine() = default;

void Machine::channel_opened(std::size_t channel, std::size_t max_message, SteadyTime now) {
  now_ = now;
  if (closed_ || channel >= kChannels || channels_[channel].open) return;
  channels_[channel].open = true;
  channels_[channel].max_message = max_message;
  if (!first_open_) first_open_ = now;
  if (channel == 0) send_hello();
}

void Machine::take_actions(std::vector<Action>& into) {
  if (draining_ && active_ == 0 && !closed_) stop(Error{make_error_code(Errc::closed), "the other end said goodbye"});
  actions_.swap(into);
}

void Machine::send_hello() {
  const auto value = [](std::uint64_t limit) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, std::numeric_limits<std::uint32_t>::max()));
  };
  Hello hello;
  hello.settings = {{Setting::max_frame, value(limits_.max_frame)},
                    {Setting::data_piece, data_piece_},
                    {Setting::initial_credit, value(limits_.initial_credit)},
                    {Setting::max_exchanges, value(limits_.max_exchanges)},
                    {Setting::max_head, value(limits_.max_head)}};
  send(0, Frame{{FrameType::hello, 0, 0}, std::move(hello)});
}

void Machine::send(std::size_t channel, const Frame& frame) {
  actions_.push_back(SendFrame{channel, encode_simple(frame, limits_)});
}

void Machine::send_reset(std::size_t channel, ExchangeId id, Code code, std::string_view text) {
  send(channel, Frame{{FrameType::reset, 0, id}, Reset{code, std::string(text)}});
}

SteadyTime Machine::next_tick() const {
  if (closed_) return SteadyTime::max();
  if (!ready_) return first_open_ ? *first_open_ + ms(limits_.hello_wait_ms) : SteadyTime::max();
  SteadyTime next = last_heard_ + ms(pinged_ ? limits_.dead_after_ms : limits_.ping_after_ms);
  for (const auto& [id, exchange] : exchanges_) {
    if (exchange.stalled_since) next = std::min(next, *exchange.stalled_since + ms(limits_.stall_ms));
    if (exchange.close_due) next = std::min(next, *exchange.close_due);
  }
  return next;
}

void Machine::tick(SteadyTime now) {
  now_ = now;
  if (closed_) return;
  if (!ready_) {
    if (first_open_ && now - *first_open_ >= ms(limits_.hello_wait_ms))
      close(Code::timeout, Error{make_error_code(Errc::timeout), "the other end did not say hello"});
    return;
  }
  const auto silence = now - last_heard_;
  if (silence >= ms(limits_.dead_after_ms)) {
    close(Code::timeout, Error{make_error_code(Errc::timeout), "the other end fell silent"});
    return;
  }
  if (silence >= ms(limits_.ping_after_ms) && !pinged_) {
    pinged_ = true;
    send(0, Frame{{FrameType::ping, 0, 0}, Opaque{}});
  }
  expire_stalled(now);
}

void Machine::expire_stalled(SteadyTime now) {
  std::vector<ExchangeId> expired;
  for (const auto& [id, exchange] : exchanges_) {
    const bool stalled = exchange.stalled_since && now - *exchange.stalled_since >= ms(limits_.stall_ms);
    if (stalled || (exchange.close_due && now >= *exchange.close_due)) expired.push_back(id);
  }
  for (const ExchangeId id : expired) {
    Exchange& exchange = *find(id);
    const std::string_view why =
        exchange.close_due ? "the close of the WebSocket was not answered" : "the receiver took nothing for too long";
    send_reset(exchange.channel, id, Code::timeout, why);
    end(id, exchange);
    actions_.push_back(Broken{id, Code::timeout, std::string(why), false});
  }
}

Machine::Exchange& Machine::add(ExchangeId id, std::size_t channel) {
  auto window = std::make_unique<ReceiveWindow>(budget_, limits_.initial_credit, limits_.max_credit);
  Exchange& exchange = exchanges_.emplace(id, Exchange(channel, std::move(window))).first->second;
  exchange.credit = peer_initial_credit_;
  channels_[channel].largest = id;
  ++channels_[channel].active;
  ++active_;
  ++opened_;
  return exchange;
}

const Machine::Exchange* Machine::find(ExchangeId id) const {
  const auto found = exchanges_.find(id);
  return found == exchanges_.end() || found->second.over ? nullptr : &found->second;
}
Machine::Exchange* Machine::find(ExchangeId id) {
  return const_cast<Exchange*>(std::as_const(*this).find(id));
}

std::size_t Machine::channel_of(ExchangeId id) const {
  const Exchange* exchange = find(id);
  return exchange ? exchange->channel : 0;
}

/// The exchange leaves the protocol; its account stays until what was received has been read.
void Machine::end(ExchangeId id, Exchange& exchange) {
  exchange.over = true;
  exchange.stalled_since.reset();
  exchange.close_due.reset();
  exchange.window->finish();
  assembling_ -= std::exchange(exchange.message_in, 0);
  --channels_[exchange.channel].active;
  --active_;
  if (exchange.window->buffered() == 0) exchanges_.erase(id);
}

void Machine::finish_if_done(ExchangeId id, Exchange& exchange) {
  if (exchange.end_in && exchange.end_out) {
    end(id, exchange);
    actions_.push_back(Finished{id});
  } else if (role_ == Role::server && exchange.end_out && exchange.discarding) {
    send_reset(exchange.channel, id, Code::cancelled, "answered without the rest of the request");
    end(id, exchange);
    actions_.push_back(Finished{id});
  }
}

bool Machine::can_open() const {
  if (role_ != Role::client || !ready_ || is_draining() || closed_ || next_id_ == 0) return false;
  const std::uint64_t most = std::min<std::uint64_t>(peer_max_exchanges_, limits_.max_exchanges);
  const bool some_channel =
      std::any_of(channels_.begin() + 1, channels_.end(), [](const Channel& c) { return c.open; });
  return active_ < most && some_channel && budget_.has(limits_.initial_credit);
}

Result<ExchangeId> Machine::open(const exchange::RequestHead& head, bool has_body) {
  return open_exchange(FrameType::request, head, has_body);
}

Result<ExchangeId> Machine::open_exchange(FrameType type, const exchange::RequestHead& head, bool has_body) {
  if (role_ != Role::client) return fail(Errc::unsupported, "a server opens no exchanges");
  if (closed_ || is_draining() || next_id_ == 0) return fail(Errc::closed, std::string(kNotSent));
  if (!can_open()) return fail(Errc::limit, "exchanges open at once");
  std::size_t best = 0;
  for (std::size_t k = 1; k < kChannels; ++k)
    if (channels_[k].open && (best == 0 || channels_[k].active < channels_[best].active)) best = k;
  const ExchangeId id = next_id_;
  const bool ends = !has_body && type == FrameType::request;
  Result<Bytes> frame = encode(Frame{{type, ends ? kEnd : std::uint8_t{0}, id}, head}, limits_, max_head(best));
  if (!frame) return fail(std::move(frame.error()));
  const auto declared = content_length(head.fields);
  if (!has_body && declared.value_or(0) != 0) return fail(Errc::malformed, "content-length without a body");
  ++next_id_;
  Exchange& exchange = add(id, best);
  exchange.kind = type == FrameType::request ? Kind::http : Kind::socket_asked;
  exchange.head_request = head.method == "HEAD";
  exchange.head_out = true;
  exchange.end_out = !has_body;
  exchange.declared_out = declared;
  if (has_body && exchange.credit == 0) exchange.stalled_since = now_;
  actions_.push_back(SendFrame{best, std::move(*frame)});
  return id;
}

/// Bytes of a head that the other end accepts on that channel.
std::uint64_t Machine::max_head(std::size_t channel) const {
  return std::min<std::uint64_t>({peer_max_head_, peer_max_frame_, channels_[channel].max_message});
}

Result<void> Machine::respond(ExchangeId id, const exchange::ResponseHead& head, bool has_body) {
  Exchange* exchange = find(id);
  if (!exchange) return fail(Errc::closed, "the exchange is over");
  const bool bodiless = exchange->head_request || head.status == 204 || head.status == 304;
  if (exchange->head_out || head.status < 200) return fail(Errc::malformed, "not a final response");
  if (bodiless && has_body) return fail(Errc::malformed, "a body where there is none");
  const Frame answer{{FrameType::response, has_body ? std::uint8_t{0} : kEnd, id}, head};
  Result<Bytes> frame = encode(answer, limits_, max_head(exchange->channel));
  if (!frame) return fail(std::move(frame.error()));
  const auto declared = bodiless ? std::nullopt : content_length(head.fields);
  if (!has_body && declared.value_or(0) != 0) return fail(Errc::malformed, "content-length without a body");
  if (exchange->kind == Kind::socket_asked) {
    exchange->kind = Kind::http;
    exchange->window->finish();
  }
  exchange->head_out = true;
  exchange->declared_out = declared;
  exchange->end_out = !has_body;
  if (has_body && exchange->credit == 0) exchange->stalled_since = now_;
  actions_.push_back(SendFrame{exchange->channel, std::move(*frame)});
  finish_if_done(id, *exchange);
  return {};
}

std::optional<std::size_t> Machine::sendable(ExchangeId id) const {
  const Exchange* exchange = find(id);
  if (!exchange || !exchange->head_out || exchange->end_out) return std::nullopt;
  if (exchange->kind == Kind::socket && exchange->end_in) return std::nullopt;
  const std::uint64_t frame = std::min<std::uint64_t>(peer_max_frame_, channels_[exchange->channel].max_message);
  const std::uint64_t extra = exchange->kind == Kind::socket ? limits_.socket_piece : 0;
  return static_cast<std::size_t>(std::min({exchange->credit - std::min(exchange->credit, extra), peer_data_piece_,
                                            frame - std::min<std::uint64_t>(frame, kFrameHeader)}));
}

bool Machine::send_data(ExchangeId id, std::size_t size, bool last, std::span<std::byte, kFrameHeader> header) {
  Exchange* exchange = find(id);
  if (!exchange || exchange->end_out || size > exchange->credit) return false;
  const std::uint64_t total = exchange->sent + size;
  if (exchange->declared_out && (total > *exchange->declared_out || (last && total != *exchange->declared_out))) {
    static constexpr std::string_view kWhy = "the body does not have the announced length";
    send_reset(exchange->channel, id, Code::upstream, kWhy);
    end(id, *exchange);
    actions_.push_back(Broken{id, Code::upstream, std::string(kWhy), false});
    return false;
  }
  exchange->sent = total;
  exchange->credit -= size;
  if (exchange->credit == 0 && !last) exchange->stalled_since = now_;
  write_header(header, {FrameType::data, last ? static_cast<std::uint8_t>(Flag::end) : std::uint8_t{0}, id});
  if (last) {
    exchange->end_out = true;
    finish_if_done(id, *exchange);
  }
  return true;
}

void Machine::consumed(ExchangeId id, std::uint64_t bytes) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  const std::uint32_t credit = exchange.window->consume(bytes);
  if (exchange.over) {
    if (exchange.window->buffered() == 0) exchanges_.erase(found);
  } else if (credit > 0) {
    send(exchange.channel, Frame{{FrameType::credit, 0, id}, Credit{credit}});
  }
}

void Machine::discard(ExchangeId id) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  if (!exchange.over && !exchange.end_in && role_ == Role::client) {
    reset(id, Code::cancelled, {});
    return;
  }
  exchange.discarding = true;
  const bool over = exchange.over;
  consumed(id, exchange.window->buffered());
  if (!over && !exchange.end_in) finish_if_done(id, exchange);
}

void Machine::reset(ExchangeId id, Code code, std::string_view text) {
  Exchange* exchange = find(id);
  if (!exchange) return;
  send_reset(exchange->channel, id, code, text);
  exchange->window->consume(exchange->window->buffered());
  end(id, *exchange);
}

void Machine::go_away() {
  if (closed_ || going_away_) return;
  going_away_ = true;
  ExchangeId last = 0;
  for (const Channel& channel : channels_) last = std::max(last, channel.largest);
  if (channels_[0].open)
    send(0, Frame{{FrameType::goaway, 0, 0}, GoAway{Code::no_error, role_ == Role::server ? last : 0, {}}});
}

void Machine::close(Code code, Error why) {
  if (closed_) return;
  ExchangeId last = 0;
  for (const Channel& channel : channels_) last = std::max(last, channel.largest);
  if (channels_[0].open)
    send(0, Frame{{FrameType::goaway, 0, 0}, GoAway{code, role_ == Role::server ? last : 0, why.context}});
  stop(std::move(why));
}

void Machine::channel_closed(const Error& why) {
  if (!closed_) stop(why);
}

void Machine::stop(Error why) {
  closed_ = true;
  held_.clear();
  actions_.push_back(Closed{std::move(why)});
}

}  // namespace owndir::tunnel
