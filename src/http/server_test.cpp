#include "http/server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "http/test_client.hpp"

namespace owndir::http {
namespace {

using exchange::Body;
using exchange::Request;
using exchange::Response;
using namespace std::chrono_literals;

/// `pieces` times "piece\n", then the end, or an error.
class PieceBody final : public exchange::BodySource {
 public:
  PieceBody(int pieces, bool breaks, std::size_t size = 6) : left_(pieces), breaks_(breaks), size_(size) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    if (left_-- > 0) co_return Bytes(std::min(size_, limit), std::byte{'x'});
    if (breaks_) co_return fail(Errc::closed, "the source went away");
    co_return Bytes();
  }

 private:
  int left_;
  bool breaks_;
  std::size_t size_;
};

/// Waits for ever; counts how many wait.
class Forever final : public exchange::BodySource {
 public:
  explicit Forever(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~Forever() override { --alive_; }
  Awaitable<Result<Bytes>> read(std::size_t) override {
    co_await sleep_for(1h);
    co_return Bytes();
  }

 private:
  std::atomic<int>& alive_;
};

class Scripted final : public exchange::Handler {
 public:
  std::atomic<int> waiting{0};
  std::atomic<int> ended{0};
  std::promise<void> begun;
  std::promise<void> gone;

  Awaitable<Result<Response>> handle(Request request) override {
    const std::string target = request.head.target;
    if (target == "/echo") co_return co_await echo(std::move(request));
    if (target == "/wait") co_return co_await wait(std::move(request));
    if (target == "/error") co_return fail(Errc::closed, "peer");
    if (target == "/throw") throw std::runtime_error("a bug");
    Response response;
    response.head.reason = "OK";
    if (target == "/stream") response.body = std::make_unique<PieceBody>(3, false);
    if (target == "/broken") response.body = std::make_unique<PieceBody>(3, true);
    if (target == "/big") response.body = std::make_unique<PieceBody>(1 << 20, false, 65536);
    if (target == "/forever") response.body = std::make_unique<Forever>(waiting);
    if (target == "/short") {
      response.head.fields.add("Content-Length", "100");
      response.body = std::make_unique<PieceBody>(3, false);
    }
    if (target == "/long") {
      response.head.fields.add("Content-Length", "7");
      response.body = std::make_unique<PieceBody>(3, false);
    }
    if (target == "/heads") {
      std::string text = request.head.method + " " + std::to_string(static_cast<int>(request.origin));
      for (const auto& field : request.head.fields) text += "|" + field.name + "=" + field.value;
      response.body = exchange::make_body(text);
    }
    if (target == "/later") response.body = std::move(request.body);
    if (target == "/bad") response.head.fields.add("A", "b\r\nC: d");
    co_return response;
  }

 private:
  struct Sentinel {
    Scripted& self;
    ~Sentinel() {
      if (++self.ended == 1) self.gone.set_value();
    }
  };

