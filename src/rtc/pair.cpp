#include "rtc/pair.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

namespace owndir::rtc {

namespace {

using Clock = std::chrono::steady_clock;
using Channel = std::shared_ptr<exchange::MessageChannel>;
using Events = exchange::MessageChannel::Events;
using namespace std::chrono_literals;

constexpr auto kConnectWait = 20s;
constexpr auto kMeasureWait = 120s;

bool all_open(const Peer& peer) {
  const auto& channels = peer.channels();
  return peer.state() == PeerState::connected && !channels.empty() &&
         std::all_of(channels.begin(), channels.end(), [](const Channel& each) { return each->is_open(); });
}

struct Transfer {
  Channel sender, receiver;
  std::uint64_t bytes = 0, sent = 0, received = 0;
  Bytes message;
  bool closed = false;

  void fill() {
    while (sent < bytes && sender->send(message)) sent += message.size();
  }
};

struct Echo {
  Channel near, far;
  Bytes message;
  std::vector<double> micros;
  std::size_t count = 0;
  Clock::time_point since;
  bool closed = false;

  void ping() {
    since = Clock::now();
    closed = !near->send(message) || closed;
  }
  void pong() {
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - since).count());
    if (micros.size() < count) ping();
  }
};

/// Until `condition` holds, looked at every few milliseconds.
Awaitable<bool> poll(std::function<bool()> condition, Clock::duration limit, Clock::duration step) {
  const auto end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > end) co_return false;
    co_await sleep_for(step);
  }
  co_return true;
}

}  // namespace

Awaitable<Result<Pair>> connect_pair(Engine& offering, Engine& answering, PeerOptions options) {
  auto offerer = Peer::create(offering, options);
  auto answerer = Peer::create(answering, options);
  if (!offerer || !answerer) co_return fail((offerer ? answerer : offerer).error());
  Pair pair{*offerer, *answerer};
  auto offer = co_await pair.offerer->make_offer();
  if (!offer) co_return fail(offer.error());
  auto answer = co_await pair.answerer->accept_offer(*offer);
  if (!answer) co_return fail(answer.error());
  const auto taken = co_await pair.offerer->accept_answer(*answer);
  if (!taken) co_return fail(taken.error());
  const std::function<bool()> open = [pair] { return all_open(*pair.offerer) && all_open(*pair.answerer); };
  if (!co_await poll(open, kConnectWait, 2ms)) co_return fail(Errc::timeout, "the two peers did not connect");
  co_return pair;
}

Awaitable<Result<RawRate>> measure_raw(Pair pair, std::uint64_t bytes, std::size_t message_size) {
  const auto transfer = std::make_shared<Transfer>();
  const Channel sender = transfer->sender = pair.answerer->channels().at(1);
  const Channel receiver = transfer->receiver = pair.offerer->channels().at(1);
  transfer->bytes = bytes / message_size * message_size;
  transfer->message.assign(std::min(message_size, sender->max_message()), std::byte{0x5A});
  Events from, to;
  from.on_buffered_low = [transfer] { transfer->fill(); };
  from.on_closed = [transfer](const Error&) { transfer->closed = true; };
  to.on_message = [transfer](const Bytes& message) { transfer->received += message.size(); };
  to.on_closed = from.on_closed;
  sender->set_buffered_low_threshold(sender->max_buffered() / 2);
  receiver->set_events(std::move(to));
  sender->set_events(std::move(from));
  const auto start = Clock::now();
  transfer->fill();
  const std::function<bool()> done = [transfer] { return transfer->received >= transfer->bytes || transfer->closed; };
  const bool in_time = co_await poll(done, kMeasureWait, 1ms);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  sender->set_events({});
  receiver->set_events({});
  if (transfer->closed) co_return fail(Errc::closed, "the channel closed while it was measured");
  if (!in_time) co_return fail(Errc::timeout, "the measured transfer did not end");
  co_return RawRate{static_cast<double>(transfer->received) / 1e6 / seconds, transfer->received};
}

Awaitable<Result<double>> measure_round_trip(Pair pair, int count, std::size_t size) {
  const auto echo = std::make_shared<Echo>();
  const Channel near = echo->near = pair.offerer->channels().at(1);
  const Channel far = echo->far = pair.answerer->channels().at(1);
  echo->count = static_cast<std::size_t>(std::max(1, count));
  echo->message.assign(size, std::byte{1});
  Events here, there;
  here.on_message = [echo](const Bytes&) { echo->pong(); };
  here.on_closed = [echo](const Error&) { echo->closed = true; };
  there.on_message = [echo](Bytes message) { echo->closed = !echo->far->send(message) || echo->closed; };
  far->set_events(std::move(there));
  near->set_events(std::move(here));
  echo->ping();
  const std::function<bool()> done = [echo] { return echo->micros.size() >= echo->count || echo->closed; };
  const bool in_time = co_await poll(done, kMeasureWait, 1ms);
  near->set_events({});
  far->set_events({});
  if (!in_time || echo->closed) co_return fail(Errc::timeout, "the round trips did not end");
  const auto middle = echo->micros.begin() + static_cast<std::ptrdiff_t>(echo->micros.size() / 2);
  std::nth_element(echo->micros.begin(), middle, echo->micros.end());
  co_return *middle;
}

}  // namespace owndir::rtc
