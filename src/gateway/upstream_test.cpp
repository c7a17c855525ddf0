#include "gateway/upstream.hpp"

#include <gmock/gmock.h>

#include <future>

#include "http/byte_socket.hpp"
#include "http/test_upstream.hpp"

namespace owndir::gateway {
namespace {

using exchange::Fields;
using http::NetworkThread;
using http::Peer;
using http::Reply;
using http::ScriptedServer;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_view_literals;

/// Answers by what it was asked: the head, as the body.
void echo_head(Peer& peer) {
  for (;;) {
    const std::string head = peer.read_head();
    if (head.empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nowndir-pass: files\r\nContent-Length: " + std::to_string(head.size()) + "\r\n\r\n" +
              (head.starts_with("HEAD") ? "" : head));
  }
}

/// What the other end of a socket did with it.
class FakeSocket final : public exchange::WebSocket {
 public:
  explicit FakeSocket(const asio::any_io_executor& executor) : changed_(executor) {}
  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    if (next_ == to_send.size()) {
      while (closed.empty()) {
        const bool woken = co_await changed_.wait();
        if (!woken) break;
      }
      co_return std::optional<exchange::SocketMessage>();
    }
    co_return std::optional<exchange::SocketMessage>({false, to_bytes(to_send[next_++])});
  }
  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    got += as_text(message.data);
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    if (closed.empty()) closed = std::to_string(code) + " " + reason;
    changed_.notify();
    co_return;
  }
  std::uint16_t close_code() const override { return 1000; }
  std::string close_reason() const override { return {}; }

  std::vector<std::string> to_send;
  std::string got, closed;

 private:
  Notifier changed_;
  std::size_t next_ = 0;
};

class UpstreamsTest : public ::testing::Test {
 protected:
  ~UpstreamsTest() override {
    if (handler_) network_.run(stop(*this));
  }
  void offer(const std::string& text) {
    auto app = parse_upstream(text);
    ASSERT_TRUE(app) << app.error().context;
    options_.apps.push_back(std::move(*app));
  }
  void offer(const std::string& name, const ScriptedServer& server, const std::string& scheme = "http") {
    offer(name + "=" + scheme + "://localhost:" + std::to_string(server.port()));
  }
  Reply ask(std::string target, Fields fields = {}, std::string method = "GET") {
    Reply reply;
    network_.run(run(handler(), {std::move(method), std::move(target), std::move(fields)}, reply));
    return reply;
  }
  /// "STATUS BODY" of what answered instead of a WebSocket, or the chosen protocol after the session on `socket`.
  std::string open(std::string target, Fields fields, FakeSocket& socket) {
    std::string outcome;
    network_.run(run_socket(handler(), {"GET", std::move(target), std::move(fields)}, socket, outcome));
    return outcome;
  }
  Upstreams& handler() {
    options_.name = "My <folder>";
    if (!handler_) handler_ = Upstreams::create(network_.executor(), options_);
    return *handler_;
  }

  UpstreamsOptions options_;
  NetworkThread network_;

 private:
  static Awaitable<void> stop(UpstreamsTest& self) { co_await self.handler_->stop(); }
  static Awaitable<void> run(Upstreams& handler, exchange::RequestHead head, Reply& reply) {
    exchange::Request request;
    const std::string method = head.method;
    request.head = std::move(head);
    auto response = co_await handler.handle(std::move(request));
    EXPECT_TRUE(!response || !response->body || !exchange::is_bodiless(method, response->head.status));
    co_await http::read_reply(reply, std::move(response));
  }
  static Awaitable<void> run_socket(Upstreams& handler, exchange::RequestHead head, FakeSocket& socket,
                                    std::string& outcome) {
    exchange::Request request;
    request.head = std::move(head);
    auto answer = co_await handler.open_socket(std::move(request));
    if (!answer) {
      outcome = answer.error().to_string();
    } else if (auto* response = std::get_if<exchange::Response>(&*answer)) {
      const std::uint16_t status = response->head.status;
      const auto body = co_await exchange::read_all(std::move(response->body), 1 << 20);
      outcome = std::to_string(status) + " " + *body;
    } else {
      auto& accept = std::get<exchange::SocketAccept>(*answer);
      outcome = accept.protocol;
      co_await accept.session->run(socket);
    }
  }
  std::unique_ptr<Upstreams> handler_;
};

