#pragma once
// A WebSocket (RFC 6455) on a connection whose handshake is done, by Boost.Beast, the same for both ends. Internal to
// this layer; network thread only. permessage-deflate is off.

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "exchange/web_socket.hpp"
#include "http/socket_limits.hpp"
#include "http/socket_transport.hpp"

namespace owndir::http {

/// Four coroutines keep it going until the connection is over: `read` (one read ahead of the session, bounded), `write`
/// (the one place that sends messages and the close, so that cancelling a sender never cuts a frame), `ping` and
/// `watch` (the deadlines). They use this object until `finish` has returned, or were never begun.
class SocketCarrier final : public exchange::WebSocket {
 public:
  SocketCarrier(NetStream stream, const SocketLimits& limits)
      : stream_(SocketTransport(std::move(stream))),
        limits_(limits),
        tasks_(stream_.get_executor()),
        arrived_(stream_.get_executor()),
        room_(stream_.get_executor()),
        wanted_(stream_.get_executor()),
        changed_(stream_.get_executor()),
        timer_(stream_.get_executor()),
        pinging_(stream_.get_executor()) {}

  /// The server's end: sends the 101.
  Awaitable<bool> accept(std::string key, const exchange::SocketAccept& accept);
  /// The client's end, after a 101 that was found good; false when Beast thinks otherwise.
  bool begin_client();
  /// After either. `on_end` is called when the other end closes (true), which our side then answers by `close` within
  /// answer_wait, and once when the connection is over (false).
  void start(std::function<void(bool closes)> on_end);
  /// Ends it at once, without a close.
  void cut();
  /// After the last use: ends what is left of the connection. Cannot be cancelled; its waits are bounded.
  Awaitable<void> finish();

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override;
  Awaitable<Result<void>> send(exchange::SocketMessage message) override;
  Awaitable<void> close(std::uint16_t code, std::string reason) override;
  std::uint16_t close_code() const override { return close_code_; }
  std::string close_reason() const override { return close_reason_; }

 private:
  using SocketMessage = exchange::SocketMessage;
  using Stream = boost::beast::websocket::stream<SocketTransport, false>;

  Awaitable<void> read();
  Awaitable<void> write();
  Awaitable<void> ping();
  Awaitable<void> watch();

  bool take_chunk(std::size_t size);
  void other_closes();
  void answer_close();
  void keep_reason();
  bool is_shut() const { return over_ || asked_ || closing_; }
  void break_off();
  void want_close(std::uint16_t code, std::string_view reason);
  void over(const boost::beast::error_code& error);
  void heard();
  void due_at(SteadyTime& deadline, SteadyTime when);

  Stream stream_;
  const SocketLimits limits_;
  TaskGroup tasks_;
  std::function<void(bool)> on_end_;

  std::deque<SocketMessage> queue_;
  std::size_t queued_ = 0;
  SocketMessage incoming_;
  Bytes chunk_;
  Notifier arrived_;  ///< a message, or the end
  Notifier room_;     ///< messages were taken

  std::optional<SocketMessage> outgoing_;
  std::optional<boost::beast::websocket::close_reason> closing_;  ///< we close: nothing more is received or sent
  Notifier wanted_;                                               ///< something is to be written
  Notifier changed_;                                              ///< `outgoing_` was taken, or the end

  asio::steady_timer timer_;
  asio::steady_timer pinging_;
  SteadyTime write_due_ = SteadyTime::max();
  SteadyTime close_due_ = SteadyTime::max();
  SteadyTime heard_at_;
  bool client_ = false;
  bool watched_ = false;
  bool reading_ = false;
  bool in_close_ = false;
  bool asked_ = false;     ///< the other end has closed first
  bool breaking_ = false;  ///< our close is none: the connection just ends
  bool pinged_ = false;

  bool over_ = false;
  bool linger_ = false;           ///< the client has yet to read why we ended it
  std::optional<Error> failure_;  ///< unless it was closed in order
  std::uint16_t close_code_ = exchange::close_code::kBroken;
  std::string close_reason_;
};

}  // namespace owndir::http
