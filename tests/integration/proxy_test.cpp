// A web app at home, through `proxy`, two copies of a folder and the tunnel, as `connect` asks for it.
#include "gateway/upstream.hpp"
#include "http/test_client.hpp"
#include "two_copies.hpp"

namespace owndir::test {
namespace {

using exchange::Fields;
using exchange::Request;
using exchange::Response;
using exchange::SocketMessage;

/// A small app: what it was asked comes back; a session by cookie; events that wait for their reader; an echo.
class App final : public exchange::Handler {
 public:
  Awaitable<Result<Response>> handle(Request request) override {
    const exchange::RequestHead& head = request.head;
    if (head.target == "/login") {
      Response response = exchange::text_response(303, "");
      response.head.fields.add("Location", "http://" + std::string(*head.fields.get("Host")) + "/inside");
      response.head.fields.add("Set-Cookie", "session=1; Domain=localhost; Path=/; HttpOnly");
      response.head.fields.add("Set-Cookie", "theme=dark");
      co_return response;
    }
    if (head.target == "/events") {
      Response response;
      response.head.fields = {{"Content-Type", "text/event-stream"}};
      response.body = std::make_unique<Events>();
      co_return response;
    }
    const std::string cookie(head.fields.get("Cookie").value_or(""));
    const std::string host(head.fields.get("Host").value_or(""));
    const std::string from(head.fields.get("X-Forwarded-Host").value_or(""));
    std::string text = head.method + " " + head.target + " for " + from + " cookie " + cookie;
    const auto body = co_await exchange::read_all(std::move(request.body), 64 << 20);
    if (body && !body->empty()) text += " body " + std::to_string(body->size()) + " " + body->substr(0, 5);
    co_return exchange::text_response(host.starts_with("localhost:") ? 200 : 421, text);
  }

  Awaitable<Result<exchange::SocketAnswer>> open_socket(Request request) override {
    const std::string origin(request.head.fields.get("Origin").value_or(""));
    const std::string host(request.head.fields.get("Host").value_or(""));
    if (origin != "http://" + host) co_return exchange::SocketAnswer(exchange::text_response(403, "whose page?"));
    exchange::SocketAccept accept;
    accept.protocol = "echo";
    accept.session = std::make_unique<Echo>();
    co_return exchange::SocketAnswer(std::move(accept));
  }

 private:
  class Events final : public exchange::BodySource {
   public:
    Awaitable<Result<Bytes>> read(std::size_t) override {
      if (count_ == 1000) co_return Bytes();
      co_return to_bytes("data: " + std::to_string(count_++) + "\n\n");
    }

   private:
    int count_ = 0;
  };
  class Echo final : public exchange::SocketSession {
   public:
    Awaitable<void> run(exchange::WebSocket& socket) override {
      for (;;) {
        Result<std::optional<SocketMessage>> message = co_await socket.receive();
        if (!message || !*message) co_return;
        if (as_text((*message)->data) == "close") {
          std::string reason = "as you like";
          co_await socket.close(4321, std::move(reason));
          co_return;
        }
        const Result<void> sent = co_await socket.send(std::move(**message));
        if (!sent) co_return;
      }
    }
  };
};

/// A proxy at home and a client away, connected.
struct Way {
  asio::io_context& context;
  asio::thread_pool files{2};
  TemporaryDirectory root;
  Home home{context, files, root / "home", root / "state-home"};
  Away away{context, files, root / "away", root / "state-away"};
  Courier between{root / "home" / std::string(rendezvous::kDirectory),
                  root / "away" / std::string(rendezvous::kDirectory)};
  TaskGroup courier{context.get_executor()};
  gateway::Upstreams* upstreams = nullptr;

  explicit Way(asio::io_context& io) : context(io) {}

