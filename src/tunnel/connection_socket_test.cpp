// WebSockets through two ends of a tunnel, and what a hostile other end may do with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "tunnel/frame.hpp"
#include "tunnel/socket_fixture.hpp"

namespace owndir::tunnel {
namespace {

using exchange::Request;
using exchange::SocketAccept;
using exchange::SocketAnswer;
using ::testing::StartsWith;

class TunnelSocketTest : public ConnectionTest {
 protected:
  /// Ends everything on the loop, as the product does: Asio defers a cancellation that comes from elsewhere, and so may
  /// deliver it to a task that has ended meanwhile.
  ~TunnelSocketTest() override {
    asio::post(io, [this] {
      tasks.cancel();
      client.reset();
      server->close(Error{make_error_code(Errc::cancelled), "the test is over"});
    });
    settle();
  }

  static Awaitable<Result<SocketAnswer>> ask_socket(std::shared_ptr<Connection> on, Request request) {
    co_return co_await on->open_socket(std::move(request));
  }
  Result<SocketAnswer> open(exchange::Fields fields = {}) {
    Request request;
    request.head = {"GET", "/chat", std::move(fields)};
    return run(ask_socket(client, std::move(request)));
  }
  static Awaitable<void> run_session(std::unique_ptr<exchange::SocketSession> session, exchange::WebSocket& socket,
                                     int& running) {
    const std::shared_ptr<int> count(&running, [](int* value) { --*value; });
    co_await session->run(socket);
  }
  /// Opens a WebSocket and relays it to a local one.
  LocalSocket* relay() {
    LocalSocket* socket = locals.emplace_back(std::make_unique<LocalSocket>(io.get_executor())).get();
    Result<SocketAnswer> answer = open();
    auto* accept = answer ? std::get_if<SocketAccept>(&*answer) : nullptr;
    EXPECT_NE(accept, nullptr);
    relays += accept ? 1 : 0;
    if (accept) last_relay = tasks.spawn("relay", run_session(std::move(accept->session), *socket, relays));
    return socket;
  }
  void serve(PlayedSession::Play play) {
    handler.socket = [this, play](const Request&) { return accept_with(play, seen); };
  }
  void inject(const Frame& frame) { link->inject(1, false, encode_simple(frame, Limits())); }
  void inject_open() { inject({{FrameType::socket_open, 0, 1}, exchange::RequestHead{"GET", "/", {}}}); }
  void inject_message(std::string_view text, std::uint8_t flags = 3) {
    const Bytes payload = to_bytes(text);
    inject({{FrameType::socket_message, flags, 1}, Payload{payload}});
  }
  /// Notes the frames that the server sends on channel 1, and keeps them from the client, which has asked for none.
  void watch_server() {
    link->on_deliver = [this](std::size_t channel, bool from_second, Bytes& message) {
      if (channel != 1 || !from_second) return true;
      sent.push_back(message);
      return false;
    };
  }
  std::optional<SocketClose> sent_close() {
    for (const Bytes& message : sent) {
      const Result<Frame> frame = decode(message, Limits());
      if (frame && frame->header.type == FrameType::socket_close) return std::get<SocketClose>(frame->content);
    }
    return std::nullopt;
  }
  void expect_1007(std::string_view text) {
    serve(play_echo);
    connect();
    watch_server();
    inject_open();
    EXPECT_TRUE(until([&] { return seen.begun; }));
    inject_message(text.substr(0, 1), 2);
    inject_message(text.substr(1), 1);
    ASSERT_TRUE(until([&] { return sent_close().has_value(); }));
    EXPECT_EQ(sent_close()->code, 1007);
    EXPECT_TRUE(seen.messages.empty());
  }
  std::optional<Code> sent_reset() {
    for (const Bytes& message : sent) {
      const Result<Frame> frame = decode(message, Limits());
      if (frame && frame->header.type == FrameType::reset) return std::get<Reset>(frame->content).code;
    }
    return std::nullopt;
  }

