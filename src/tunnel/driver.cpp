// The driver's loop: messages, time and room in, the machine's actions out.
#include "tunnel/driver.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "tunnel/head_codec.hpp"

namespace owndir::tunnel {
namespace {

using std::chrono::milliseconds;

/// What a channel holds at most in its own buffer before data waits here, where exchanges take turns.
constexpr std::size_t kChannelHigh = 1024 * 1024;
/// Frames other than data that wait for a channel beyond what the exchanges themselves account for.
constexpr std::size_t kControlQueue = 1024 * 1024;

milliseconds pace(const Limits& limits) {
  const std::uint64_t shortest = std::min({limits.ping_after_ms, limits.stall_ms, limits.hello_wait_ms}) / 4;
  return milliseconds(std::clamp<std::int64_t>(static_cast<std::int64_t>(shortest), 5, 1000));
}

}  // namespace

Driver::Driver(asio::any_io_executor executor, std::vector<std::shared_ptr<exchange::MessageChannel>> channels,
               ConnectionOptions options)
    : executor_(executor),
      channels_(std::move(channels)),
      options_(options),
      clock_(options_.clock ? *options_.clock : system_clock()),
      machine_(options_.role, options_.limits, options_.data_piece, clock_.steady()),
      tasks_(executor),
      changed_(executor) {
  senders_.reserve(channels_.size());
  for (const auto& channel : channels_)
    senders_.emplace_back(channel, kChannelHigh, [this](Outgoing& outgoing) { write_piece(outgoing); });
}

void Driver::start() {
  const std::weak_ptr<Driver> weak = weak_from_this();
  for (std::size_t k = 0; k < channels_.size(); ++k) {
    exchange::MessageChannel::Events events;
    events.on_open = [weak, k] {
      if (const auto self = weak.lock()) self->channel_changed(k);
    };
    events.on_buffered_low = events.on_open;
    events.on_message = [weak, k](Bytes message) {
      if (const auto self = weak.lock()) self->message_came(k, std::move(message));
    };
    events.on_closed = [weak](const Error& why) {
      if (const auto self = weak.lock()) {
        self->machine_.channel_closed(why);
        self->act();
      }
    };
    channels_[k]->set_events(std::move(events));
  }
  tasks_.spawn("tunnel time", keep_time(shared_from_this()));
}

Awaitable<void> Driver::keep_time(std::shared_ptr<Driver> /*self*/) {
  const Running running(*this);
  const auto longest = std::chrono::duration_cast<SteadyTime::duration>(pace(options_.limits));
  while (!closed_) {
    const SteadyTime at = now();
    const SteadyTime next = std::clamp(machine_.next_tick(), at + milliseconds(1), at + longest);
    const bool woken = co_await sleep_for(next - at);
    if (!woken) co_return;
    machine_.tick(now());
    act();
    for (ChannelSender& sender : senders_) sender.advance();
  }
}

void Driver::message_came(std::size_t channel, Bytes message) {
  machine_.received(channel, std::move(message), now());
  act();
}

void Driver::channel_changed(std::size_t channel) {
  if (closed_) return;
  if (channels_[channel]->is_open()) {
    const std::size_t whole = std::min(channels_[channel]->max_message(), channels_[channel]->max_buffered() / 2);
    machine_.channel_opened(channel, whole, now());
    act();
  }
  senders_[channel].advance();
  admit_waiters();
  if (draining_channels_) changed_.notify();
}

void Driver::act() {
  if (acting_) return;  // the loop below sees what was added
  acting_ = true;
  for (machine_.take_actions(batch_); !batch_.empty(); machine_.take_actions(batch_)) {
    for (Action& action : batch_) std::visit([this](auto& chosen) { apply(chosen); }, action);
    batch_.clear();
  }
  acting_ = false;
  // A task runs at once up to its first wait, and so must find every earlier action done.
  while (!starting_.empty()) {
    Starting next = std::move(starting_.front());
    starting_.pop_front();
    if (next.carried->outgoing->over) continue;
    Awaitable<void> task = next.socket ? serve_socket(shared_from_this(), next.carried, std::move(next.request))
                                       : serve(shared_from_this(), next.carried, std::move(next.request));
    next.carried->task = tasks_.spawn("tunnel exchange", std::move(task));
  }
}

void Driver::apply(SendFrame& action) {
  senders_[action.channel].send(action.bytes);
  std::size_t queued = 0;
  for (const ChannelSender& sender : senders_) queued += sender.queued();
  if (queued > kControlQueue + options_.limits.max_exchanges * options_.limits.max_head)
    machine_.channel_closed(Error{make_error_code(Errc::limit), "the other end takes no frames"});
}

void Driver::apply(Ready&) {
  changed_.notify();
  admit_waiters();
}

void Driver::apply(Draining&) {
  changed_.notify();
  for (Waiter* waiter : waiters_) waiter->room.notify();
}

void Driver::apply(Opened& action) {
  // Handlers that are slow to notice a reset are bounded too.
  if (running_ > 2 * options_.limits.max_exchanges + 1) {
    machine_.reset(action.id, Code::refused, "earlier exchanges are still being ended");
    return;
  }
  const auto carried = std::make_shared<Carried>(executor_, action.id);
  carried->channel = machine_.channel_of(action.id);
  carried_[action.id] = carried;
  newest_ = action.id;
  newest_at_ = now();
  exchange::Request request;
  request.origin = exchange::Origin::tunnel;
  request.head = std::move(action.head);
  if (action.has_body)
    request.body =
        make_incoming_body(carried->incoming, weak_from_this(), action.id, content_length(request.head.fields));
  starting_.push_back({carried, std::move(request), action.socket});
}

void Driver::apply(Answered& action) {
  const auto found = carried_.find(action.id);
  if (found == carried_.end()) return;
  if (action.head.status == 101) found->second->inbox = std::make_shared<Inbox>(executor_);
  found->second->answer = std::move(action);
  found->second->answered.notify();
}

void Driver::apply(Received& action) {
  const auto found = carried_.find(action.id);
  if (found == carried_.end()) return;
  body_bytes_received_ += action.message.size() - kFrameHeader;
  found->second->incoming->push(std::move(action.message), action.last);
}

void Driver::apply(MessagePiece& action) {
  const auto found = carried_.find(action.id);
  if (found == carried_.end()) return;
  body_bytes_received_ += action.message.size() - kFrameHeader;
  found->second->inbox->pieces.push_back(std::move(action.message));
  found->second->inbox->changed.notify();
}

void Driver::apply(SocketClosed& action) {
  const auto found = carried_.find(action.id);
  if (found == carried_.end()) return;
  const std::shared_ptr<Inbox> inbox = found->second->inbox;
  inbox->closed = std::move(action.close);
  inbox->changed.notify();
  found->second->outgoing->wake.notify();
  if (inbox->on_closed) inbox->on_closed();
}

void Driver::apply(Writable& action) {
  if (const auto found = carried_.find(action.id); found != carried_.end()) found->second->outgoing->wake.notify();
}

void Driver::apply(Finished& action) {
  // A server's task is at its end by itself; a client's may be reading a request body that is no longer wanted.
  forget(action.id, Error{make_error_code(Errc::closed), "the exchange is over"}, options_.role == Role::client);
}

void Driver::apply(Broken& action) {
  Error error = to_error(action.code, action.text);
  if (action.code == Code::refused) {
    error.context += "; the request was not started and may be repeated";
    if (const auto found = carried_.find(action.id); found != carried_.end()) found->second->refused = true;
  }
  if (!action.by_peer) log("tunnel").info("exchange {} ended: {}", action.id, error.to_string());
  forget(action.id, error, true);
}

void Driver::apply(Closed& action) {
  closed_ = action.why;
  log("tunnel").debug("connection over: {}", action.why.to_string());
  Error error = action.why;
  error.context += "; the request may have been carried out";
  while (!carried_.empty()) forget(carried_.begin()->first, error, false);
  for (Waiter* waiter : waiters_) waiter->room.notify();
  tasks_.cancel();
  changed_.notify();
  // Later, because this may run inside one of their callbacks.
  asio::post(executor_, [channels = channels_] {
    for (const auto& channel : channels) {
      channel->set_events({});
      channel->close();
    }
  });
}

/// The exchange is over; whoever still holds a part of it learns why.
void Driver::forget(ExchangeId id, const Error& error, bool cancel_task) {
  const auto found = carried_.find(id);
  if (found == carried_.end()) return;
  const std::shared_ptr<Carried> carried = std::move(found->second);
  carried_.erase(found);
  carried->outgoing->over = true;
  carried->outgoing->piece.reset();
  carried->outgoing->wake.notify();
  carried->incoming->fail(error);
  if (!carried->answer) carried->answer = owndir::fail(error);
  carried->answered.notify();
  // A session learns of it from its socket, and has a moment to finish.
  if (carried->inbox) end_inbox(*carried->inbox, error);
  if (cancel_task && carried->task && !carried->inbox) tasks_.cancel(*carried->task);
  admit_waiters();
  if (machine_.is_draining()) changed_.notify();
}

void Driver::admit_waiters() {
  if (!waiters_.empty() && machine_.can_open()) waiters_.front()->room.notify();
}

void Driver::write_piece(Outgoing& outgoing) {
  act();  // its head may still be here
  if (!outgoing.piece) return;
  const std::size_t size = outgoing.piece->size();
  if (scratch_.size() < kFrameHeader + size) scratch_.resize(kFrameHeader + size);
  const std::span<std::byte, kFrameHeader> header(scratch_.data(), kFrameHeader);
  const std::size_t channel = machine_.channel_of(outgoing.id);
  const bool sends = outgoing.message ? machine_.send_piece(outgoing.id, size, outgoing.text, outgoing.last, header)
                                      : machine_.send_data(outgoing.id, size, outgoing.last, header);
  if (sends) {
    std::copy(outgoing.piece->begin(), outgoing.piece->end(), scratch_.begin() + kFrameHeader);
    senders_[channel].send(ByteView(scratch_.data(), kFrameHeader + size));
    body_bytes_sent_ += size;
  }
  outgoing.piece.reset();
  act();
}

void Driver::consumed(ExchangeId id, std::size_t bytes) {
  machine_.consumed(id, bytes);
  act();
  admit_waiters();
}

void Driver::abandoned(ExchangeId id) {
  machine_.discard(id);
  act();
  if (!machine_.is_active(id)) forget(id, Error{make_error_code(Errc::cancelled), "the body was dropped"}, true);
  admit_waiters();
}

Awaitable<Result<void>> Driver::ready() {
  const auto self = shared_from_this();
  while (!machine_.is_ready() && !closed_) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return fail(Errc::cancelled, "waiting for hello");
  }
  if (closed_) co_return fail(*closed_);
  co_return Result<void>();
}