  static Awaitable<void> start(Way& self, std::uint16_t port) {
    fs::create_directories(self.root / "home");
    fs::create_directories(self.root / "away");
    std::function<std::unique_ptr<exchange::Handler>(std::unique_ptr<exchange::Handler>)> wrap =
        [&self, port](std::unique_ptr<exchange::Handler>) {
          gateway::UpstreamsOptions options;
          options.apps.push_back(*gateway::parse_upstream("web=http://localhost:" + std::to_string(port)));
          options.apps.push_back(*gateway::parse_upstream("raw=tcp://127.0.0.1:" + std::to_string(port)));
          auto made = gateway::Upstreams::create(self.context.get_executor(), std::move(options));
          self.upstreams = made.get();
          return made;
        };
    self.home.wrap = std::move(wrap);
    co_await self.home.start();
    self.courier.spawn("courier", self.between.run());
    const fs::path arrived = self.root / "away" / std::string(rendezvous::kDirectory);
    while (!fs::exists(arrived)) co_await sleep_for(std::chrono::milliseconds(5));
    co_await self.away.start();
    co_await self.away.get("/@/info");  // the tunnel is up
  }
  static Awaitable<void> stop(Way& self) {
    co_await self.away.stop();
    gateway::Upstreams* const upstreams = self.upstreams;
    if (upstreams != nullptr) co_await upstreams->stop();
    co_await self.home.stop();
    co_await self.courier.stop();
    self.files.join();
  }
};

struct Got {
  std::uint16_t status = 0;
  Fields fields;
  std::string body;
};

Awaitable<Got> ask(Way& way, std::string method, std::string target, Fields more = {}, std::string content = {}) {
  Request request;
  request.head = {std::move(method), std::move(target), std::move(more)};
  request.head.fields.add("Host", "web.localhost:8711");
  request.head.fields.add("owndir-app", "web");
  request.head.fields.add("owndir-origin", "http://web.localhost:8711");
  if (!content.empty()) {
    request.head.fields.add("Content-Length", std::to_string(content.size()));
    request.body = exchange::make_body(std::move(content));
  }
  auto response = co_await way.away.uplink().handle(std::move(request));
  Got got;
  if (!response) co_return got;
  got.status = response->head.status;
  got.fields = response->head.fields;
  const auto body = co_await exchange::read_all(std::move(response->body), 64 << 20);
  got.body = body ? *body : body.error().to_string();
  co_return got;
}

Awaitable<void> asks(Way& way) {
  const Got plain = co_await ask(way, "GET", "/a?b");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.body, "GET /a?b for web.localhost:8711 cookie ");
  std::string content(3 << 20, 'x');
  const Got posted = co_await ask(way, "POST", "/form", {}, std::move(content));
  EXPECT_EQ(posted.body, "POST /form for web.localhost:8711 cookie  body 3145728 xxxxx");
  const Got login = co_await ask(way, "GET", "/login");
  EXPECT_EQ(login.status, 303);
  EXPECT_EQ(login.fields.get("Location"), "http://web.localhost:8711/inside");
  std::string cookies;
  for (const auto& field : login.fields)
    if (exchange::iequals(field.name, "Set-Cookie")) cookies += field.value + "|";
  EXPECT_EQ(cookies, "session=1; Path=/; HttpOnly|theme=dark|");
  Fields with_cookie = {{"Cookie", "session=1"}};
  const Got inside = co_await ask(way, "GET", "/inside", std::move(with_cookie));
  EXPECT_EQ(inside.body, "GET /inside for web.localhost:8711 cookie session=1");
  const Got events = co_await ask(way, "GET", "/events");
  EXPECT_TRUE(events.body.starts_with("data: 0\n\ndata: 1\n\n"));
  EXPECT_TRUE(events.body.ends_with("data: 999\n\n"));
}

/// Says a few things, keeps what comes back.
class Talk final : public exchange::WebSocket {
 public:
  explicit Talk(const asio::any_io_executor& executor) : changed_(executor) {}
  Awaitable<Result<std::optional<SocketMessage>>> receive() override {
    // One at a time, so that the answers tell the order.
    while (said_ > got.size() && closed.empty()) {
      const bool woken = co_await changed_.wait();
      if (!woken) co_return fail(Errc::cancelled, "");
    }
    if (!closed.empty() || said_ == to_say.size()) co_return std::optional<SocketMessage>();
    co_return std::optional<SocketMessage>(to_say[said_++]);
  }
  Awaitable<Result<void>> send(SocketMessage message) override {
    got.push_back(std::move(message));
    changed_.notify();
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    if (closed.empty()) closed = std::to_string(code) + " " + reason;
    changed_.notify();
    co_return;
  }
  std::uint16_t close_code() const override { return 1000; }
  std::string close_reason() const override { return {}; }

