#pragma once
// The client's half of the handshake directory (docs/protocol.md, section 1), for `owndir connect`. Its rules are the
// I/O-free machine in client_machine.hpp. Network thread only; file work runs on `files`.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/rooted_path.hpp"
#include "rendezvous/record.hpp"

namespace owndir::rendezvous {

struct ClientOptions {
  std::string name;                   ///< of this device, shown at the server
  std::string state_directory;        ///< exists; holds the client id; the caller holds its lock
  std::optional<std::string> server;  ///< only this one
  Limits limits;
  bool polling = false;
  std::chrono::milliseconds poll_interval{1000};
  const Clock* clock = nullptr;
  Random* random = nullptr;
};

/// What the directory says about servers: the newest presence record of each, newest first.
struct ServerSeen {
  Presence presence;
};

class Client {
 public:
  /// The folder must have the handshake directory: Errc::not_found says that no server has been here or that the sync
  /// has not brought it yet.
  static Awaitable<Result<std::unique_ptr<Client>>> start(const RootedFolder& folder, asio::thread_pool& files,
                                                          ClientOptions options);
  virtual ~Client() = default;

  virtual std::vector<ServerSeen> servers() const = 0;

  /// Writes an offer with this SDP and waits for its answer, as long as the offer is valid. `progress` is called once a
  /// second with the seconds waited. Errors: timeout, cancelled, errno's of the directory. One at a time.
  virtual Awaitable<Result<Answer>> exchange(std::string sdp, std::function<void(int)> progress) = 0;
  /// Removes the offer file of the last exchange (connected, or given up).
  virtual Awaitable<void> spent() = 0;
  virtual Awaitable<void> stop() = 0;
};

}  // namespace owndir::rendezvous
