#pragma once
// The client's way to the server: offers through the folder, waits for the answer, keeps one tunnel up, and starts over
// with a fresh offer whenever it is lost. A Handler: local requests go through the tunnel while it is up and get 503
// with a sentence while it is not. Network thread only; Engine, Client and Reporter outlive `run`.

#include <memory>
#include <string>
#include <vector>

#include "app/reporter.hpp"
#include "base/async.hpp"
#include "exchange/handler.hpp"
#include "rendezvous/client.hpp"
#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace owndir::app {

struct UplinkOptions {
  std::vector<rtc::IceServer> ice_servers;
  std::chrono::seconds offer_valid{720};
  std::chrono::seconds connect_wait{45};  ///< from the answer to the tunnel's hello, then a fresh offer
  std::string url;                        ///< of the local port, for events
};

class Uplink final : public exchange::Handler {
 public:
  Uplink(asio::any_io_executor executor, rtc::Engine& engine, rendezvous::Client& client, Reporter& reporter,
         UplinkOptions options);

  /// Connects, and again after each loss, until cancelled.
  Awaitable<void> run();
  /// Whether a tunnel has ever been up.
  bool was_connected() const { return was_connected_; }
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override;
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override;
  /// Says good-bye on the tunnel. After `run` was cancelled.
  Awaitable<void> close();

 private:
  /// One offer, up to the end of its tunnel. Errors: why it did not come up.
  Awaitable<Result<void>> attempt();
  Awaitable<Result<void>> bring_up(rtc::Peer& peer, tunnel::Connection& connection, const std::string& server);
  bool is_up() const { return up_ && !connection_->is_closed(); }
  exchange::Response unavailable(const exchange::RequestHead& head) const;
  void report_waiting(int seconds);
  void report_loss(const Error& why);

  asio::any_io_executor executor_;
  rtc::Engine& engine_;
  rendezvous::Client& client_;
  Reporter& reporter_;
  UplinkOptions options_;
  std::shared_ptr<rtc::Peer> peer_;
  std::shared_ptr<tunnel::Connection> connection_;
  std::string server_;  ///< name of the one that is, or was last, connected, percent-encoded
  std::string status_ = "not connected yet";
  bool up_ = false;
  bool was_connected_ = false;
};

}  // namespace owndir::app
