#include "http/client.hpp"

#include <gmock/gmock.h>

#include <future>

#include "http/test_upstream.hpp"

namespace owndir::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Answers each request without a body by the same bytes.
std::function<void(Peer&)> always(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    while (!peer.read_head().empty()) peer.send(answer);
  };
}

TEST(Client, SendsFieldsAsTheyAreButNoneOfThisHop) {
  std::promise<std::string> got;
  ScriptedServer server([&](Peer& peer) {
    got.set_value(peer.read_head());
    peer.send(kHello);
  });
  TestAsker asker(server.address());
  const Reply reply = asker.ask("GET", "/a%20b?q=%zz",
                                {{"X-One", "1"},
                                 {"x-ONE", "2"},
                                 {"Connection", "keep-alive, X-Secret"},
                                 {"X-Secret", "s"},
                                 {"Transfer-Encoding", "chunked"},
                                 {"Content-Length", "7"},
                                 {"TE", "trailers"},
                                 {"Upgrade", "h2c"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(within(got), "GET /a%20b?q=%zz HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                             "\r\nX-One: 1\r\nx-ONE: 2\r\nContent-Length: 0\r\n\r\n");
}

TEST(Client, RefusesARequestThatWouldBecomeTwo) {
  ScriptedServer server(always(kHello));
  TestAsker asker(server.address());
  const exchange::RequestHead hostile[] = {{"GET", "/ HTTP/1.1\r\nX: y", {}},
                                           {"GET", "http://other/", {}},
                                           {"GET /", "/", {}},
                                           {"GET", "/", {{"X", "a\r\nHost: b"}}},
                                           {"GET", "/", {{"X: y\r\nZ", "a"}}},
                                           {"GET", "/", {{"Host", "a"}, {"host", "b"}}},
                                           {"CONNECT", "/", {}}};
  for (const auto& head : hostile) {
    const Reply reply = asker.ask(head.method, head.target, head.fields);
    ASSERT_TRUE(reply.fault && reply.status == 0);
    EXPECT_TRUE(reply.fault->is(Errc::malformed));
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Client, SendsABodyByItsLengthOrInChunks) {
  ScriptedServer server([](Peer& peer) {
    const std::string head = peer.read_head();
    const bool chunked = head.find("Transfer-Encoding: chunked") != head.npos;
    const std::string body = chunked ? peer.read_until("0\r\n\r\n") : peer.read_bytes(5);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  TestAsker asker(server.address());
  EXPECT_EQ(asker.ask("POST", "/", {{"Content-Length", "5"}}, exchange::make_body("hello")).body, "hello");
  auto pieces = std::make_unique<PiecesBody>(std::vector<std::string>{"hel", "lo"});
  EXPECT_EQ(asker.ask("POST", "/", {}, std::move(pieces)).body, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
}

TEST(Client, ABodyThatIsNotAsLongAsPromisedOrBreaksNeverArrivesWhole) {
  std::promise<std::string> got[3];
  ScriptedServer server([&](Peer& peer) { got[peer.number].set_value(peer.read_to_end()); });
  TestAsker asker(server.address());
  const Error broke{make_error_code(Errc::closed), "gone"};
  EXPECT_TRUE(asker.ask("POST", "/", {{"Content-Length", "9"}}, exchange::make_body("short")).fault);
  EXPECT_TRUE(asker.ask("POST", "/", {{"Content-Length", "2"}}, exchange::make_body("GET /smuggled")).fault);
  auto cut = std::make_unique<PiecesBody>(std::vector<std::string>{"half"}, broke);
  EXPECT_TRUE(asker.ask("POST", "/", {}, std::move(cut)).fault);
  EXPECT_THAT(within(got[0]), Not(HasSubstr("\r\n\r\nshort....")));
  EXPECT_THAT(within(got[1]), Not(HasSubstr("smuggled")));
  EXPECT_THAT(within(got[2]), Not(HasSubstr("0\r\n\r\n")));
}

TEST(Client, KeepsAConnectionForTheNextRequest) {
  ScriptedServer server(always(kHello));
  TestAsker asker(server.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(asker.get().body, "hello");
  EXPECT_EQ(asker.ask("DELETE", "/", {{"Content-Length", "0"}}).status, 200);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Client, DoesNotKeepAConnectionThatIsNotToBeKept) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
                             "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\nforged"}) {
    ScriptedServer server(always(answer));
    TestAsker asker(server.address());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(asker.get().body, "hello") << answer;
    EXPECT_EQ(server.connections(), 3U) << answer;
  }
}

TEST(Client, TakesTheAnswersThatBrowsersTakeAndKeepsNoConnectionAfterThem) {
  ClientLimits limits;
  limits.head.as_browsers = true;
  const struct {
    const char* answer;
    const char* body;
  } cases[] = {{"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"},
               {"HTTP/1.1 699 ODD\r\nContent-Length: 5\r\nno field\r\n\r\nhello", "hello"},
               {"HTTP/1.1 200 OK\nX: cut\n", ""}};
  for (const auto& [answer, body] : cases) {
    std::atomic<int> answered = 0;
    ScriptedServer server([&](Peer& peer) {
      peer.read_head();
      peer.send(answer);
      ++answered;
    });
    TestAsker asker(server.address(), limits);
    for (int i = 1; i <= 2; ++i) {
      const Reply reply = asker.get();
      EXPECT_FALSE(reply.fault) << answer;
      EXPECT_EQ(reply.body, body) << answer;
      EXPECT_EQ(answered, i) << answer;
    }
    EXPECT_EQ(server.connections(), 2U) << answer;
    TestAsker strict(server.address());
    const Reply refused = strict.get();
    EXPECT_TRUE(refused.fault || refused.status == 699) << answer;
  }
}

TEST(Client, MakesAReadOnceMoreWhenAKeptConnectionFails) {
  // The first request of each connection is answered, the second one's connection ends.
  ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send(kHello);
    peer.read_head();
  });
  TestAsker asker(server.address());
  EXPECT_EQ(asker.get().body, "hello");
  EXPECT_EQ(asker.get().body, "hello");
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Client, MakesNothingTwiceOnFreshConnections) {
  ScriptedServer server([&](Peer& peer) { peer.read_head(); });
  TestAsker asker(server.address());
  for (std::size_t i = 1; i < 4; ++i) {
    const Reply failed = asker.ask(i < 3 ? "GET" : "POST", "/");
    ASSERT_TRUE(failed.fault && failed.fault->is(Errc::closed));
    EXPECT_EQ(server.connections(), i);
  }
}

TEST(Client, ARequestThatCannotBeRepeatedTakesNoKeptConnection) {
  ScriptedServer server(always(kHello));
  TestAsker asker(server.address());
  EXPECT_EQ(asker.get().status, 200);
  EXPECT_EQ(asker.ask("POST", "/").status, 200);
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(asker.get().status, 200);
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Client, ClosesWhatIsIdleForTooLong) {
  std::promise<void> ended;
  ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send(kHello);
    peer.read_to_end();
    ended.set_value();
  });
  ClientLimits limits;
  limits.idle_wait = 10ms;
  TestAsker asker(server.address(), limits);
  EXPECT_EQ(asker.get().body, "hello");
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST(Client, NothingThatAHostileServerSaysBecomesAWholeAnswer) {
  const std::string many(70'000, 'x');
  std::string fields;
  for (int i = 0; i < 300; ++i) fields += "A: b\r\n";
  const struct {
    std::string answer;
    Errc code;
  } cases[] = {
      {"", Errc::closed},
      {"HTTP/1.1 200 OK\r\nContent-", Errc::closed},
      {"HTTP/1.1 200 OK\r\nX: " + many + "\r\n\r\n", Errc::too_large},
      {many, Errc::too_large},
      {"HTTP/1.1 200 OK\r\n" + fields + "\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", Errc::closed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Errc::closed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Errc::closed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello", Errc::protocol},
      {"HTTP/1.1 200 OK\r\nX: a\x01\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 999999 OK\r\n\r\n", Errc::protocol},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", Errc::protocol},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", Errc::protocol},
  };
  for (const auto& [answer, code] : cases) {
    ScriptedServer server([&](Peer& peer) {
      peer.read_head();
      peer.send(answer);
    });
    TestAsker asker(server.address());
    const Reply reply = asker.get();
    ASSERT_TRUE(reply.fault) << answer.substr(0, 80);
    EXPECT_TRUE(reply.fault->is(code)) << answer.substr(0, 80) << ": " << reply.fault->to_string();
  }
}

TEST(Client, AResetIsNeverTheEndOfABody) {
  for (const char* head : {"HTTP/1.1 200 OK\r\n\r\nuntil", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nuntil",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nuntil\r\n"}) {
    std::promise<void> seen;
    ScriptedServer server([&](Peer& peer) {
      peer.read_head();
      peer.send(head);
      seen.get_future().wait_for(10s);
      peer.reset();
    });
    TestAsker asker(server.address());
    Reply reply;
    struct Steps {
      static Awaitable<void> run(Client& client, Reply& into, std::promise<void>& read) {
        exchange::Request request;
        request.head = {"GET", "/", {}};
        auto response = co_await client.send(std::move(request));
        const Result<Bytes> first = co_await response->body->read(100);
        into.body = first ? as_text(*first) : "";
        read.set_value();
        const Result<Bytes> second = co_await response->body->read(100);
        if (!second) into.fault = second.error();
      }
    };
    asker.network().run(Steps::run(asker.client(), reply, seen));
    EXPECT_EQ(reply.body, "until");
    EXPECT_TRUE(reply.fault) << head;
  }
}

TEST(Client, DropsInterimResponsesButNotWithoutEnd) {
  ScriptedServer server([](Peer& peer) {
    const bool endless = peer.read_head().starts_with("GET /endless");
    for (int i = 0; i < (endless ? 100 : 3); ++i) peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    peer.send(kHello);
  });
  TestAsker asker(server.address());
  const Reply reply = asker.get();
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.field("Link"), "");
  EXPECT_TRUE(asker.get("/endless").fault);
}

TEST(Client, GivesUpAServerThatIsSilent) {
  ScriptedServer server([](Peer& peer) {
    const bool in_body = peer.read_head().starts_with("GET /body");
    if (in_body) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.read_to_end();
  });
  ClientLimits limits;
  limits.head_wait = limits.body_wait = 30ms;
  TestAsker asker(server.address(), limits);
  for (const char* target : {"/head", "/body"}) {
    const Reply reply = asker.get(target);
    ASSERT_TRUE(reply.fault) << target;
    EXPECT_TRUE(reply.fault->is(Errc::timeout)) << reply.fault->to_string();
  }
}

TEST(Client, SendsABodyOnlyWhenItIsWantedOrTheServerKeepsSilent) {
  std::promise<std::string> refused;
  ScriptedServer server([&](Peer& peer) {
    const std::string head = peer.read_head();
    EXPECT_THAT(head, HasSubstr("Expect: 100-continue\r\n"));
    if (head.starts_with("POST /no")) {
      peer.send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
      refused.set_value(peer.read_to_end());
      return;
    }
    if (head.starts_with("POST /yes")) peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    const std::string body = peer.read_bytes(5);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body);
  });
  ClientLimits limits;
  limits.continue_wait = 30s;
  TestAsker asker(server.address(), limits);
  const exchange::Fields fields = {{"Expect", "100-continue"}, {"Content-Length", "5"}};
  EXPECT_EQ(asker.ask("POST", "/yes", fields, exchange::make_body("hello")).body, "hello");
  EXPECT_EQ(asker.ask("POST", "/no", fields, exchange::make_body("hello")).status, 413);
  EXPECT_EQ(within(refused), "");
  limits.continue_wait = 10ms;
  TestAsker hasty(server.address(), limits);
  EXPECT_EQ(hasty.ask("POST", "/silent", fields, exchange::make_body("hello")).body, "hello");
}

TEST(Client, DroppingTheBodyEndsTheExchangeAtTheServer) {
  std::promise<void> ended;
  ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    peer.read_to_end();
    ended.set_value();
  });
  TestAsker asker(server.address());
  struct Steps {
    static Awaitable<void> run(Client& client) {
      exchange::Request request;
      request.head = {"GET", "/", {}};
      auto response = co_await client.send(std::move(request));
      const Result<Bytes> first = co_await response->body->read(100);
      EXPECT_TRUE(first && as_text(*first) == "data: 1\n\n");
    }
  };
  asker.network().run(Steps::run(asker.client()));
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST(Client, StopEndsWhatIsUnderWay) {
  std::promise<void> asked;
  ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    asked.set_value();
    peer.read_to_end();
  });
  TestAsker asker(server.address());
  std::future<Reply> reply = std::async(std::launch::async, [&] { return asker.get(); });
  ASSERT_EQ(asked.get_future().wait_for(10s), std::future_status::ready);
  struct Steps {
    static Awaitable<void> run(Client& client) { co_await client.stop(); }
  };
  asker.network().run(Steps::run(asker.client()));
  EXPECT_TRUE(reply.get().fault);
}

