#pragma once
// Test support: sessions for the server's end of a WebSocket, and what a local client of the client's end would be.

#include <deque>

#include "tunnel/connection_fixture.hpp"

namespace owndir::tunnel {

using exchange::SocketMessage;

/// The socket that a relay gets: `say` and `hang_up` are its other end's doing, `heard` is what reached that.
class LocalSocket final : public exchange::WebSocket {
 public:
  explicit LocalSocket(const asio::any_io_executor& executor) : changed_(executor) {}

  std::vector<SocketMessage> heard;
  std::optional<std::pair<std::uint16_t, std::string>> closed;  ///< by the relay
  std::size_t taken = 0;                                        ///< messages that the relay received

  void say(SocketMessage message) {
    said_.push_back(std::move(message));
    changed_.notify();
  }
  void hang_up(std::uint16_t code, std::string reason) {
    gone_ = {code, std::move(reason)};
    changed_.notify();
  }
  void vanish() {
    vanished_ = true;
    changed_.notify();
  }

  Awaitable<Result<std::optional<SocketMessage>>> receive() override {
    for (;;) {
      if (!said_.empty()) {
        SocketMessage message = std::move(said_.front());
        said_.pop_front();
        ++taken;
        co_return std::optional<SocketMessage>(std::move(message));
      }
      if (vanished_) co_return fail(Errc::closed, "the local client");
      if (gone_ || closed) co_return std::optional<SocketMessage>();
      const bool woken = co_await changed_.wait();
      if (!woken) co_return fail(Errc::cancelled, "the local client");
    }
  }
  Awaitable<Result<void>> send(SocketMessage message) override {
    if (closed || gone_) co_return fail(Errc::closed, "the local client");
    heard.push_back(std::move(message));
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    if (!closed) closed = {code, std::move(reason)};
    changed_.notify();
    co_return;
  }
  /// A close of the relay is answered with the same.
  std::uint16_t close_code() const override {
    return gone_ ? gone_->first : closed ? closed->first : exchange::close_code::kBroken;
  }
  std::string close_reason() const override { return gone_ ? gone_->second : closed ? closed->second : std::string(); }

 private:
  std::deque<SocketMessage> said_;
  std::optional<std::pair<std::uint16_t, std::string>> gone_;
  bool vanished_ = false;
  Notifier changed_;
};

/// What a session of the server saw.
struct Seen {
  std::vector<SocketMessage> messages;
  std::string end;  ///< "closed CODE REASON" or "broken"
  bool begun = false;
  bool gone = false;
};

/// Runs a function of its socket.
class PlayedSession final : public exchange::SocketSession {
 public:
  using Play = Awaitable<void> (*)(exchange::WebSocket&, Seen&);
  PlayedSession(Play play, Seen& seen) : play_(play), seen_(seen) {}
  ~PlayedSession() override { seen_.gone = true; }
  Awaitable<void> run(exchange::WebSocket& socket) override {
    seen_.begun = true;
    return play_(socket, seen_);
  }

 private:
  Play play_;
  Seen& seen_;
};

/// Sends back what comes, and notes how it ends.
inline Awaitable<void> play_echo(exchange::WebSocket& socket, Seen& seen) {
  for (;;) {
    Result<std::optional<SocketMessage>> message = co_await socket.receive();
    if (!message) seen.end = "broken: " + message.error().to_string();
    if (message && !*message) seen.end = "closed " + std::to_string(socket.close_code()) + " " + socket.close_reason();
    if (!message || !*message) co_return;
    seen.messages.push_back(**message);
    const Result<void> sent = co_await socket.send(std::move(**message));
    if (!sent) seen.end = "cannot send";
  }
}

/// Waits without receiving.
inline Awaitable<void> play_idle(exchange::WebSocket&, Seen& seen) {
  const bool whole = co_await sleep_for(std::chrono::hours(1));
  if (!whole) seen.end = "cancelled";
}

inline exchange::SocketAnswer accept_with(PlayedSession::Play play, Seen& seen, std::string protocol = {}) {
  exchange::SocketAccept accept;
  accept.protocol = std::move(protocol);
  accept.session = std::make_unique<PlayedSession>(play, seen);
  return accept;
}

}  // namespace owndir::tunnel