Awaitable<Error> Driver::closed() {
  const auto self = shared_from_this();
  while (!closed_ || running_ > 0) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return Error{make_error_code(Errc::cancelled), "waiting for the end"};
  }
  co_return *closed_;
}

void Driver::close(Code code, Error why) {
  machine_.close(code, std::move(why));
  act();
}

Awaitable<void> Driver::shut_down(milliseconds grace) {
  const auto self = shared_from_this();
  machine_.go_away();
  close_sockets();
  act();
  asio::steady_timer deadline(executor_, grace);
  const auto late = std::make_shared<bool>(false);
  deadline.async_wait([weak = weak_from_this(), late](const boost::system::error_code& error) {
    const auto alive = weak.lock();
    if (error || !alive) return;
    *late = true;
    alive->changed_.notify();
  });
  draining_channels_ = true;
  for (ChannelSender& sender : senders_) sender.channel().set_buffered_low_threshold(0);
  const auto drained = [this] {
    return machine_.active() == 0 && std::all_of(senders_.begin(), senders_.end(),
                                                 [](const ChannelSender& sender) { return sender.is_drained(); });
  };
  while (!closed_ && !*late && !drained()) {
    const bool woken = co_await changed_.wait();
    if (!woken) break;
  }
  machine_.channel_closed(Error{make_error_code(Errc::closed), "shut down"});
  act();
}

ConnectionStats Driver::stats() const {
  return {machine_.opened(), machine_.active(), body_bytes_sent_, body_bytes_received_};
}

}  // namespace owndir::tunnel
