#pragma once
// The client's way to the server: offers through the folder, waits for the answer, keeps one tunnel up, and starts over
// with a fresh offer whenever it is lost. A Handler: local requests go through the tunnel while it is up. Once it has
// been up, a request waits for its return, and one that may be repeated (RFC 9110 section 9.2.2, without a body) and
// was cut off before its answer is asked again; what waits too long, and everything before the first time, gets 503
// with a sentence. Network thread only; Engine, Client and Reporter outlive `run`.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/network_addresses.hpp"
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
  std::chrono::seconds connect_wait{45};          ///< from the answer to the tunnel's hello, then a fresh offer
  std::string url;                                ///< of the local port, for events
  std::chrono::milliseconds return_wait{60'000};  ///< a request's patience with a connection that was lost
  std::chrono::milliseconds navigation_wait{
      3'000};                          ///< the same of a page that is opened: it shows why and looks again
  std::size_t waiting_requests = 256;  ///< at once
  /// What is compared to see that the device is in another network; how often, and how long the tunnel may then take to
  /// give a sign of life.
  std::function<std::vector<std::string>()> network = network_addresses;
  std::chrono::milliseconds network_pause{2'000};
  std::chrono::milliseconds sign_wait{5'000};
  bool transparent = false;  ///< adds no field to answers
};

class Uplink final : public exchange::Handler {
 public:
  Uplink(asio::any_io_executor executor, rtc::Engine& engine, rendezvous::Client& client, Reporter& reporter,
         UplinkOptions options);

  /// Connects, and again after each loss, until cancelled.
  Awaitable<void> run();
  /// Whether a tunnel has ever been up.
  bool was_connected() const { return was_connected_; }
  /// How many tunnels have come up; `changed` is notified of each.
  std::uint64_t connections() const { return connections_; }
  Notifier& changed() { return changed_; }
  /// Of the tunnel that is up.
  std::optional<tunnel::ConnectionStats> stats() const;
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override;
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override;
  /// Says good-bye on the tunnel. After `run` was cancelled.
  Awaitable<void> close();

 private:
  /// One offer, up to the end of its tunnel. Errors: why it did not come up.
  Awaitable<Result<void>> attempt();
  Awaitable<Result<void>> bring_up(rtc::Peer& peer, tunnel::Connection& connection, const std::string& server);
  /// Returns when the tunnel is over, with why. `network`: the addresses with which it was offered.
  Awaitable<Error> the_end(std::shared_ptr<tunnel::Connection> connection, std::vector<std::string> network);
  /// Returns when the device has other addresses than the known ones, and the tunnel is not reached any more.
  Awaitable<Error> cut_off(std::shared_ptr<tunnel::Connection> connection, std::vector<std::string> known);
  bool is_up() const { return up_ && !connection_->is_closed(); }
  /// Until the tunnel is up; false when `until` comes first, or there are too many who wait.
  Awaitable<bool> await_return(SteadyTime until);
  SteadyTime patience(const exchange::RequestHead& head) const;
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
  Notifier changed_;  ///< the tunnel came up
  std::uint64_t connections_ = 0;
  std::size_t waiting_ = 0;
  bool up_ = false;
  bool was_connected_ = false;
};

}  // namespace owndir::app
