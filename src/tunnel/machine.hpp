#pragma once
// The tunnel protocol (docs/protocol.md section 2) without I/O: what happens (a message came, the clock moved on, our
// side wants something) goes in, Actions come out. Both roles. The driver (connection.cpp) owns it, feeds it on the
// network thread and carries out `take_actions` after each call; nothing else acts for it.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "tunnel/flow.hpp"
#include "tunnel/frame.hpp"
#include "tunnel/role.hpp"

namespace owndir::tunnel {

/// Send this message on that channel, in order.
struct SendFrame {
  std::size_t channel = 0;
  Bytes bytes;
};
/// Hellos are exchanged; a client may open exchanges.
struct Ready {};
/// The other end opens no more and accepts no more.
struct Draining {};
/// Server: a request came.
struct Opened {
  ExchangeId id = 0;
  exchange::RequestHead head;
  bool has_body = false;
  bool socket = false;  ///< asks for a WebSocket: accept_socket or respond
};
/// Client: the final response head came; status 101: the WebSocket is open.
struct Answered {
  ExchangeId id = 0;
  exchange::ResponseHead head;
  bool has_body = false;
};
/// A piece of the body that comes in: the payload of `message`, which may be empty when `last`.
struct Received {
  ExchangeId id = 0;
  Bytes message;
  bool last = false;
};
/// A piece of a WebSocket message: the payload of `message`, whose flags say the rest.
struct MessagePiece {
  ExchangeId id = 0;
  Bytes message;
};
/// The other end closed the WebSocket. Finished follows: at once where that was the answer to our close, else after
/// close_socket, for which there are socket_close_ms.
struct SocketClosed {
  ExchangeId id = 0;
  SocketClose close;
};
/// `sendable` is no longer 0.
struct Writable {
  ExchangeId id = 0;
};
/// Both directions are over; what was received is complete and valid. Nothing follows for this exchange.
struct Finished {
  ExchangeId id = 0;
};
/// The exchange is over before its time. Nothing follows for this exchange.
struct Broken {
  ExchangeId id = 0;
  Code code = Code::cancelled;
  std::string text;
  bool by_peer = false;
};
/// The connection is over; the last action. Frames before it are still to be sent.
struct Closed {
  Error why;
};

using Action = std::variant<SendFrame, Ready, Draining, Opened, Answered, Received, MessagePiece, SocketClosed,
                            Writable, Finished, Broken, Closed>;

class Machine {
 public:
  Machine(Role role, const Limits& limits, std::uint32_t data_piece, SteadyTime now);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// What is to be done now, in order. `into` must be empty; its capacity is used again.
  void take_actions(std::vector<Action>& into);

  // What happens.
  void channel_opened(std::size_t channel, std::size_t max_message, SteadyTime now);
  void received(std::size_t channel, Bytes message, SteadyTime now);
  void tick(SteadyTime now);
  /// When `tick` has something to do if nothing happens before.
  SteadyTime next_tick() const;

  // What our side wants.
  /// Client: whether `open` would succeed as far as room is concerned.
  bool can_open() const;
  /// Client: malformed or too_large (the head), limit (no room now), closed (no more exchanges on this connection).
  Result<ExchangeId> open(const exchange::RequestHead& head, bool has_body);
  /// Client: likewise, for a WebSocket.
  Result<ExchangeId> open_socket(const exchange::RequestHead& head);
  /// Server: the final response, once. malformed or too_large leave the exchange as it was; closed: it is over.
  Result<void> respond(ExchangeId id, const exchange::ResponseHead& head, bool has_body);
  /// Server: instead of `respond`, with status 101. Errors as there.
  Result<void> accept_socket(ExchangeId id, const exchange::ResponseHead& head);
  /// Bytes that may go into the next data frame, or piece of a message: 0 while there is no credit, nothing when the
  /// direction is over.
  std::optional<std::size_t> sendable(ExchangeId id) const;
  /// Accounts for a data frame that the driver sends now and writes its header. A body that does not agree with its
  /// content-length is not sent: the exchange is reset, false.
  bool send_data(ExchangeId id, std::size_t size, bool last, std::span<std::byte, kFrameHeader> header);
  /// Likewise for a piece of a message; `text` counts in the first of them.
  bool send_piece(ExchangeId id, std::size_t size, bool text, bool last, std::span<std::byte, kFrameHeader> header);
  /// A message waits because `sendable` is 0: the other end has stall_ms to change that.
  void wait_for_credit(ExchangeId id);
  /// Closes a WebSocket: nothing more is sent, what comes in is dropped, and the other end has socket_close_ms to
  /// answer. After SocketClosed it is the answer, which ends the exchange. Once.
  void close_socket(ExchangeId id, SocketClose close);
  /// The reader took bytes of Received pieces away.
  void consumed(ExchangeId id, std::uint64_t bytes);
  /// The reader took a whole MessagePiece of that many bytes away.
  void consumed_piece(ExchangeId id, std::uint64_t bytes) { consumed(id, bytes + limits_.socket_piece); }
  /// Nobody reads (any more) what comes in. A client's exchange is reset when it is not complete; a server's goes on
  /// until the response is over.
  void discard(ExchangeId id);
  void reset(ExchangeId id, Code code, std::string_view text);
  /// No new exchanges; those that run may finish.
  void go_away();
  /// The end, now: goaway with the code, then Closed with `why`.
  void close(Code code, Error why);
  /// A channel is gone, so the connection is.
  void channel_closed(const Error& why);