  std::vector<SocketMessage> to_say, got;
  std::string closed;

 private:
  Notifier changed_;
  std::size_t said_ = 0;
};

Awaitable<void> talks(Way& way) {
  Request request;
  request.head = {"GET",
                  "/socket",
                  {{"Host", "web.localhost:8711"},
                   {"Origin", "http://web.localhost:8711"},
                   {"Sec-WebSocket-Protocol", "other, echo"},
                   {"owndir-app", "web"},
                   {"owndir-origin", "http://web.localhost:8711"}}};
  Request foreign = Request{request.head, nullptr};
  foreign.head.fields.set("Origin", "http://evil.example");
  auto refused = co_await way.away.uplink().open_socket(std::move(foreign));
  const auto* response = refused ? std::get_if<Response>(&*refused) : nullptr;
  EXPECT_TRUE(response && response->head.status == 403) << "another page's origin is passed on as it is";

  auto answer = co_await way.away.uplink().open_socket(std::move(request));
  auto* accept = answer ? std::get_if<exchange::SocketAccept>(&*answer) : nullptr;
  if (accept == nullptr) {
    ADD_FAILURE() << "no socket";
    co_return;
  }
  EXPECT_EQ(accept->protocol, "echo");
  Talk talk(way.context.get_executor());
  for (const std::size_t size : {0U, 10U, 100'000U, 1U << 20})
    for (const bool text : {true, false}) talk.to_say.push_back({text, to_bytes(std::string(size, 'w'))});
  const std::vector<SocketMessage> said = talk.to_say;
  talk.to_say.push_back({true, to_bytes("close")});
  co_await accept->session->run(talk);
  EXPECT_EQ(talk.got, said);
  EXPECT_EQ(talk.closed, "4321 as you like");
}

/// Bytes of a TCP service: here the same app's port, asked by hand.
Awaitable<void> calls(Way& way) {
  Request request;
  request.head = {"GET", "/@/tcp", {{"Sec-WebSocket-Protocol", "owndir.tcp.v1"}, {"owndir-app", "raw"}}};
  auto answer = co_await way.away.uplink().open_socket(std::move(request));
  auto* accept = answer ? std::get_if<exchange::SocketAccept>(&*answer) : nullptr;
  if (accept == nullptr) {
    ADD_FAILURE() << "no socket";
    co_return;
  }
  EXPECT_EQ(accept->protocol, "owndir.tcp.v1");
  Talk talk(way.context.get_executor());
  talk.to_say.push_back({false, to_bytes("GET /by-hand HTTP/1.0\r\nHost: localhost:1\r\n\r\n")});
  co_await accept->session->run(talk);
  std::string text;
  for (const SocketMessage& message : talk.got) text += as_text(message.data);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("GET /by-hand for  cookie ")) << text;
}

Awaitable<void> uses_an_app(std::uint16_t port) {
  asio::io_context& context = static_cast<asio::io_context&>((co_await asio::this_coro::executor).context());
  Way way(context);
  co_await Way::start(way, port);
  co_await asks(way);
  co_await talks(way);
  co_await calls(way);
  co_await Way::stop(way);
}

TEST(ProxyConnect, UsesAnAppAtHomeThroughTwoHandshakeFiles) {
  App app;
  http::TestServer server(app);
  Loop loop;
  loop.run(uses_an_app(server.port()));
}

}  // namespace
}  // namespace owndir::test
