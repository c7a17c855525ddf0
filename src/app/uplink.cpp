#include "app/uplink.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/percent.hpp"
#include "base/utf8.hpp"
#include "gateway/app_host.hpp"
#include "gateway/refusal.hpp"

namespace owndir::app {

using nlohmann::json;

namespace {

constexpr int kSyncHintSeconds = 60;
constexpr unsigned kLookAgainSeconds = 3;
/// Tells a page that this is the folder of another computer: its name, percent-encoded.
constexpr std::string_view kServerField = "Owndir-Server";
constexpr std::size_t kServerFieldBytes = 80;
constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::seconds kLongestPause{60};

std::string join(const std::vector<std::string>& list) {
  std::string all;
  for (const std::string& item : list) all += (all.empty() ? "" : "; ") + item;
  return all.empty() ? "none" : all;
}

/// Idempotent (RFC 9110 section 9.2.2).
bool may_be_repeated(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

}  // namespace

Uplink::Uplink(asio::any_io_executor executor, rtc::Engine& engine, rendezvous::Client& client, Reporter& reporter,
               UplinkOptions options)
    : executor_(executor),
      engine_(engine),
      client_(client),
      reporter_(reporter),
      options_(std::move(options)),
      changed_(executor) {}

exchange::Response Uplink::unavailable(const exchange::RequestHead& head) const {
  const gateway::Refusal refusal = {503,
                                    "Not connected to home yet",
                                    "owndir: " + status_ + ".",
                                    "A page in a browser looks again by itself.",
                                    false,
                                    kLookAgainSeconds};
  exchange::Response response = gateway::refuse(refusal, head);
  response.head.fields.add("Retry-After", "2");
  return response;
}

SteadyTime Uplink::patience(const exchange::RequestHead& head) const {
  const bool navigates = head.fields.get("Sec-Fetch-Mode") == "navigate";
  return std::chrono::steady_clock::now() + (navigates ? options_.navigation_wait : options_.return_wait);
}

Awaitable<bool> Uplink::await_return(SteadyTime until) {
  using namespace asio::experimental::awaitable_operators;
  if (is_up()) co_return true;
  if (!was_connected_ || waiting_ >= options_.waiting_requests) co_return false;
  struct Counted {
    std::size_t& count;
    explicit Counted(std::size_t& c) : count(++c) {}
    ~Counted() { --count; }
  } counted(waiting_);
  while (!is_up()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0) co_return false;
    co_await (changed_.wait() || sleep_for(left));
  }
  co_return true;
}

Awaitable<Result<exchange::Response>> Uplink::handle(exchange::Request request) {
  const SteadyTime until = patience(request.head);
  for (;;) {
    const bool up = co_await await_return(until);
    if (!up) {
      exchange::Response response = unavailable(request.head);
      if (request.head.method == "HEAD") response.body = nullptr;
      co_return response;
    }
    const auto connection = connection_;
    const std::string server = server_;
    const bool for_app = request.head.fields.contains(gateway::kAppField);
    std::optional<exchange::RequestHead> again;
    if (!request.body && may_be_repeated(request.head.method)) again = request.head;
    Result<exchange::Response> response = co_await connection->handle(std::move(request));
    const bool lost = !response && connection->is_closed() && !response.error().is(Errc::cancelled);
    if (lost && again) {
      request = exchange::Request{std::move(*again), nullptr, exchange::Origin::local};
      continue;
    }
    if (response && !for_app && !options_.transparent) response->head.fields.set(kServerField, server);
    co_return response;
  }
}

Awaitable<Result<exchange::SocketAnswer>> Uplink::open_socket(exchange::Request request) {
  const SteadyTime until = patience(request.head);
  const bool up = co_await await_return(until);
  if (!up) co_return exchange::SocketAnswer(unavailable(request.head));
  const auto connection = connection_;
  co_return co_await connection->open_socket(std::move(request));
}

std::optional<tunnel::ConnectionStats> Uplink::stats() const {
  if (!is_up()) return std::nullopt;
  return connection_->stats();
}

Awaitable<void> Uplink::run() {
  std::chrono::seconds pause = kFirstPause;
  for (;;) {
    Result<void> ended = co_await attempt();
    const bool came_up = std::exchange(up_, false);
    // Cancelled: the command stops.
    if (!ended && !ended.error().is(Errc::cancelled)) report_loss(ended.error());
    pause = came_up ? kFirstPause : std::min(pause * 2, kLongestPause);
    co_await client_.spent();
    co_await sleep_for(pause);
  }
}

Awaitable<Result<void>> Uplink::attempt() {
  status_ = "preparing an offer";
  std::vector<std::string> network = options_.network();
  rtc::PeerOptions peer_options;
  peer_options.ice_servers = options_.ice_servers;
  peer_options.patience = options_.offer_valid + options_.connect_wait;
  peer_options.channels = static_cast<int>(tunnel::Limits{}.channels);
  auto peer = rtc::Peer::create(engine_, std::move(peer_options));
  if (!peer) co_return fail(std::move(peer.error()));
  peer_ = *peer;
  auto offer = co_await peer_->make_offer();
  if (!offer) co_return fail(std::move(offer.error()));

  tunnel::ConnectionOptions connection_options;
  connection_options.role = tunnel::Role::client;
  connection_ = tunnel::Connection::start(executor_, peer_->channels(), connection_options);
  std::weak_ptr<tunnel::Connection> weak = connection_;
  peer_->on_state([weak](rtc::PeerState state) {
    if (const auto open = weak.lock(); open && state == rtc::PeerState::failed)
      open->close(Error{Errc::closed, "no network path"});
  });

  std::function<void(int)> progress = [this](int seconds) { report_waiting(seconds); };
  auto answer = co_await client_.exchange(std::move(*offer), std::move(progress));
  if (!answer) co_return fail(std::move(answer.error()));
  reporter_.event("answer", {{"server", answer->server}, {"name", answer->name}}, "");
  status_ = "connecting";
  std::string sdp = std::move(answer->sdp);
  const Result<void> accepted = co_await peer_->accept_answer(std::move(sdp));
  if (!accepted) co_return fail(accepted.error());
  Result<void> up = co_await bring_up(*peer_, *connection_, answer->name);
  if (!up) co_return up;
  const Error why = co_await the_end(connection_, std::move(network));
  connection_->close(why);
  co_await peer_->close();
  co_return fail(why);
}

Awaitable<Error> Uplink::the_end(std::shared_ptr<tunnel::Connection> connection, std::vector<std::string> network) {
  using namespace asio::experimental::awaitable_operators;
  auto first = co_await (connection->closed() || cut_off(connection, std::move(network)));
  co_return first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
}

Awaitable<Error> Uplink::cut_off(std::shared_ptr<tunnel::Connection> connection, std::vector<std::string> known) {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    co_await sleep_for(options_.network_pause);
    std::vector<std::string> now = options_.network();
    if (now.empty() || now == known) continue;
    known = std::move(now);
    exchange::Request question;
    question.head = {"HEAD", "/@/info", {}};
    auto first = co_await (connection->handle(std::move(question)) || sleep_for(options_.sign_wait));
    if (first.index() != 0) co_return Error{make_error_code(Errc::closed), "this device is in another network"};
  }
}

