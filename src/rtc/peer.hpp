#pragma once
// A WebRTC data-channel endpoint: ICE (RFC 8445), DTLS, SCTP data channels (RFC 8831), SDP as whole descriptions
// without trickle (RFC 8829). libwebrtc is behind this header and never seen above it. Threads: everything here is
// called on, and calls back on, the network thread (the executor given to Engine); libwebrtc's own threads only copy
// and post to it. Ownership: the Engine outlives every Peer; a Peer owns its channels' transport, whoever holds a
// channel after the Peer is closed holds a closed channel.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "exchange/message_channel.hpp"

namespace owndir::rtc {

/// RFC 7064 / 7065: "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]", "turns:…"; IPv6 hosts in brackets.
struct IceServer {
  std::string url;
  std::string username;    ///< turn only
  std::string credential;  ///< turn only
};

/// Checks scheme, host and port without resolving; `text` may be "turn:USER:PASSWORD@HOST…". Errc::malformed with a
/// sentence.
Result<IceServer> parse_ice_server(std::string_view text);

/// libwebrtc's threads and sockets, shared by all peers of the process. Creation starts threads; destruction joins
/// them.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(asio::any_io_executor network);
  virtual ~Engine() = default;
};

struct PeerOptions {
  std::vector<IceServer> ice_servers;
  std::chrono::milliseconds gather_wait{5000};  ///< bound on candidate gathering; what is there by then is used
  std::chrono::seconds patience{600};           ///< how long connectivity checks go on without success
  int channels = 5;                             ///< pre-negotiated, ids 0 … channels-1, 1 to 16
  std::string label = "owndir";
  std::size_t max_buffered = 2 * 1024 * 1024;  ///< bytes queued in one channel before send says Errc::limit
};

enum class PeerState { gathering, waiting, connecting, connected, disconnected, failed, closed };
const char* to_string(PeerState state);

/// What a person may want to know when there is no path: "host udp 192.168.1.2:53211", "srflx udp …", "relay …".
struct PathReport {
  std::vector<std::string> local;
  std::vector<std::string> remote;
  std::optional<std::string> selected;  ///< "srflx 5.5.5.11:40000 <-> host 192.168.2.2:50000"
};

class Peer {
 public:
  static Result<std::shared_ptr<Peer>> create(Engine& engine, PeerOptions options);
  virtual ~Peer() = default;  ///< closes without waiting

  /// Offerer: creates the channels and the complete offer. Once.
  virtual Awaitable<Result<std::string>> make_offer() = 0;
  /// Answerer: `offer` is checked by SdpSummary first (Errc::malformed, too_large, unsupported). Once.
  virtual Awaitable<Result<std::string>> accept_offer(std::string offer) = 0;
  /// Offerer: after make_offer. Once.
  virtual Awaitable<Result<void>> accept_answer(std::string answer) = 0;

  /// The pre-negotiated channels by id; the same objects at each call, there from make_offer or accept_offer on.
  virtual const std::vector<std::shared_ptr<exchange::MessageChannel>>& channels() const = 0;

  virtual PeerState state() const = 0;
  /// Called at each change, never inside a call of ours. `failed` and `closed` are final.
  virtual void on_state(std::function<void(PeerState)> callback) = 0;
  virtual Awaitable<PathReport> path_report() = 0;
  /// Closes channels and transport and frees what libwebrtc holds. Idempotent.
  virtual Awaitable<void> close() = 0;
};

}  // namespace owndir::rtc