const Fields kWeb = {{"owndir-app", "web"}};

TEST_F(UpstreamsTest, EveryPathOfANamedAppIsTheApps) {
  ScriptedServer server(echo_head);
  offer("web", server);
  for (const char* target : {"/", "/@/info", "/@/apps", "/@/tcp", "/a%2Fb?c", "/../x", "//y", "/.owndir/.dist/z"})
    EXPECT_THAT(ask(target, kWeb).body, ::testing::StartsWith("GET " + std::string(target) + " HTTP/1.1\r\n"));
}

TEST_F(UpstreamsTest, WithoutANameTheOnlyWebAppGetsWhatIsNotOurs) {
  ScriptedServer server(echo_head);
  offer("web", server);
  offer("ssh=tcp://127.0.0.1:22");
  EXPECT_THAT(ask("/@/else").body, HasSubstr("GET /@/else "));
  const Reply info = ask("/@/info?x");
  EXPECT_EQ(info.field("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(info.body, "{\"name\":\"My <folder>\",\"version\":\"" OWNDIR_VERSION
                       "\",\"apps\":[{\"name\":\"web\",\"title\":\"web\",\"kind\":\"http\",\"transparent\":false},"
                       "{\"name\":\"ssh\",\"title\":\"ssh\",\"kind\":\"tcp\",\"transparent\":false}]}\n");
  EXPECT_EQ(ask("/@/info", {}, "POST").status, 405);
  EXPECT_EQ(ask("/@/info", {}, "HEAD").body, "");
}

TEST_F(UpstreamsTest, WithoutANameAPersonChoosesAmongSeveral) {
  ScriptedServer server(echo_head);
  offer("web", server);
  offer("other", server);
  offer("ssh=tcp://127.0.0.1:22");
  const Reply redirect = ask("/x");
  EXPECT_EQ(redirect.status, 303);
  EXPECT_EQ(redirect.field("Location"), "/@/apps");
  const Reply page = ask("/@/apps", {{"Host", "127.0.0.1:8711"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("<bdi>My &lt;folder&gt;</bdi>"));
  EXPECT_THAT(page.body, HasSubstr("href=\"http://other.localhost:8711/\""));
  EXPECT_THAT(page.body, HasSubstr("owndir connect DIR --tcp ssh"));
  const Fields guarded = {{"Host", "127.0.0.1:8711"}, {"owndir-origin", "http://127.0.0.1:8711"}};
  EXPECT_THAT(ask("/@/apps", guarded).body, HasSubstr("href=\"/@/app/other\""));
  EXPECT_THAT(page.field("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(ask("/@/apps", {{"Host", "\"><script>"}}).body, Not(HasSubstr("<script>")));
  EXPECT_EQ(server.connections(), 0U);
}

TEST_F(UpstreamsTest, NamesTheAppsThereAreForAnUnknownOne) {
  offer("web=http://127.0.0.1:1");
  const Reply text = ask("/", {{"owndir-app", "<b>"}});
  EXPECT_EQ(text.status, 404);
  EXPECT_EQ(text.body, "There is no app \"<b>\" behind this folder. There is: web.\n");
  const Reply page = ask("/", {{"owndir-app", "<b>"}, {"Accept", "text/html"}});
  EXPECT_EQ(page.status, 404);
  EXPECT_THAT(page.body, HasSubstr("&lt;b&gt;"));
  EXPECT_THAT(page.body, Not(HasSubstr("<b>")));
}

TEST_F(UpstreamsTest, TheUpstreamSeesItselfAskedAndNothingOfOurs) {
  ScriptedServer server(echo_head);
  offer("web", server);
  const std::string self = "localhost:" + std::to_string(server.port());
  const Reply reply = ask("/", {{"Host", "web.localhost:8711"},
                                {"owndir-app", "web"},
                                {"owndir-origin", "http://web.localhost:8711"},
                                {"Origin", "http://web.localhost:8711"},
                                {"Cookie", "a=b"}});
  EXPECT_THAT(reply.body, HasSubstr("Host: " + self + "\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("Origin: http://" + self + "\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("Cookie: a=b\r\n"));
  EXPECT_THAT(reply.body, Not(HasSubstr("owndir")));
  EXPECT_EQ(reply.field("owndir-pass"), "") << "what the upstream says for us is dropped";
}

TEST_F(UpstreamsTest, AConnectionFieldTakesNothingAwayThatIsAdded) {
  ScriptedServer server(echo_head);
  offer("web", server);
  Fields fields = kWeb;
  fields.add("Connection", "X-Forwarded-For, Forwarded, Host");
  const std::string head = ask("/", fields).body;
  EXPECT_THAT(head, HasSubstr("X-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_THAT(head, HasSubstr("Forwarded: for=192.0.2.1"));
  EXPECT_THAT(head, HasSubstr("Host: localhost:"));
}

TEST_F(UpstreamsTest, TransparentlyAnAnswerThatIsNoneBreaksInsteadOfBecomingAPage) {
  ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"sv);
  });
  offer("web", server);
  options_.transparent = true;
  const Reply reply = ask("/", kWeb);
  ASSERT_TRUE(reply.fault);
  EXPECT_TRUE(reply.fault->is(Errc::protocol));
  EXPECT_EQ(reply.field("Content-Length"), "1");
  EXPECT_EQ(reply.body, "");
}

TEST_F(UpstreamsTest, TransparentlyNothingIsRewritten) {
  ScriptedServer server([](Peer& peer) {
    const std::string head = peer.read_head();
    peer.send("HTTP/1.1 302 Found\r\nLocation: http://localhost/x\r\nSet-Cookie: a=b; Domain=c.d\r\nContent-Length: " +
              std::to_string(head.size()) + "\r\n\r\n" + head);
  });
  offer("web", server);
  options_.transparent = true;
  const Reply reply = ask("/", {{"Host", "web-platform.test:8000"},
                                {"owndir-app", "web"},
                                {"owndir-origin", "http://a"},
                                {"Origin", "http://www.web-platform.test:8000"},
                                {"X-Forwarded-For", "1.2.3.4"}});
  EXPECT_EQ(reply.body,
            "GET / HTTP/1.1\r\nHost: web-platform.test:8000\r\nOrigin: http://www.web-platform.test:8000\r\n"
            "X-Forwarded-For: 1.2.3.4\r\n\r\n");
  EXPECT_EQ(reply.field("Location"), "http://localhost/x");
  EXPECT_EQ(reply.field("Set-Cookie"), "a=b; Domain=c.d");
}

TEST_F(UpstreamsTest, SaysWhichAppDoesNotAnswerAndWhatToCheck) {
  std::uint16_t port = 0;
  {
    ScriptedServer gone([](Peer&) {});
    port = gone.port();
  }
  ScriptedServer hangs([](Peer& peer) { peer.read_to_end(); });
  ScriptedServer speaks_ssh([](Peer& peer) {
    peer.read_head();
    peer.send("SSH-2.0-x\r\n\r\n");
  });
  options_.limits.head_wait = std::chrono::milliseconds(20);
  offer("gone=http://127.0.0.1:" + std::to_string(port));
  offer("hangs", hangs);
  offer("ssh", speaks_ssh);
  offer("cloud=http://169.254.169.254");
  const Reply gone = ask("/", {{"owndir-app", "gone"}, {"Accept", "text/html"}});
  EXPECT_EQ(gone.status, 502);
  EXPECT_THAT(gone.body, HasSubstr("&quot;gone&quot; (http://127.0.0.1:" + std::to_string(port) + ")"));
  EXPECT_THAT(gone.body, HasSubstr("check that the app runs"));
  const Reply late = ask("/", {{"owndir-app", "hangs"}});
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("did not answer in time"));
  const Reply odd = ask("/", {{"owndir-app", "ssh"}});
  EXPECT_EQ(odd.status, 502);
  EXPECT_THAT(odd.body, HasSubstr("cannot be passed on"));
  const Reply refused = ask("/", {{"owndir-app", "cloud"}});
  EXPECT_EQ(refused.status, 502);
  EXPECT_THAT(refused.body, HasSubstr("is not asked"));
}

TEST_F(UpstreamsTest, ABodyThatBreaksIsNeverAShortAnswer) {
  ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  offer("web", server);
  const Reply reply = ask("/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.fault);
}

TEST_F(UpstreamsTest, FollowsNoRedirect) {
  ScriptedServer inner(echo_head);
  ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:" + std::to_string(inner.port()) +
              "/\r\nContent-Length: 0\r\n\r\n");
  });
  offer("web", server);
  const Reply reply = ask("/");
  EXPECT_EQ(reply.status, 307);
  EXPECT_EQ(reply.field("Location"), "http://127.0.0.1:" + std::to_string(inner.port()) + "/");
  EXPECT_EQ(inner.connections(), 0U);
}

TEST_F(UpstreamsTest, CarriesTheBytesOfATcpServiceWithTheEndOfEachDirection) {
  ScriptedServer server([](Peer& peer) {
    peer.send("SSH-2.0-test\r\n");
    const std::string got = peer.read_to_end();
    peer.send("got " + got);
  });
  offer("ssh", server, "tcp");
  FakeSocket socket(network_.executor());
  socket.to_send = {"hel", "lo", ""};
  const Fields fields = {{"owndir-app", "ssh"}, {"Sec-WebSocket-Protocol", "owndir.tcp.v1"}};
  EXPECT_EQ(open("/@/tcp", fields, socket), "owndir.tcp.v1");
  EXPECT_EQ(socket.got, "SSH-2.0-test\r\ngot hello");
  EXPECT_THAT(socket.closed, HasSubstr("1000"));
}

TEST_F(UpstreamsTest, ATcpServiceThatTakesNoConnectionClosesWithTheReason) {
  offer("cloud=tcp://169.254.169.254:22");
  FakeSocket socket(network_.executor());
  open("/@/tcp", {{"owndir-app", "cloud"}, {"Sec-WebSocket-Protocol", "owndir.tcp.v1"}}, socket);
  EXPECT_THAT(socket.closed, HasSubstr("1011 The app \"cloud\" (tcp://169.254.169.254:22) is not asked"));
}

TEST_F(UpstreamsTest, ATcpServiceIsNoWebAppAndAWebAppNoTcpService) {
  ScriptedServer server([](Peer& peer) {
    const std::string head = peer.read_head();
    peer.send("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
  });
  offer("web", server);
  offer("ssh=tcp://127.0.0.1:22");
  EXPECT_EQ(ask("/", {{"owndir-app", "ssh"}}).status, 404);
  FakeSocket socket(network_.executor());
  EXPECT_THAT(open("/@/tcp", {{"owndir-app", "ssh"}}, socket), HasSubstr("404 "));
  EXPECT_THAT(open("/x", {{"owndir-app", "ssh"}, {"Sec-WebSocket-Protocol", "owndir.tcp.v1"}}, socket),
              HasSubstr("404 "));
  EXPECT_EQ(open("/@/tcp", {{"owndir-app", "web"}, {"Sec-WebSocket-Protocol", "owndir.tcp.v1"}}, socket), "400 ");
  EXPECT_THAT(open("/@/tcp", {{"owndir-app", "none"}, {"Sec-WebSocket-Protocol", "owndir.tcp.v1"}}, socket),
              HasSubstr("There is: web, ssh."));
}

}  // namespace
}  // namespace owndir::gateway
