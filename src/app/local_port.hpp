#pragma once
// The local HTTP port that `serve` and `connect` open, behind its guard. Network thread.

#include <memory>

#include "app/common.hpp"
#include "gateway/local_guard.hpp"
#include "http/server.hpp"

namespace owndir::app {

/// Host names under which a port bound to `address` is reached: the guard's allow-list.
std::vector<std::string> local_hosts(const std::string& address);

/// Whether other machines can reach a port bound to `address`.
bool is_open_to_network(const std::string& address);

/// The secret that signed-in browsers hold, kept in the state directory (0600) so that they stay signed in when the
/// program is started again; a new one after 30 days, or when the kept one cannot be read.
Result<std::string> kept_session(const std::string& state_directory);

/// "http://127.0.0.1:PORT", brackets for IPv6.
std::string local_url(const std::string& address, std::uint16_t port);

/// What stands before the local port: the rules for a folder's page, the same with names of apps, or nothing at all.
enum class Guarding { folder, apps, nothing };

/// The guard outlives the server; null with Guarding::nothing.
struct LocalPort {
  std::unique_ptr<gateway::LocalGuard> guard;
  std::unique_ptr<http::Server> server;
};

/// The port that was asked for; else `usual`, and any free one when that is taken (logged), before `handler`, which
/// outlives it. Sessions and further login links are those of `state_directory`, where the address is left for
/// `owndir link`. The error says what to do.
Result<LocalPort> open_local_port(asio::any_io_executor executor, const CommonOptions& options, std::uint16_t usual,
                                  const std::string& state_directory, exchange::Handler& handler,
                                  Guarding guarding = Guarding::folder);

}  // namespace owndir::app
