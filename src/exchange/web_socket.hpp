#pragma once
// WebSockets between the layers (RFC 6455): whoever carries one (http on sockets, tunnel on channels) gives it to a
// SocketSession as a WebSocket, which knows whole messages only; framing, masking, pings, limits and the check of UTF-8
// are the carrier's. The carrier owns both, and destroys the session before the socket. Network thread only.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/bytes.hpp"
#include "exchange/head.hpp"

namespace owndir::exchange {

/// Codes of RFC 6455 section 7.4.1 that this program uses itself.
namespace close_code {
constexpr std::uint16_t kNormal = 1000;
constexpr std::uint16_t kGoingAway = 1001;  ///< this end stops
constexpr std::uint16_t kProtocol = 1002;
constexpr std::uint16_t kNone = 1005;    ///< never sent: the other end's close had no code
constexpr std::uint16_t kBroken = 1006;  ///< never sent: the connection ended without a close
constexpr std::uint16_t kNotUtf8 = 1007;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kTooLarge = 1009;
constexpr std::uint16_t kInternal = 1011;
}  // namespace close_code

/// Whether an end may send this code in a close (RFC 6455 section 7.4).
bool may_be_sent(std::uint16_t code);

/// A whole message. The carrier has checked that text is valid UTF-8 and that the size is within its limit.
struct SocketMessage {
  bool text = false;
  Bytes data;
  bool operator==(const SocketMessage&) const = default;
};

/// One end of an open WebSocket. One coroutine may receive while another sends; no more of either.
class WebSocket {
 public:
  virtual ~WebSocket() = default;  ///< destroying an open one aborts it: 1006 at the other end

  /// The next message; empty when the other end has closed (see close_code), and from then on. An error means that
  /// the connection is broken or that the other end broke the rules. The awaiting coroutine may be cancelled; the
  /// socket is then only fit to be closed or destroyed.
  virtual Awaitable<Result<std::optional<SocketMessage>>> receive() = 0;

  /// Returns when there is room for the next message, which is the backpressure. Errc::closed after a close of either
  /// end; Errc::too_large beyond the carrier's limit, which sends nothing and leaves the socket usable; Errc::malformed
  /// for text that is not UTF-8, likewise.
  virtual Awaitable<Result<void>> send(SocketMessage message) = 0;

  /// Sends a close (an unsendable code as none, the reason cut to 123 bytes) after what was sent: the answer where the
  /// other end has closed first, else waits, for a bounded time, for its answer; messages that arrive meanwhile are
  /// dropped. With 1006 the connection ends after what was sent, without a close. Nothing when it is over.
  virtual Awaitable<void> close(std::uint16_t code, std::string reason) = 0;

  /// What the other end sent with its close: 1005 for no code, 1006 while it has sent none.
  virtual std::uint16_t close_code() const = 0;
  virtual std::string close_reason() const = 0;
};

/// What a handler does with a WebSocket once the carrier has accepted it.
class SocketSession {
 public:
  virtual ~SocketSession() = default;

  /// The life of the socket: when it returns, the carrier closes the socket with 1000 if it is still open. Cancelled
  /// when the carrier stops, and a moment after the other end has closed or gone. An exception closes with 1011.
  virtual Awaitable<void> run(WebSocket& socket) = 0;
};

/// Makes a WebSocket of a request that asked for one.
struct SocketAccept {
  std::string protocol;  ///< one of those that the request offered; "" for none
  Fields fields;         ///< further fields of the 101 response
  std::unique_ptr<SocketSession> session;
};

/// The members of Sec-WebSocket-Protocol in the client's order of preference (RFC 6455 section 11.3.4).
std::vector<std::string> offered_protocols(const Fields& fields);

/// Why an accepted socket cannot be announced to the other end; nothing when it can. A fault of the handler.
std::optional<std::string> accept_fault(const SocketAccept& accept, const Fields& request);

/// Drops what belongs to one hop's handshake: Sec-WebSocket-Key, -Accept, -Version and -Extensions.
void remove_handshake_fields(Fields& fields);

/// Passes messages and the close in both directions between two sockets until either ends; one that breaks breaks the
/// other. Returns when both are closed. Cancelled: both are left as they are.
Awaitable<void> relay(WebSocket& one, WebSocket& other);

/// A session that relays its socket to `other`, and aborts that one when it is destroyed before its end.
std::unique_ptr<SocketSession> make_relay(std::unique_ptr<WebSocket> other);

}  // namespace owndir::exchange
