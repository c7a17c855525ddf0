#pragma once
// What a command at home does whatever it offers (`serve`, `proxy`): opens the folder, keeps its state outside it, and
// answers offers that arrive there, with a tunnel to one Handler for each device. Owns the peers and what answers for
// them. Network thread; the Runner, the options and the Reporter outlive it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/common.hpp"
#include "app/peer_sessions.hpp"
#include "app/reporter.hpp"

namespace owndir::app {

class HomeEnd {
 public:
  HomeEnd(Runner& runner, const CommonOptions& options, Reporter& reporter)
      : runner_(runner), options_(options), reporter_(reporter) {}

  /// Opens the folder and locks the state directory of `role`. Blocking.
  Result<void> prepare(std::string_view role);
  /// From now on devices can connect to `handler`, which outlives `stop`.
  Awaitable<Result<void>> start(exchange::Handler& handler, std::size_t max_peers);
  /// Nothing where `start` was not called.
  Awaitable<void> stop();

  const RootedFolder& folder() const { return *folder_; }
  const std::string& state() const { return state_; }
  /// The server's id in the handshake directory.
  const std::string& id() const { return rendezvous_->id(); }

  /// For start-up texts: the folder's real path, and which STUN servers are asked.
  std::string shown_folder() const;
  std::string shown_stun() const;

 private:
  Runner& runner_;
  const CommonOptions& options_;
  Reporter& reporter_;
  std::string state_;
  FileDescriptor lock_;
  std::optional<RootedFolder> folder_;
  std::vector<rtc::IceServer> ice_servers_;
  std::unique_ptr<rtc::Engine> engine_;
  std::unique_ptr<PeerSessions> sessions_;
  std::unique_ptr<rendezvous::Server> rendezvous_;
};

}  // namespace owndir::app