TEST(Client, BoundsTheExchangesAtOnce) {
  std::promise<void> let_go;
  std::shared_future<void> go = let_go.get_future().share();
  ScriptedServer server([go](Peer& peer) {
    peer.read_head();
    go.wait_for(10s);
    peer.send(kHello);
  });
  ClientLimits limits;
  limits.exchanges = 8;
  TestAsker asker(server.address(), limits);
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 8; ++i) replies.push_back(std::async(std::launch::async, [&] { return asker.get(); }));
  while (server.connections() < 8) std::this_thread::yield();
  const Reply refused = asker.get();
  ASSERT_TRUE(refused.fault);
  EXPECT_TRUE(refused.fault->is(Errc::limit));
  let_go.set_value();
  for (auto& reply : replies) EXPECT_EQ(reply.get().body, "hello");
}

TEST(Client, NeverGoesToAnAddressThatIsOfNoMachine) {
  for (const char* host : {"169.254.169.254", "fe80::1", "ff02::1", "224.0.0.1", "0.0.0.0", "::", "255.255.255.255",
                           "::ffff:169.254.169.254", "::ffff:0.0.0.0"}) {
    TestAsker asker({.host = host, .port = 80});
    const Reply reply = asker.get();
    ASSERT_TRUE(reply.fault) << host;
    EXPECT_TRUE(reply.fault->is(Errc::forbidden)) << host << ": " << reply.fault->to_string();
  }
}

