#pragma once
// The server's peers: makes one for each offer that the rendezvous hands over, and runs the tunnel on it until it ends.
// Owns each peer from the offer to its last byte: a session leaves the table when its task ends. Network thread only;
// the Engine, the Handler and the Reporter outlive `stop`.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/reporter.hpp"
#include "base/async.hpp"
#include "exchange/handler.hpp"
#include "rendezvous/server.hpp"
#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace owndir::app {

struct PeerSessionsOptions {
  std::vector<rtc::IceServer> ice_servers;
  std::size_t max_peers = 64;  ///< connected at once; a further one is refused with a line in the log
};

class PeerSessions final : public rendezvous::Answerer {
 public:
  PeerSessions(asio::any_io_executor executor, rtc::Engine& engine, exchange::Handler& handler, Reporter& reporter,
               PeerSessionsOptions options);

  /// Told of connected and failed peers; set before the first answer, cleared (null) before the server goes away.
  void set_rendezvous(rendezvous::Server* server) { rendezvous_ = server; }

  Awaitable<Result<std::string>> answer(const rendezvous::Offer& offer, std::uint64_t key) override;
  void abandon(std::uint64_t key) override;

  std::size_t connected() const;
  /// Says good-bye on every tunnel, waits a moment for what runs, closes all. Once.
  Awaitable<void> stop();

 private:
  struct Session;

  Awaitable<void> run(std::shared_ptr<Session> session);
  Awaitable<void> serve_tunnel(Session& session);
  void report_connected(const Session& session, const rtc::PathReport& path);

  asio::any_io_executor executor_;
  rtc::Engine& engine_;
  exchange::Handler& handler_;
  Reporter& reporter_;
  PeerSessionsOptions options_;
  rendezvous::Server* rendezvous_ = nullptr;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  TaskGroup tasks_;
};

/// A device's name as a person reads it, "a device" when it has none.
std::string shown_name(const std::string& name);

}  // namespace owndir::app
