#include "app/peer_sessions.hpp"

#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace owndir::app {

using nlohmann::json;

struct PeerSessions::Session {
  std::uint64_t key = 0;
  std::string client, name;
  SteadyTime started = std::chrono::steady_clock::now();
  std::shared_ptr<rtc::Peer> peer;
  std::shared_ptr<tunnel::Connection> connection;  ///< there once the offer was accepted
  bool connected = false;
  bool abandoned = false;
};

PeerSessions::PeerSessions(asio::any_io_executor executor, rtc::Engine& engine, exchange::Handler& handler,
                           Reporter& reporter, PeerSessionsOptions options)
    : executor_(executor),
      engine_(engine),
      handler_(handler),
      reporter_(reporter),
      options_(std::move(options)),
      tasks_(executor) {}

std::size_t PeerSessions::connected() const {
  std::size_t count = 0;
  for (const auto& [key, session] : sessions_) count += session->connected ? 1 : 0;
  return count;
}

Awaitable<Result<std::string>> PeerSessions::answer(const rendezvous::Offer& offer, std::uint64_t key) {
  if (connected() >= options_.max_peers)
    co_return fail(Errc::limit, std::to_string(options_.max_peers) + " devices are connected already");
  rtc::PeerOptions peer_options;
  peer_options.ice_servers = options_.ice_servers;
  peer_options.patience = std::chrono::seconds(offer.valid_s);
  peer_options.channels = static_cast<int>(tunnel::Limits{}.channels);
  auto session = std::make_shared<Session>();
  session->key = key;
  session->client = offer.client;
  session->name = offer.name;
  std::string sdp = offer.sdp;
  auto peer = rtc::Peer::create(engine_, std::move(peer_options));
  if (!peer) co_return fail(std::move(peer.error()));
  session->peer = std::move(*peer);
  sessions_[key] = session;
  reporter_.event("offer", {{"client", session->client}, {"name", session->name}},
                  clock_time() + "  " + shown_name(session->name) + " asks to connect");

  Result<std::string> answer = co_await session->peer->accept_offer(std::move(sdp));
  if (!answer || session->abandoned) {
    sessions_.erase(key);
    co_await session->peer->close();
    if (session->abandoned) co_return fail(Errc::cancelled, "gave way while it was answered");
    co_return fail(std::move(answer.error()));
  }
  tunnel::ConnectionOptions options;
  options.role = tunnel::Role::server;
  options.handler = &handler_;
  session->connection = tunnel::Connection::start(executor_, session->peer->channels(), options);
  tasks_.spawn("peer session", run(session));
  co_return answer;
}

Awaitable<void> PeerSessions::run(std::shared_ptr<Session> session) {
  std::weak_ptr<tunnel::Connection> connection = session->connection;
  session->peer->on_state([connection](rtc::PeerState state) {
    const auto open = connection.lock();
    if (open && (state == rtc::PeerState::failed || state == rtc::PeerState::closed))
      open->close(Error{Errc::closed, state == rtc::PeerState::failed ? "no network path" : "peer closed"});
  });
  try {
    co_await serve_tunnel(*session);
  } catch (const boost::system::system_error&) {
    // Cancelled: the group stops.
    session->connection->close(Error{Errc::cancelled, "stopping"});
  }
  session->peer->on_state({});
  sessions_.erase(session->key);
}

Awaitable<void> PeerSessions::serve_tunnel(Session& session) {
  const Result<void> ready = co_await session.connection->ready();
  if (!ready) {
    if (!session.abandoned) {
      const rtc::PathReport path = co_await session.peer->path_report();
      log("app").info("{} did not connect: {}; {} local and {} remote candidates tried",
                      printable(shown_name(session.name)), ready.error().to_string(), path.local.size(),
                      path.remote.size());
      if (rendezvous_ != nullptr) rendezvous_->failed(session.key);
    }
    co_await session.peer->close();
    co_return;
  }
  session.connected = true;
  if (rendezvous_ != nullptr) rendezvous_->connected(session.key);
  const rtc::PathReport path = co_await session.peer->path_report();
  report_connected(session, path);
  const Error why = co_await session.connection->closed();
  reporter_.event("disconnected", {{"client", session.client}, {"name", session.name}, {"reason", why.to_string()}},
                  clock_time() + "  " + shown_name(session.name) + " disconnected (" + why.to_string() + ")");
  co_await session.peer->close();
}

void PeerSessions::report_connected(const Session& session, const rtc::PathReport& path) {
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - session.started).count();
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", took);
  reporter_.event("connected",
                  {{"client", session.client},
                   {"name", session.name},
                   {"path", path.selected.value_or("")},
                   {"seconds_since_offer", took}},
                  clock_time() + "  " + shown_name(session.name) + " connected after " + seconds + ", " +
                      path.selected.value_or("path unknown"));
}

void PeerSessions::abandon(std::uint64_t key) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return;
  const auto session = found->second;
  session->abandoned = true;
  if (session->connection) session->connection->close(Error{Errc::expired, "offer no longer valid"});
}

Awaitable<void> PeerSessions::stop() {
  std::vector<std::shared_ptr<Session>> open;
  for (const auto& [key, session] : sessions_)
    if (session->connection) open.push_back(session);
  // goaway goes out on every tunnel before the first wait, so that all of them have the same moment to finish.
  for (const auto& session : open) {
    if (session->connected)
      co_await session->connection->shut_down(std::chrono::milliseconds(300));
    else
      session->connection->close(Error{Errc::cancelled, "stopping"});
  }
  co_await tasks_.stop();
}

std::string shown_name(const std::string& name) {
  return name.empty() ? "a device" : printable(name, 80);
}

}  // namespace owndir::app