Awaitable<void> ask_and_end(std::unique_ptr<Client>& client, bool stop) {
  exchange::Request request;
  request.head = {"GET", "/", {}};
  Result<exchange::Response> response = co_await client->send(std::move(request));
  Reply reply;
  co_await read_reply(reply, std::move(response));
  EXPECT_EQ(reply.body, "hello");
  if (stop) co_await client->stop();
  client.reset();
}

TEST(Client, LeavesNothingToWaitForWhenItEndsWithAKeptConnection) {
  for (const bool stop : {true, false}) {
    ScriptedServer server(always(kHello));
    asio::io_context io;
    ClientLimits limits;
    limits.idle_wait = std::chrono::hours(1);
    auto client = std::make_unique<Client>(io.get_executor(), server.address(), limits);
    const auto asked = asio::co_spawn(io, ask_and_end(client, stop), asio::use_future);
    const auto ran = std::async(std::launch::async, [&] { io.run(); });
    const bool ended = ran.wait_for(10s) == std::future_status::ready;
    io.stop();
    EXPECT_TRUE(ended) << (stop ? "stopped" : "destroyed");
    EXPECT_EQ(asked.wait_for(0s), std::future_status::ready);
  }
}

TEST(Client, TellsOfAServerThatIsNotThere) {
  std::uint16_t port = 0;
  {
    ScriptedServer server([](Peer&) {});
    port = server.port();
  }
  TestAsker asker({.host = "127.0.0.1", .port = port});
  const Reply reply = asker.get();
  ASSERT_TRUE(reply.fault);
  EXPECT_EQ(reply.fault->code, std::errc::connection_refused);
}

}  // namespace
}  // namespace owndir::http
