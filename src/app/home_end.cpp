#include "app/home_end.hpp"

#include <filesystem>

namespace owndir::app {

Result<void> HomeEnd::prepare(std::string_view role) {
  auto folder = RootedFolder::open(options_.directory);
  if (!folder) return fail(folder.error().code, "cannot open the folder " + options_.directory);
  folder_ = std::move(*folder);
  auto state = make_state_directory(options_, role);
  if (!state) return fail(std::move(state.error()));
  state_ = std::move(*state);
  auto lock = lock_state_directory(state_);
  if (!lock) return fail(std::move(lock.error()));
  lock_ = std::move(*lock);
  auto servers = ice_servers(options_);
  if (!servers) return fail(std::move(servers.error()));
  ice_servers_ = std::move(*servers);
  return {};
}

Awaitable<Result<void>> HomeEnd::start(exchange::Handler& handler, std::size_t max_peers) {
  auto engine = rtc::Engine::create(runner_.context().get_executor());
  if (!engine) co_return fail(std::move(engine.error()));
  engine_ = std::move(*engine);
  PeerSessionsOptions session_options;
  session_options.ice_servers = ice_servers_;
  session_options.max_peers = max_peers;
  sessions_ = std::make_unique<PeerSessions>(runner_.context().get_executor(), *engine_, handler, reporter_,
                                             std::move(session_options));
  rendezvous::ServerOptions server_options;
  server_options.name = options_.name.empty() ? host_name() : options_.name;
  server_options.state_directory = state_;
  server_options.ice_servers = options_.stun;
  server_options.polling = options_.polling;
  auto server = co_await rendezvous::Server::start(*folder_, runner_.files(), *sessions_, std::move(server_options));
  if (!server) {
    const std::string context = server.error().context + ": cannot use the handshake directory " + options_.directory +
                                "/" + std::string(rendezvous::kDirectory);
    co_return fail(server.error().code, context);
  }
  rendezvous_ = std::move(*server);
  sessions_->set_rendezvous(rendezvous_.get());
  co_return Result<void>();
}

Awaitable<void> HomeEnd::stop() {
  if (rendezvous_) co_await rendezvous_->stop();
  if (sessions_) {
    sessions_->set_rendezvous(nullptr);
    co_await sessions_->stop();
  }
}

std::string HomeEnd::shown_folder() const {
  std::error_code unknown;
  const std::string folder = std::filesystem::canonical(options_.directory, unknown).string();
  return unknown ? options_.directory : folder;
}

std::string HomeEnd::shown_stun() const {
  if (options_.stun.empty()) return "none: only devices on the same network, or with IPv6, can connect";
  std::string stun;
  for (const std::string& server : options_.stun) stun += (stun.empty() ? "" : ", ") + server;
  if (options_.stun == kDefaultStun) stun += "   (they see your address; --stun none goes without)";
  return stun;
}

}  // namespace owndir::app
