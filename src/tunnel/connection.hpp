#pragma once
// One end of the tunnel protocol (docs/protocol.md, section 2) over the message channels of one peer: as a client it is
// a Handler whose exchanges run at the other end; as a server it hands each exchange that comes in to a Handler of
// ours. The protocol itself is the I/O-free machine in machine.hpp; this is its driver. Network thread only. The
// Connection holds its channels; the Handler must outlive `closed`.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "exchange/handler.hpp"
#include "exchange/message_channel.hpp"
#include "owndir/protocol.hpp"
#include "tunnel/role.hpp"

namespace owndir::tunnel {

struct ConnectionOptions {
  Role role = Role::client;
  Limits limits;                         ///< ours; those of the other end come with its hello
  std::uint32_t data_piece = 64 * 1024;  ///< body bytes that we prefer to receive in one frame
  exchange::Handler* handler = nullptr;  ///< server: required
  const Clock* clock = nullptr;          ///< null: system_clock()
};

struct ConnectionStats {
  std::uint64_t exchanges_opened = 0;
  std::size_t exchanges_active = 0;
  std::uint64_t body_bytes_sent = 0;
  std::uint64_t body_bytes_received = 0;
};

class Connection : public exchange::Handler {
 public:
  /// `channels` by id, Limits::channels of them, open or still connecting.
  static std::shared_ptr<Connection> start(asio::any_io_executor executor,
                                           std::vector<std::shared_ptr<exchange::MessageChannel>> channels,
                                           ConnectionOptions options);

  /// Waits for the other end's hello. Errc::timeout, unsupported, closed.
  virtual Awaitable<Result<void>> ready() = 0;

  /// Client: runs an exchange at the other end; returns when the final response head is there, its body streams after
  /// that. Waits while max_exchanges are open. Errors: closed (with whether the request may be repeated in the
  /// context), cancelled, limit, protocol, timeout, too_large (a head beyond the other end's limits; nothing was sent).
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override = 0;

  /// Client: opens a WebSocket at the other end, whose session relays. As `handle` otherwise.
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override = 0;

  /// Announces the end (goaway no_error), closes WebSockets with 1001 and lets open exchanges finish for at most
  /// `grace`, then closes the channels.
  virtual Awaitable<void> shut_down(std::chrono::milliseconds grace) = 0;
  /// At once; every exchange fails.
  virtual void close(Error why) = 0;
  /// Returns when the connection is over, with why (Errc::closed after a regular end). Any number of waiters.
  virtual Awaitable<Error> closed() = 0;
  virtual bool is_closed() const = 0;
  virtual ConnectionStats stats() const = 0;
};

}  // namespace owndir::tunnel