  Role role() const { return role_; }
  bool is_ready() const { return ready_; }
  bool is_draining() const { return draining_ || going_away_; }
  bool is_closed() const { return closed_; }
  std::size_t active() const { return active_; }
  std::uint64_t opened() const { return opened_; }
  std::uint64_t budget_used() const { return budget_.used(); }
  bool is_active(ExchangeId id) const { return find(id) != nullptr; }
  std::size_t channel_of(ExchangeId id) const;

 private:
  static constexpr std::size_t kChannels = 5;

  enum class Kind : std::uint8_t { http, socket_asked, socket };

  struct Exchange {
    Exchange(std::size_t on, std::unique_ptr<ReceiveWindow> in) : channel(on), window(std::move(in)) {}
    std::size_t channel;
    std::unique_ptr<ReceiveWindow> window;
    std::uint64_t credit = 0;
    std::uint64_t sent = 0;
    std::optional<std::uint64_t> declared_in;   ///< content-length of what comes in
    std::optional<std::uint64_t> declared_out;  ///< content-length of what goes out
    std::optional<SteadyTime> stalled_since;
    std::optional<SteadyTime> close_due;  ///< our socket_close is to be answered by then
    std::uint64_t message_in = 0;         ///< bytes so far of the message that comes in
    Kind kind = Kind::http;
    bool head_request = false;  ///< method HEAD
    bool head_in = false;       ///< the head of what comes in is there
    bool head_out = false;
    bool end_in = false;
    bool end_out = false;
    bool discarding = false;
    bool over = false;  ///< lingers for its unread bytes only
  };
  struct Channel {
    bool open = false;
    std::size_t max_message = 0;
    ExchangeId largest = 0;  ///< largest exchange opened on it
    std::size_t active = 0;
  };
  struct Held {
    std::size_t channel;
    Bytes message;
  };

  // machine.cpp
  void send(std::size_t channel, const Frame& frame);
  void send_hello();
  void send_reset(std::size_t channel, ExchangeId id, Code code, std::string_view text);
  Exchange& add(ExchangeId id, std::size_t channel);
  Exchange* find(ExchangeId id);
  const Exchange* find(ExchangeId id) const;
  void end(ExchangeId id, Exchange& exchange);
  void finish_if_done(ExchangeId id, Exchange& exchange);
  void stop(Error why);
  void expire_stalled(SteadyTime now);
  Result<ExchangeId> open_exchange(FrameType type, const exchange::RequestHead& head, bool has_body);
  std::uint64_t max_head(std::size_t channel) const;

  // machine_receive.cpp
  void violation(Code code, std::string_view what);
  void violation(ExchangeId id, Exchange& exchange, Code code, std::string_view what);
  void on_message(std::size_t channel, Bytes message);
  void on_connection_frame(const FrameHeader& header, ByteView message);
  void on_hello(const Hello& hello);
  void on_goaway(const GoAway& goaway);
  void on_exchange_frame(std::size_t channel, const FrameHeader& header, Bytes message);
  void on_open(std::size_t channel, const FrameHeader& header, ByteView message);
  void refuse_open(std::size_t channel, ExchangeId id, Code code, std::string_view text);
  void on_known(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message);
  void on_response(ExchangeId id, Exchange& exchange, const FrameHeader& header, exchange::ResponseHead head);
  void on_data(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message);
  void on_credit(ExchangeId id, Exchange& exchange, std::uint32_t bytes);
  void on_reset(ExchangeId id, Exchange& exchange, const Reset& reset);
  void hold(std::size_t channel, Bytes message);
  bool allowed_rate();

  // machine_socket.cpp
  void on_socket_frame(ExchangeId id, Exchange& exchange, Frame frame);
  void on_socket_accept(ExchangeId id, Exchange& exchange, exchange::ResponseHead head);
  void on_socket_message(ExchangeId id, Exchange& exchange, const FrameHeader& header, Bytes message);
  void on_socket_close(ExchangeId id, Exchange& exchange, SocketClose close);

  const Role role_;
  const Limits limits_;
  const std::uint32_t data_piece_;
  SteadyTime now_;
  std::vector<Action> actions_;
  std::array<Channel, kChannels> channels_;
  ReceiveBudget budget_;
  RateLimit rate_;
  std::unordered_map<ExchangeId, Exchange> exchanges_;
  std::size_t active_ = 0;
  std::uint64_t assembling_ = 0;  ///< message_in of all exchanges
  std::uint64_t opened_ = 0;
  ExchangeId next_id_ = 1;

  // The other end's settings, from its hello.
  std::uint64_t peer_max_frame_;
  std::uint64_t peer_data_piece_;
  std::uint64_t peer_initial_credit_;
  std::uint64_t peer_max_exchanges_;
  std::uint64_t peer_max_head_;

  std::vector<Held> held_;  ///< exchange frames that overtook the hello
  std::uint64_t held_bytes_ = 0;
  std::optional<SteadyTime> first_open_;
  SteadyTime last_heard_;
  bool pinged_ = false;
  bool ready_ = false;
  bool draining_ = false;    ///< the other end said goaway
  bool going_away_ = false;  ///< we did
  bool closed_ = false;
};

}  // namespace owndir::tunnel