  Awaitable<Result<Response>> echo(Request request) {
    const auto body = co_await exchange::read_all(std::move(request.body), 1 << 20);
    if (!body) co_return fail(body.error());
    co_return exchange::text_response(200, *body);
  }
  Awaitable<Result<Response>> wait(Request) {
    const Sentinel sentinel{*this};
    begun.set_value();
    co_await sleep_for(1h);
    co_return Response();
  }
};

std::string get(std::string_view target, std::string_view more = "Connection: close\r\n") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

class HttpServer : public ::testing::Test {
 protected:
  std::string ask(std::string_view bytes) {
    TestServer server(handler);
    RawClient client(server.port());
    client.send(bytes);
    return client.read_to_end();
  }
  Scripted handler;
};

TEST_F(HttpServer, PassesHeadsThroughByteExactly) {
  const std::string response =
      ask("GET /heads HTTP/1.1\r\nhOst: a\r\nB: 1\r\nA: \xe4\r\nb: 2\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response.substr(0, 17), "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(body_of(response), "GET 0|hOst=a|B=1|A=\xe4|b=2");
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  const std::string response = ask(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\noneGET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
  const std::size_t one = response.find("\r\n\r\none");
  const std::size_t chunks = response.find("6\r\nxxxxxx\r\n6\r\nxxxxxx\r\n6\r\nxxxxxx\r\n0\r\n\r\n");
  const std::size_t two = response.find("\r\n\r\ntwo");
  ASSERT_NE(two, std::string::npos) << response;
  EXPECT_LT(one, chunks);
  EXPECT_LT(chunks, two);
}

TEST_F(HttpServer, EndsAStreamForHttp10ByClosing) {
  const std::string response = ask("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(response.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(body_of(response), "xxxxxxxxxxxxxxxxxx");
}

TEST_F(HttpServer, AsksForABodyOnlyWhenItIsRead) {
  TestServer server(handler);
  RawClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(body_of(client.read_to_end()), "hello");
}

TEST_F(HttpServer, GivesAFinalAnswerInsteadOf100WhenNobodyWantsTheBody) {
  const std::string response =
      ask("POST /heads HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(response.find("100 Continue"), std::string::npos);
  EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos) << response;
  EXPECT_EQ(response.find("Expect"), std::string::npos);
}

TEST_F(HttpServer, SkipsAnUnreadBodyThatIsAlreadyHere) {
  const std::string response = ask(
      "POST /heads HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\nGET /smuggled HTTP/1.1" + get("/heads").substr(0));
  EXPECT_EQ(response.find("smuggled"), std::string::npos);
}

TEST_F(HttpServer, StreamsARequestBodyBackWhileItArrives) {
  TestServer server(handler);
  RawClient client(server.port());
  client.send("POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  EXPECT_NE(client.read_until("3\r\none\r\n").find("3\r\none\r\n"), std::string::npos);
  client.send("3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_to_end(), "3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(HttpServer, AnswersFaultsWithOneSentence) {
  EXPECT_NE(ask("GET / HTTP/1.1\r\n\r\n").find("The request has no Host field."), std::string::npos);
  EXPECT_NE(ask(get("/error")).find("502"), std::string::npos);
  EXPECT_NE(ask(get("/throw")).find("500"), std::string::npos);
  EXPECT_NE(ask(get("/bad")).find("502"), std::string::npos);
  EXPECT_NE(ask(get("/ws",
                    "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
                .find("501"),
            std::string::npos);
}

TEST_F(HttpServer, NeverEndsAResponseCleanlyThatIsNotWhole) {
  for (const char* target : {"/broken", "/short", "/long"}) {
    for (const char* version : {"1.0", "1.1"}) {
      TestServer server(handler);
      RawClient client(server.port());
      client.send("GET " + std::string(target) + " HTTP/" + version + "\r\nHost: a\r\n\r\n");
      const std::string response = client.read_to_end();
      EXPECT_TRUE(client.was_reset()) << target << " " << version;
      EXPECT_EQ(response.find("\n0\r\n\r\n"), std::string::npos) << target;
    }
  }
}

TEST_F(HttpServer, SendsNoBodyForHead) {
  const std::string response = ask("HEAD /heads HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(response.ends_with("\r\n\r\n")) << response;
}

TEST_F(HttpServer, CancelsTheHandlerWhenTheClientGoes) {
  ServerLimits limits;
  limits.half_close_wait = 1ms;
  TestServer server(handler, limits);
  RawClient client(server.port());
  client.send(get("/wait"));
  handler.begun.get_future().wait();
  client.close();
  EXPECT_EQ(handler.gone.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(HttpServer, EndsAStreamWhoseReaderIsGone) {
  ServerLimits limits;
  limits.half_close_wait = 1ms;
  TestServer server(handler, limits);
  RawClient client(server.port());
  client.send(get("/forever"));
  client.read_until("\r\n\r\n");
  EXPECT_EQ(handler.waiting, 1);
  client.half_close();
  client.read_to_end();
  EXPECT_TRUE(client.was_reset());
  server.stop();
  EXPECT_EQ(handler.waiting, 0);
}

TEST_F(HttpServer, StillAnswersAClientThatHalfCloses) {
  TestServer server(handler);
  RawClient client(server.port());
  client.send(get("/heads"));
  client.half_close();
  EXPECT_NE(client.read_to_end().find("200 OK"), std::string::npos);
}

TEST_F(HttpServer, TellsTheHandlerWhenARequestBodyBreaksOff) {
  ServerLimits limits;
  limits.half_close_wait = 5000ms;
  TestServer server(handler, limits);
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nonly a part");
  client.half_close();
  const std::string response = client.read_to_end();
  EXPECT_NE(response.find("502"), std::string::npos) << response;
  EXPECT_NE(response.find("went away in the middle"), std::string::npos) << response;
}

TEST_F(HttpServer, CutsOffWhoeverIsTooSlow) {
  ServerLimits limits;
  limits.head_wait = 30ms;
  limits.idle_wait = 30ms;
  limits.body_wait = 30ms;
  TestServer server(handler, limits);
  RawClient idle(server.port());
  EXPECT_EQ(idle.read_to_end(), "");
  RawClient loris(server.port());
  loris.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_NE(loris.read_to_end().find("408"), std::string::npos);
  RawClient half(server.port());
  half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nonly a part");
  EXPECT_EQ(half.read_to_end().find("200"), std::string::npos);
}

TEST_F(HttpServer, CutsOffAReaderThatTakesNothing) {
  ServerLimits limits;
  limits.write_wait = 50ms;
  TestServer server(handler, limits);
  RawClient client(server.port(), 4096);
  client.send(get("/big"));
  // Not a byte is read until the server has given up, which a second connection cannot be held up by.
  RawClient other(server.port());
  other.send(get("/heads"));
  EXPECT_NE(other.read_to_end().find("200 OK"), std::string::npos);
  for (pollfd state{client.descriptor(), 0, 0}; (state.revents & (POLLERR | POLLHUP)) == 0;)
    ASSERT_EQ(::poll(&state, 1, 10'000), 1);
  client.read_to_end();
  EXPECT_TRUE(client.was_reset());
}

TEST_F(HttpServer, TurnsAwayWhatIsBeyondItsConnections) {
  ServerLimits limits;
  limits.connections = 1;
  TestServer server(handler, limits);
  RawClient first(server.port());
  first.send(get("/heads", ""));
  first.read_until("\r\n\r\n");
  RawClient second(server.port());
  EXPECT_NE(second.read_to_end().find("503"), std::string::npos);
}

TEST_F(HttpServer, StopsWithNothingLeftRunning) {
  TestServer server(handler);
  RawClient waiting(server.port());
  waiting.send(get("/wait"));
  handler.begun.get_future().wait();
  RawClient streaming(server.port());
  streaming.send("GET /forever HTTP/1.0\r\n\r\n");
  streaming.read_until("\r\n\r\n");
  RawClient idle(server.port());
  server.stop();
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(handler.waiting, 0);
  streaming.read_to_end();
  EXPECT_TRUE(streaming.was_reset());  // an end by closing would look like the whole
}

TEST(HttpServerListen, SaysWhereItCouldNotListen) {
  Scripted handler;
  TestServer first(handler);
  asio::io_context io;
  ServerOptions options;
  options.port = first.port();
  const auto taken = Server::listen(io.get_executor(), options, handler);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, std::errc::address_in_use);
  EXPECT_NE(taken.error().context.find(std::to_string(first.port())), std::string::npos);
  options.address = "home";
  const auto named = Server::listen(io.get_executor(), options, handler);
  ASSERT_FALSE(named.has_value());
  EXPECT_TRUE(named.error().is(Errc::malformed));
}

}  // namespace
}  // namespace owndir::http
