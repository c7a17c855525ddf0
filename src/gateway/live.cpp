#include "gateway/live.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

namespace owndir::gateway {

void LiveBoard::set(LiveState state) {
  if (state == state_) return;
  state_ = std::move(state);
  ++version_;
  changed_.notify();
}

class LiveBoard::Session final : public exchange::SocketSession {
 public:
  explicit Session(LiveBoard& board) : board_(board) {}

  Awaitable<void> run(exchange::WebSocket& socket) override {
    using asio::experimental::awaitable_operators::operator||;
    co_await (tell(board_, socket) || until_closed(socket));
  }

 private:
  static Awaitable<void> tell(LiveBoard& board, exchange::WebSocket& socket) {
    for (;;) {
      const std::uint64_t version = board.version_;
      const nlohmann::ordered_json state = {
          {"site", board.state_.site}, {"state", board.state_.state}, {"text", board.state_.text}};
      exchange::SocketMessage message{true, {}};
      message.data = to_bytes(state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      const Result<void> sent = co_await socket.send(std::move(message));
      if (!sent) co_return;
      while (board.version_ == version) co_await board.changed_.wait();
    }
  }

  /// Pages say nothing here; what they say is dropped.
  static Awaitable<void> until_closed(exchange::WebSocket& socket) {
    for (;;) {
      const auto message = co_await socket.receive();
      if (!message || !*message) co_return;
    }
  }

  LiveBoard& board_;
};

std::unique_ptr<exchange::SocketSession> LiveBoard::make_session() {
  return std::make_unique<Session>(*this);
}

}  // namespace owndir::gateway