Awaitable<Result<void>> Uplink::bring_up(rtc::Peer& peer, tunnel::Connection& connection, const std::string& server) {
  using namespace asio::experimental::awaitable_operators;
  auto first = co_await (connection.ready() || sleep_for(options_.connect_wait));
  Result<void> ready = fail(Errc::timeout, "the answer came, but no connection");
  if (first.index() == 0) ready = std::get<0>(first);
  const rtc::PathReport path = co_await peer.path_report();
  if (!ready) {
    co_await peer.close();
    co_return fail(ready.error().code, ready.error().context + " (tried from here: " + join(path.local) +
                                           "; to there: " + join(path.remote) + ")");
  }
  up_ = true;
  ++connections_;
  changed_.notify();
  server_ = server.empty() ? "home" : percent_encode(cut_utf8(server, kServerFieldBytes));
  was_connected_ = true;
  status_ = "connected";
  co_await client_.spent();
  const std::string name = server.empty() ? std::string("the server") : printable(server, 80);
  reporter_.event("connected", {{"url", options_.url}, {"server", server}, {"path", path.selected.value_or("")}},
                  clock_time() + "  connected to " + name + ", " + path.selected.value_or("path unknown") + "\n\n  " +
                      options_.url + "\n");
  co_return Result<void>();
}

void Uplink::report_waiting(int seconds) {
  status_ = "waiting for the folder's sync, " + std::to_string(seconds) + " s";
  std::string text = "offer written; waiting for the folder's sync, " + std::to_string(seconds) + " s…";
  if (seconds >= kSyncHintSeconds) text += " (is the sync running on both sides, and owndir serve at the other?)";
  reporter_.progress("waiting", seconds, text);
}

void Uplink::report_loss(const Error& why) {
  status_ = up_ ? "the connection was lost" : "not connected: " + why.to_string();
  reporter_.event(was_connected_ ? "lost" : "failed", {{"reason", why.to_string()}},
                  clock_time() + "  " + (was_connected_ ? "connection lost (" : "no connection yet (") +
                      why.to_string() + "); trying again with a new offer");
}

Awaitable<void> Uplink::close() {
  if (connection_ && !connection_->is_closed()) {
    if (up_)
      co_await connection_->shut_down(std::chrono::milliseconds(300));
    else
      connection_->close(Error{Errc::cancelled, "stopping"});
  }
  if (peer_) {
    peer_->on_state({});
    co_await peer_->close();
  }
}

}  // namespace owndir::app
