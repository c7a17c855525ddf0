// A WebSocket of a local client through `connect`, the tunnel and `serve` to a session at home.
#include <future>

#include "http/server.hpp"
#include "http/test_socket_client.hpp"
#include "two_copies.hpp"

namespace owndir::test {
namespace {

using exchange::Request;
using exchange::SocketMessage;

class Echo final : public exchange::SocketSession {
 public:
  explicit Echo(std::promise<std::string>& end) : end_(end) {}
  Awaitable<void> run(exchange::WebSocket& socket) override {
    for (;;) {
      Result<std::optional<SocketMessage>> message = co_await socket.receive();
      if (!message || !*message) break;
      const Result<void> sent = co_await socket.send(std::move(**message));
      if (!sent) break;
    }
    end_.set_value(std::to_string(socket.close_code()) + " " + socket.close_reason());
  }

 private:
  std::promise<std::string>& end_;
};

class WithEcho final : public exchange::Handler {
 public:
  WithEcho(std::unique_ptr<exchange::Handler> next, std::promise<std::string>& end)
      : next_(std::move(next)), end_(end) {}
  Awaitable<Result<exchange::Response>> handle(Request request) override { return next_->handle(std::move(request)); }
  Awaitable<Result<exchange::SocketAnswer>> open_socket(Request request) override {
    if (request.head.target != "/echo") co_return co_await next_->open_socket(std::move(request));
    exchange::SocketAccept accept;
    accept.protocol = "chat";
    accept.session = std::make_unique<Echo>(end_);
    co_return exchange::SocketAnswer(std::move(accept));
  }

 private:
  std::unique_ptr<exchange::Handler> next_;
  std::promise<std::string>& end_;
};

/// What a browser would do, on a thread of its own.
std::string talk(std::uint16_t port) {
  http::SocketClient other(port);
  if (!other.open("/no-such-socket").starts_with("HTTP/1.1 404 ")) return "an answer where there is no socket";
  http::SocketClient client(port);
  std::string head = client.open("/echo", "Sec-WebSocket-Protocol: chat\r\n");
  if (!head.starts_with("HTTP/1.1 101 ")) return head;
  if (head.find("Sec-WebSocket-Protocol: chat\r\n") == head.npos) return "no protocol: " + head;
  for (const std::size_t size : {0U, 5U, 70'000U, 1U << 20}) {
    const std::string text(size, 'x');
    client.send(http::kText, text);
    if (client.receive() != http::Frame{http::kText, text}) return "text of " + std::to_string(size);
    client.send(http::kBinary, text);
    if (client.receive() != http::Frame{http::kBinary, text}) return "bytes of " + std::to_string(size);
  }
  client.send(http::kClose, http::close_payload(4002, "enough"));
  if (client.receive().opcode != http::kClose) return "no close";
  return client.raw().read_to_end().empty() ? "good" : "more after the close";
}

Awaitable<void> carries_a_socket(std::promise<std::string>& end) {
  asio::io_context& context = static_cast<asio::io_context&>((co_await asio::this_coro::executor).context());
  asio::thread_pool files(2);
  TemporaryDirectory root;
  fs::create_directories(root / "home");
  fs::create_directories(root / "away");
  Home home(context, files, root / "home", root / "state-home");
  std::function<std::unique_ptr<exchange::Handler>(std::unique_ptr<exchange::Handler>)> wrap =
      [&end](std::unique_ptr<exchange::Handler> next) { return std::make_unique<WithEcho>(std::move(next), end); };
  home.wrap = std::move(wrap);
  const std::string handshake(rendezvous::kDirectory);
  Courier between(root / "home" / handshake, root / "away" / handshake);
  TaskGroup courier(context.get_executor());
  co_await home.start();
  courier.spawn("courier", between.run());
  while (!fs::exists(root / "away" / handshake)) co_await sleep_for(std::chrono::milliseconds(5));
  Away away(context, files, root / "away", root / "state-away");
  co_await away.start();
  co_await away.get("/");  // the tunnel is up
  http::ServerOptions options;
  auto server = http::Server::listen(context.get_executor(), options, away.uplink());
  std::future<std::string> client = std::async(std::launch::async, talk, (*server)->port());
  while (client.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    co_await sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(client.get(), "good");
  co_await (*server)->stop();
  co_await away.stop();
  co_await home.stop();
  co_await courier.stop();
  files.join();
}

TEST(ServeConnect, CarriesAWebSocketFromALocalClientToASessionAtHome) {
  std::promise<std::string> end;
  Loop loop;
  loop.run(carries_a_socket(end));
  std::future<std::string> ended = end.get_future();
  ASSERT_EQ(ended.wait_for(std::chrono::seconds(0)), std::future_status::ready) << "the session at home never ended";
  EXPECT_EQ(ended.get(), "4002 enough");
}

}  // namespace
}  // namespace owndir::test
