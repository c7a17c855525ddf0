// Exchanges: those that our side asks for (client) and those that a handler of ours answers (server).
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "tunnel/driver_support.hpp"
#include "tunnel/head_codec.hpp"

namespace owndir::tunnel {
namespace {

constexpr std::size_t kWaiters = 1024;  // calls of `handle` that wait for room
constexpr int kAttempts = 3;            // a refusal that crossed our own reset is tried again

// A message is sent to its end before another; beside other exchanges it is short.
constexpr std::size_t kPieceBeside = 16 * 1024;

}  // namespace

/// A call of `handle` in the queue for room.
class Driver::Place {
 public:
  Place(Driver& driver, Waiter& waiter) : driver_(driver), waiter_(waiter) { driver_.waiters_.push_back(&waiter_); }
  ~Place() {
    std::erase(driver_.waiters_, &waiter_);
    driver_.admit_waiters();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Driver& driver_;
  Waiter& waiter_;
};

void Driver::give_up(ExchangeId id, Code code, std::string_view text) {
  machine_.reset(id, code, text);
  machine_.discard(id);
  act();
  forget(id, to_error(code, text), true);
}

Awaitable<Result<void>> Driver::wait_for_room() {
  if (waiters_.empty() && machine_.can_open()) co_return Result<void>();
  if (waiters_.size() >= kWaiters) co_return fail(Errc::limit, "too many requests wait for the tunnel");
  Waiter waiter(executor_);
  const Place place(*this, waiter);
  while (true) {
    if (closed_) co_return fail(closed_->code, closed_->context + "; the request was not sent and may be repeated");
    if (machine_.is_draining())
      co_return fail(Errc::closed, "the connection is ending; the request was not sent and may be repeated");
    if (waiters_.front() == &waiter && machine_.can_open()) co_return Result<void>();
    const bool woken = co_await waiter.room.wait();
    if (!woken) co_return fail(Errc::cancelled, "waiting for room in the tunnel");
  }
}

Awaitable<Result<exchange::Response>> Driver::handle(exchange::Request request) {
  const auto self = shared_from_this();
  const Result<std::shared_ptr<Carried>> carried = co_await ask(std::move(request), false);
  if (!carried) co_return fail(carried.error());
  co_return take_response(*carried);
}

/// Returns when the answer is there.
Awaitable<Result<std::shared_ptr<Driver::Carried>>> Driver::ask(exchange::Request request, bool socket) {
  if (options_.role != Role::client) co_return fail(Errc::unsupported, "a server opens no exchanges");
  for (int attempt = 1;; ++attempt) {
    const Result<void> room = co_await wait_for_room();
    if (!room) co_return fail(room.error());
    bool refused = false;
    Result<std::shared_ptr<Carried>> carried = co_await try_once(request, socket, refused);
    if (!refused || attempt == kAttempts || machine_.is_draining()) co_return carried;
  }
}

/// `refused`: the other end did not start it, and it can be tried again.
Awaitable<Result<std::shared_ptr<Driver::Carried>>> Driver::try_once(exchange::Request& request, bool socket,
                                                                     bool& refused) {
  const bool has_body = request.body != nullptr;
  const Result<ExchangeId> id = socket ? machine_.open_socket(request.head) : machine_.open(request.head, has_body);
  if (!id) co_return fail(id.error());
  const auto carried = std::make_shared<Carried>(executor_, *id);
  carried->channel = machine_.channel_of(*id);
  carried_[*id] = carried;
  newest_ = *id;
  newest_at_ = now();
  act();
  Unfinished unfinished(*this, *id, Code::cancelled);
  if (has_body && !carried->outgoing->over)
    carried->task =
        tasks_.spawn("tunnel request", send_request_body(shared_from_this(), carried, std::move(request.body)));
  while (!carried->answer) {
    const bool woken = co_await carried->answered.wait();
    if (!woken) co_return fail(Errc::cancelled, "waiting for a response");
  }
  unfinished.release();
  if (*carried->answer) co_return carried;
  refused = carried->refused && !has_body;
  co_return fail(carried->answer->error());
}

exchange::Response Driver::take_response(const std::shared_ptr<Carried>& carried) {
  exchange::Response response;
  response.head = std::move((*carried->answer)->head);
  if ((*carried->answer)->has_body)
    response.body = make_incoming_body(carried->incoming, weak_from_this(), carried->outgoing->id,
                                       content_length(response.head.fields));
  return response;
}

Awaitable<void> Driver::send_request_body(std::shared_ptr<Driver> /*self*/, std::shared_ptr<Carried> carried,
                                          exchange::Body body) {
  const Running running(*this);
  Unfinished unfinished(*this, carried->outgoing->id, Code::cancelled);
  co_await send_body(carried, std::move(body));
  unfinished.release();
}

Awaitable<void> Driver::serve(std::shared_ptr<Driver> /*self*/, std::shared_ptr<Carried> carried,
                              exchange::Request request) {
  const Running running(*this);
  Unfinished unfinished(*this, carried->outgoing->id, Code::internal);
  std::string method = request.head.method;
  Awaitable<Result<exchange::Response>> asked = options_.handler->handle(std::move(request));
  Result<exchange::Response> answer = co_await guarded(std::move(asked));
  co_await send_response(carried, std::move(method), std::move(answer));
  unfinished.release();
}

Awaitable<void> Driver::send_response(std::shared_ptr<Carried> carried, std::string method,
                                      Result<exchange::Response> answer) {
  if (carried->outgoing->over) co_return;
  exchange::Response response = answer ? std::move(*answer) : unanswered(answer.error());
  const bool with_body = send_head(*carried, method, response) && response.body;
  if (!with_body) co_return;
  exchange::Body body = std::move(response.body);
  co_await send_body(carried, std::move(body));
}

exchange::Response Driver::unanswered(const Error& error) {
  log("tunnel").warn("a request found no answer: {}", printable(error.to_string()));
  return exchange::text_response(502, "The server could not answer this request. Its log says why.\n");
}

/// False when the exchange is over.
bool Driver::send_head(const Carried& carried, const std::string& method, exchange::Response& response) {
  const ExchangeId id = carried.outgoing->id;
  const auto attempt = [&] {
    if (exchange::is_bodiless(method, response.head.status) || (response.body && response.body->length() == 0U))
      response.body.reset();
    return machine_.respond(id, response.head, response.body != nullptr);
  };
  Result<void> sent = attempt();
  if (!sent && !sent.error().is(Errc::closed)) {
    response = unanswered(sent.error());
    sent = attempt();
  }
  if (!sent) give_up(id, Code::internal, "no response head");
  // A head whose body is at hand travels with its first piece: one wake-up of the network less at each end. Another
  // leaves with the next turn of the loop.
  if (sent && response.body) {
    asio::post(executor_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->act();
    });
  } else {
    act();
  }
  return sent.has_value();
}

Awaitable<void> Driver::send_body(std::shared_ptr<Carried> carried, exchange::Body body) {
  const std::shared_ptr<Outgoing> outgoing = carried->outgoing;
  ChannelSender& sender = senders_[carried->channel];
  const std::optional<std::uint64_t> length = body->length();
  std::uint64_t total = 0;
  while (!outgoing->over) {
    const std::optional<std::size_t> limit = machine_.sendable(outgoing->id);
    if (!limit) co_return;
    if (*limit == 0 || !sender.claim_turn(outgoing)) {
      const bool woken = co_await outgoing->wake.wait();
      if (!woken) co_return;
      continue;
    }
    if (sender.contended()) invite(carried->channel);
    const std::size_t size = others_came(*outgoing) ? std::min(*limit, kPieceBeside) : *limit;
    Result<Bytes> piece = co_await body->read(size);
    if (outgoing->over) co_return;
    if (piece && (piece->size() > size || (piece->empty() && length && total != *length)))
      piece = fail(Errc::internal, "a body source that does not keep its contract");
    if (!piece) {
      log("tunnel").warn("a body broke off: {}", printable(piece.error().to_string()));
      give_up(outgoing->id, Code::upstream, "the source of the body failed");
      co_return;
    }
    total += piece->size();
    outgoing->last = piece->empty() || total == length;
    outgoing->piece = std::move(*piece);
    sender.offer(outgoing);
    while (outgoing->piece) {
      const bool woken = co_await outgoing->wake.wait();
      if (!woken) co_return;
    }
    if (outgoing->last) co_return;
  }
}

/// Whether another exchange began lately, which a large piece would hold up.
bool Driver::others_came(const Outgoing& outgoing) const {
  static constexpr auto kLately = std::chrono::milliseconds(50);
  return newest_ != outgoing.id && now() - newest_at_ < kLately;
}

/// The turn just taken may wait for its source: the next ones have theirs meanwhile.
void Driver::invite(std::size_t channel) {
  asio::post(executor_, [weak = weak_from_this(), channel] {
    if (const auto self = weak.lock()) self->senders_[channel].advance();
  });
}

}  // namespace owndir::tunnel