  Seen seen;
  std::vector<Bytes> sent;
  int relays = 0;
  std::vector<std::unique_ptr<LocalSocket>> locals;  // outlive the relays, which run until the end of the test
  TaskGroup::TaskId last_relay = 0;
  TaskGroup tasks{io.get_executor()};
};

TEST_F(TunnelSocketTest, MessagesOfEverySizeComeBackWhole) {
  serve(play_echo);
  connect();
  LocalSocket* const local = relay();
  std::vector<SocketMessage> messages;
  for (const std::size_t size : {0U, 1U, 65530U, 65536U, 262144U, 1U << 20}) {
    messages.push_back({true, Bytes(size, std::byte{'x'})});
    messages.push_back({false, Bytes(size, std::byte{0xff})});
  }
  for (const SocketMessage& message : messages) local->say(message);
  EXPECT_TRUE(until([&] { return local->heard.size() == messages.size(); }));
  EXPECT_TRUE(local->heard == messages);
  local->hang_up(4001, "done");
  EXPECT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(seen.end, "closed 4001 done");
  EXPECT_TRUE(until([&] { return server->stats().exchanges_active == 0; }));
  EXPECT_EQ(client->stats().exchanges_active, 0U);
}

TEST_F(TunnelSocketTest, TheProtocolAndTheFieldsPass) {
  exchange::Fields asked;
  handler.socket = [&](const Request& request) {
    asked = request.head.fields;
    EXPECT_EQ(request.origin, exchange::Origin::tunnel);
    auto answer = accept_with(play_idle, seen, "owndir.fs.1");
    std::get<SocketAccept>(answer).fields = {{"Set-Cookie", "a=b"}};
    return answer;
  };
  connect();
  const exchange::Fields fields = {{"Host", "a"},
                                   {"Sec-WebSocket-Key", "k"},
                                   {"Sec-WebSocket-Version", "13"},
                                   {"Sec-WebSocket-Protocol", "x, owndir.fs.1"}};
  Result<SocketAnswer> answer = open(fields);
  ASSERT_TRUE(answer && std::holds_alternative<SocketAccept>(*answer));
  EXPECT_EQ(asked, (exchange::Fields{{"Host", "a"}, {"Sec-WebSocket-Protocol", "x, owndir.fs.1"}}));
  EXPECT_EQ(std::get<SocketAccept>(*answer).protocol, "owndir.fs.1");
  EXPECT_EQ(std::get<SocketAccept>(*answer).fields, (exchange::Fields{{"Set-Cookie", "a=b"}}));
}

TEST_F(TunnelSocketTest, AResponseMayComeInstead) {
  handler.socket = [](const Request&) { return SocketAnswer(exchange::text_response(404, "none")); };
  connect();
  Result<SocketAnswer> answer = open();
  ASSERT_TRUE(answer && std::holds_alternative<exchange::Response>(*answer));
  auto response = std::move(std::get<exchange::Response>(*answer));
  EXPECT_EQ(response.head.status, 404);
  EXPECT_EQ(run(exchange::read_all(std::move(response.body), 100)).value(), "none");
}

TEST_F(TunnelSocketTest, AHandlerWithoutWebSocketsAnswers501AndAFaultyOne502) {
  connect();
  EXPECT_EQ(std::get<exchange::Response>(*open()).head.status, 501);
  handler.socket = [](const Request&) -> SocketAnswer { throw std::runtime_error("a bug"); };
  EXPECT_EQ(std::get<exchange::Response>(*open()).head.status, 502);
  handler.socket = [this](const Request&) { return accept_with(play_idle, seen, "not-offered"); };
  EXPECT_EQ(std::get<exchange::Response>(*open()).head.status, 502);
}

TEST_F(TunnelSocketTest, TheEndOfTheSessionClosesBothEnds) {
  connect();
  serve([](exchange::WebSocket&, Seen&) -> Awaitable<void> { co_return; });
  LocalSocket* local = relay();
  ASSERT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(local->closed->first, 1000);
  serve([](exchange::WebSocket&, Seen&) -> Awaitable<void> {
    throw std::runtime_error("a bug");
    co_return;
  });
  local = relay();
  ASSERT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(local->closed->first, 1011);
  serve([](exchange::WebSocket& socket, Seen& told) -> Awaitable<void> {
    std::string reason = "enough";
    co_await socket.close(4000, std::move(reason));
    told.end = std::to_string(socket.close_code());
  });
  local = relay();
  ASSERT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(*local->closed, (std::pair<std::uint16_t, std::string>{4000, "enough"}));
  EXPECT_TRUE(until([&] { return seen.end == "4000"; })) << seen.end;
}

TEST_F(TunnelSocketTest, TheAnswerToACloseIsTheSessionsOwn) {
  serve([](exchange::WebSocket& socket, Seen& told) -> Awaitable<void> {
    const Result<std::optional<SocketMessage>> end = co_await socket.receive();
    if (!end || *end) co_return;
    SocketMessage late{true, to_bytes("late")};
    const Result<void> too_late = co_await socket.send(std::move(late));
    told.end = too_late ? "sent" : socket.close_reason();
    std::string reason = "so long";
    co_await socket.close(4002, std::move(reason));
  });
  connect();
  LocalSocket* const local = relay();
  local->hang_up(4001, "bye");
  ASSERT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(seen.end, "bye");
  EXPECT_EQ(*local->closed, (std::pair<std::uint16_t, std::string>{4002, "so long"}));
  EXPECT_TRUE(until([&] { return server->stats().exchanges_active == 0; }));
  EXPECT_EQ(client->stats().exchanges_active, 0U);
}

TEST_F(TunnelSocketTest, ASessionThatBreaksInsteadOfAnsweringBreaksTheOtherEnd) {
  serve([](exchange::WebSocket& socket, Seen&) -> Awaitable<void> {
    co_await socket.receive();
    std::string none;
    co_await socket.close(exchange::close_code::kBroken, std::move(none));
  });
  connect();
  LocalSocket* const local = relay();
  local->hang_up(4001, "bye");
  ASSERT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(local->closed->first, 1006);
}

TEST_F(TunnelSocketTest, ASessionThatDoesNotAnswerHasItsTimeAndIsThenAnsweredFor) {
  server_options.limits.socket_close_ms = 100;
  serve(play_idle);
  connect();
  watch_server();
  inject_open();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  inject({{FrameType::socket_close, 0, 1}, SocketClose{4001, "bye"}});
  ASSERT_TRUE(until([&] { return sent_close() || sent_reset(); }));
  EXPECT_EQ(seen.end, "cancelled");
}

TEST_F(TunnelSocketTest, DroppingTheRelayBreaksTheSession) {
  serve(play_echo);
  connect();
  relay();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  tasks.cancel(last_relay);
  EXPECT_TRUE(until([&] { return seen.gone; }));
  EXPECT_THAT(seen.end, StartsWith("broken: "));
  EXPECT_TRUE(until([&] { return server->stats().exchanges_active == 0; }));
}

TEST_F(TunnelSocketTest, ALocalClientThatVanishesIsReported) {
  serve(play_echo);
  connect();
  LocalSocket* const local = relay();
  local->vanish();
  EXPECT_TRUE(until([&] { return relays == 0 && seen.gone; }));
  EXPECT_THAT(seen.end, StartsWith("broken: "));
}

TEST_F(TunnelSocketTest, TheEndOfTheConnectionEndsBoth) {
  serve(play_idle);
  connect();
  const LocalSocket* const local = relay();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  link->cut();
  EXPECT_TRUE(until([&] { return relays == 0 && seen.gone; }));
  EXPECT_EQ(seen.end, "cancelled");
  EXPECT_EQ(local->closed->first, 1006);
  EXPECT_TRUE(run(server->closed()).is(Errc::closed));
}

TEST_F(TunnelSocketTest, AShutDownClosesWith1001) {
  serve(play_idle);
  connect();
  const LocalSocket* const local = relay();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  asio::co_spawn(io, server->shut_down(std::chrono::seconds(30)), [](std::exception_ptr) {});
  EXPECT_TRUE(until([&] { return relays == 0 && server->is_closed(); }));
  EXPECT_EQ(local->closed->first, 1001);
  EXPECT_EQ(seen.end, "cancelled");
}

TEST_F(TunnelSocketTest, AShutDownOfTheClientClosesWith1001) {
  serve(play_echo);
  connect();
  relay();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  asio::co_spawn(io, client->shut_down(std::chrono::seconds(30)), [](std::exception_ptr) {});
  EXPECT_TRUE(until([&] { return seen.gone && client->is_closed(); }));
  EXPECT_THAT(seen.end, StartsWith("closed 1001 "));
}

TEST_F(TunnelSocketTest, ASessionThatReadsNothingHoldsUpItsSocketOnly) {
  handler.socket = [this](const Request&) { return accept_with(play_idle, seen); };
  handler.answer = [](const Request&) { return exchange::text_response(200, "still here"); };
  connect();
  LocalSocket* const local = relay();
  for (int i = 0; i < 100; ++i) local->say({false, Bytes(65536)});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch("GET", "/").body, "still here");
  settle();
  // Four of them fit into the initial credit of 256 KiB but for what each piece costs; one more waits to be sent.
  EXPECT_LE(local->taken, 5U);
}

TEST_F(TunnelSocketTest, ManySocketsTalkAtOnce) {
  serve(play_echo);
  connect();
  for (int i = 0; i < 60; ++i) relay();
  for (int round = 0; round < 20; ++round)
    for (std::size_t i = 0; i < locals.size(); ++i)
      locals[i]->say({true, to_bytes(std::to_string(i) + " " + std::to_string(round) + std::string(i * 100, '.'))});
  const auto done = [&] {
    return std::all_of(locals.begin(), locals.end(), [](const auto& local) { return local->heard.size() == 20; });
  };
  EXPECT_TRUE(until(done));
  for (std::size_t i = 0; i < locals.size(); ++i)
    EXPECT_THAT(std::string(as_text(locals[i]->heard.back().data)), StartsWith(std::to_string(i) + " 19"));
}

TEST_F(TunnelSocketTest, TextThatIsNotUtf8ClosesWith1007) {
  expect_1007("a\xff");
}

TEST_F(TunnelSocketTest, TextThatEndsWithinACharacterClosesWith1007) {
  expect_1007("ab\xc3");
}

TEST_F(TunnelSocketTest, MoreMessagesThanCreditResetTheExchange) {
  serve(play_idle);
  connect();
  watch_server();
  inject_open();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  for (int i = 0; i < 4097; ++i) inject_message("", 1);
  ASSERT_TRUE(until([&] { return sent_reset().has_value(); }));
  EXPECT_EQ(*sent_reset(), Code::flow);
  EXPECT_TRUE(until([&] { return seen.gone; }));
}

TEST_F(TunnelSocketTest, AMessageBeyondTheLimitResetsTheExchange) {
  server_options.limits.socket_message = 1000;
  serve(play_echo);
  connect();
  watch_server();
  inject_open();
  EXPECT_TRUE(until([&] { return seen.begun; }));
  inject_message(std::string(1000, 'x'), 2);
  inject_message("x", 1);
  EXPECT_TRUE(until([&] { return seen.gone; }));
  EXPECT_EQ(sent_reset(), Code::too_large);
  EXPECT_THAT(seen.end, StartsWith("broken: "));
}

TEST_F(TunnelSocketTest, ACloseThatIsNotAnsweredIsNotWaitedForForEver) {
  server_options.limits.socket_close_ms = 20;
  serve([](exchange::WebSocket& socket, Seen& told) -> Awaitable<void> {
    std::string reason;
    co_await socket.close(1000, std::move(reason));
    told.end = std::to_string(socket.close_code());
  });
  connect();
  watch_server();
  inject_open();
  EXPECT_TRUE(until([&] { return seen.gone; }));
  EXPECT_EQ(seen.end, "1006");
  EXPECT_EQ(sent_reset(), Code::timeout);
}

TEST_F(TunnelSocketTest, WhatCannotBeCarriedIsNotSent) {
  serve([](exchange::WebSocket& socket, Seen& told) -> Awaitable<void> {
    SocketMessage large{false, Bytes(Limits{}.socket_message + 1)};
    SocketMessage wrong{true, to_bytes("\xff")};
    const Result<void> first = co_await socket.send(std::move(large));
    const Result<void> second = co_await socket.send(std::move(wrong));
    if (first.error().is(Errc::too_large) && second.error().is(Errc::malformed)) told.end = "refused";
  });
  connect();
  const LocalSocket* const local = relay();
  EXPECT_TRUE(until([&] { return relays == 0; }));
  EXPECT_EQ(seen.end, "refused");
  EXPECT_TRUE(local->heard.empty());
  EXPECT_EQ(local->closed->first, 1000);
}

}  // namespace
}  // namespace owndir::tunnel
