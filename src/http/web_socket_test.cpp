#include "exchange/web_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>

#include "http/test_socket_client.hpp"

namespace owndir::http {
namespace {

using exchange::Request;
using exchange::Response;
using exchange::SocketAnswer;
using exchange::SocketMessage;
using exchange::WebSocket;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// What sessions tell the test; each is told once.
struct Told {
  std::promise<void> begun;
  std::promise<std::string> ended;  ///< code and reason of the close, or the error
};

Awaitable<void> tell_end(WebSocket& socket, Told& told) {
  for (;;) {
    const Result<std::optional<SocketMessage>> message = co_await socket.receive();
    if (message && *message) continue;
    std::string end = message ? "closed " : "broken ";
    end += std::to_string(socket.close_code()) + " ";
    end += message ? socket.close_reason() : message.error().to_string();
    told.ended.set_value(end);
    co_return;
  }
}

Awaitable<void> echo(WebSocket& socket, Told&) {
  for (;;) {
    Result<std::optional<SocketMessage>> message = co_await socket.receive();
    if (!message || !*message) co_return;
    const Result<void> sent = co_await socket.send(std::move(**message));
    if (!sent) co_return;
  }
}

Awaitable<void> leave(WebSocket&, Told&) {
  co_return;
}

Awaitable<void> fault(WebSocket&, Told&) {
  throw std::runtime_error("a bug");
  co_return;
}

Awaitable<void> say_goodbye(WebSocket& socket, Told& told) {
  std::string reason = "enough";
  co_await socket.close(4000, std::move(reason));
  told.ended.set_value(std::to_string(socket.close_code()));
}

/// Neither receives nor sends.
Awaitable<void> idle(WebSocket&, Told& told) {
  struct Sentinel {
    Told& told;
    ~Sentinel() { told.ended.set_value("cancelled"); }
  };
  const Sentinel sentinel{told};
  told.begun.set_value();
  co_await sleep_for(1h);
}

Awaitable<void> say_what_cannot_be_sent(WebSocket& socket, Told&) {
  SocketMessage wrong{true, to_bytes("\xff")};
  SocketMessage large{false, Bytes(5000)};
  const Result<void> first = co_await socket.send(std::move(wrong));
  const Result<void> second = co_await socket.send(std::move(large));
  std::string text = first.error().to_string() + "; " + second.error().to_string();
  SocketMessage report{true, to_bytes(text)};
  co_await socket.send(std::move(report));
}

using Play = Awaitable<void> (*)(WebSocket&, Told&);

class Session final : public exchange::SocketSession {
 public:
  Session(Play play, Told& told) : play_(play), told_(told) {}
  Awaitable<void> run(WebSocket& socket) override { return play_(socket, told_); }

 private:
  Play play_;
  Told& told_;
};

class Sockets final : public exchange::Handler {
 public:
  Play play = echo;
  std::string protocol;
  exchange::Fields fields;
  Told told;
  exchange::RequestHead seen;

  Awaitable<Result<Response>> handle(Request) override { co_return exchange::text_response(200, "plain\n"); }
  Awaitable<Result<SocketAnswer>> open_socket(Request request) override {
    seen = request.head;
    if (seen.target == "/none") co_return SocketAnswer(exchange::text_response(404, "none here\n"));
    if (seen.target == "/error") co_return fail(Errc::closed, "peer");
    if (seen.target == "/throw") throw std::runtime_error("a bug");
    exchange::SocketAccept accept;
    accept.protocol = protocol;
    accept.fields = fields;
    accept.session = std::make_unique<Session>(play, told);
    co_return SocketAnswer(std::move(accept));
  }
};

class HttpWebSocket : public ::testing::Test {
 protected:
  /// What the client gets for these frames on an open socket, until the server ends the connection.
  std::string after(std::string_view frames) {
    TestServer server(handler, limits);
    SocketClient client(server.port());
    client.open();
    client.raw().send(frames);
    return client.raw().read_to_end();
  }
  std::string ended() {
    auto end = handler.told.ended.get_future();
    return end.wait_for(10s) == std::future_status::ready ? end.get() : "never ended";
  }

  Sockets handler;
  ServerLimits limits;
};

TEST_F(HttpWebSocket, OpensWithTheAnswerThatTheKeyAsksFor) {
  handler.protocol = "owndir.fs.1";
  handler.fields = {{"A", "1"}, {"A", "2"}, {"Sec-WebSocket-Extensions", "permessage-deflate"}, {"Connection", "x"}};
  TestServer server(handler);
  SocketClient client(server.port());
  const std::string head = client.open(
      "/chat?x=1", "Sec-WebSocket-Protocol: other, owndir.fs.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(head, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(head, HasSubstr("Sec-WebSocket-Protocol: owndir.fs.1\r\n"));
  EXPECT_THAT(head, HasSubstr("A: 1\r\nA: 2\r\n"));
  EXPECT_EQ(head.find("permessage"), std::string::npos);
  EXPECT_EQ(handler.seen.method, "GET");
  EXPECT_EQ(handler.seen.target, "/chat?x=1");
  EXPECT_EQ(handler.seen.fields, (exchange::Fields{{"Host", "a"}, {"Sec-WebSocket-Protocol", "other, owndir.fs.1"}}));
}

TEST_F(HttpWebSocket, EchoesTextAndBytesOfEverySizeOfFrame) {
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 1U << 20}) {
    const std::string text(size, 'x');
    client.send(kText, text);
    EXPECT_EQ(client.receive(), (Frame{kText, text})) << size;
  }
  const std::string bytes("\x00\xff\x80", 3);
  client.send(kBinary, bytes);
  EXPECT_EQ(client.receive(), (Frame{kBinary, bytes}));
}

TEST_F(HttpWebSocket, JoinsFragmentsAndAnswersAPingBetweenThem) {
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  client.raw().send(client_frame(kText, "\xe2\x82", false) + client_frame(kPing, "there?") +
                    client_frame(kContinuation, "", false) + client_frame(kContinuation, "\xac"));
  EXPECT_EQ(client.receive(), (Frame{kPong, "there?"}));
  EXPECT_EQ(client.receive(), (Frame{kText, "\xe2\x82\xac"}));
}

TEST_F(HttpWebSocket, ClosesWithTheCodeThatTheViolationHas) {
  limits.socket_message = 4096;
  limits.socket_close_wait = 50ms;
  const std::string masked = client_frame(kText, "abc");
  std::string unmasked = {'\x81', '\x03', 'a', 'b', 'c'};
  std::string reserved = masked;
  reserved[0] = static_cast<char>(reserved[0] | 0x40);
  std::string endless = {'\x82', '\xff', '\x7f', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', 0, 0, 0, 0};
  const std::vector<std::tuple<const char*, std::string, std::uint16_t>> table = {
      {"a frame without a mask", unmasked, 1002},
      {"a reserved bit", reserved, 1002},
      {"an unknown opcode", client_frame(0x3, "abc"), 1002},
      {"a continuation of nothing", client_frame(kContinuation, "abc"), 1002},
      {"a message within a message", client_frame(kText, "a", false) + client_frame(kText, "b"), 1002},
      {"a fragmented ping", client_frame(kPing, "a", false), 1002},
      {"a ping of 126 bytes", client_frame(kPing, std::string(126, 'x')), 1002},
      {"a close of one byte", client_frame(kClose, "x"), 1002},
      {"a close with a code that nobody may send", client_frame(kClose, close_payload(1005, "")), 1002},
      {"text that is not UTF-8", client_frame(kText, "ab\xff"), 1007},
      {"text cut within a character", client_frame(kText, "ab\xc3"), 1007},
      {"text cut within a character by an empty last frame",
       client_frame(kText, "ab\xc3", false) + client_frame(kContinuation, ""), 1007},
      {"a message beyond the limit", client_frame(kBinary, std::string(4097, 'x')), 1009},
      {"fragments beyond the limit",
       client_frame(kBinary, std::string(4096, 'x'), false) + client_frame(kContinuation, "x"), 1009},
      {"a length of 2^63-1", endless, 1009},
  };
  for (const auto& [what, frames, code] : table) {
    const std::string answer = after(frames);
    ASSERT_GE(answer.size(), 4U) << what;
    EXPECT_EQ(answer[0], '\x88') << what;
    EXPECT_EQ(answer.substr(2, 2), close_payload(code, "")) << what;
  }
}

TEST_F(HttpWebSocket, RefusesAHandshakeThatIsNone) {
  TestServer server(handler);
  const auto answer = [&](const std::string& request) {
    RawClient client(server.port());
    client.send(request);
    return client.read_to_end();
  };
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", version = "Sec-WebSocket-Version: 13\r\n";
  const std::string old = answer(start + key + "Sec-WebSocket-Version: 8\r\n\r\n");
  EXPECT_THAT(old, StartsWith("HTTP/1.1 426 "));
  EXPECT_THAT(old, HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
  EXPECT_THAT(answer(start + key + "\r\n"), StartsWith("HTTP/1.1 426 "));
  EXPECT_THAT(answer(start + version + "\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer(start + version + "Sec-WebSocket-Key: short==\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer(start + version + key + key + "\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer(start + version + key + "Sec-WebSocket-Protocol: a b\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer(start + version + key + "Content-Length: 1\r\n\r\nx"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("POST" + start.substr(3) + version + key + "\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("GET / HTTP/1.0" + start.substr(14) + version + key + "\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpWebSocket, TakesNothingThatCameBeforeItWasOpen) {
  TestServer server(handler);
  RawClient client(server.port());
  client.send(socket_request("/", "Connection: close\r\n") + client_frame(kText, "early"));
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpWebSocket, GoesOnAsHttpWhenTheHandlerAnswersInstead) {
  TestServer server(handler);
  RawClient client(server.port());
  client.send(socket_request("/none"));
  EXPECT_THAT(client.read_until("none here\n"), StartsWith("HTTP/1.1 404 "));
  client.send(socket_request("/error"));
  EXPECT_THAT(client.read_until("closed\n"), StartsWith("HTTP/1.1 502 "));
  client.send(socket_request("/throw"));
  EXPECT_THAT(client.read_until("more.\n"), StartsWith("HTTP/1.1 500 "));
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), HasSubstr("plain\n"));
}

TEST_F(HttpWebSocket, DoesNotAnnounceAProtocolThatWasNotOffered) {
  handler.protocol = "other";
  TestServer server(handler);
  SocketClient client(server.port());
  EXPECT_THAT(client.open("/", "Sec-WebSocket-Protocol: chat\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpWebSocket, TellsTheSessionHowTheClientClosed) {
  const std::vector<std::pair<std::string, std::string>> table = {{close_payload(4001, "done"), "closed 4001 done"},
                                                                  {"", "closed 1005 "}};
  for (const auto& [payload, expected] : table) {
    Sockets sockets;
    sockets.play = tell_end;
    TestServer server(sockets);
    SocketClient client(server.port());
    client.open();
    client.send(kBinary, "before");
    client.send(kClose, payload);
    EXPECT_EQ(client.receive(), (Frame{kClose, payload}));  // answered with the same
    EXPECT_EQ(sockets.told.ended.get_future().get(), expected);
    EXPECT_EQ(client.raw().read_to_end(), "");
  }
}

TEST_F(HttpWebSocket, TheAnswerToACloseIsTheSessionsOwnAndWaitsForIt) {
  static std::promise<void> asked;
  asked = {};
  handler.play = [](WebSocket& socket, Told& told) -> Awaitable<void> {
    const Result<std::optional<SocketMessage>> end = co_await socket.receive();
    if (!end || *end) co_return;
    SocketMessage late{true, to_bytes("late")};
    const Result<void> sent = co_await socket.send(std::move(late));
    asked.set_value();
    told.ended.set_value(sent ? "sent" : std::to_string(socket.close_code()));
    std::string reason = "so long";
    co_await socket.close(4002, std::move(reason));
  };
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  client.send(kClose, close_payload(4001, "bye"));
  EXPECT_EQ(client.receive(), (Frame{kClose, close_payload(4002, "so long")}));
  EXPECT_EQ(asked.get_future().wait_for(0s), std::future_status::ready) << "it was answered before the session knew";
  EXPECT_EQ(ended(), "4001");
  EXPECT_EQ(client.raw().read_to_end(), "");
}

TEST_F(HttpWebSocket, ASessionMayAnswerACloseByBreakingOff) {
  handler.play = [](WebSocket& socket, Told&) -> Awaitable<void> {
    co_await socket.receive();
    std::string none;
    co_await socket.close(exchange::close_code::kBroken, std::move(none));
  };
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  client.send(kClose, close_payload(4001, "bye"));
  EXPECT_EQ(client.raw().read_to_end(), "");
}

TEST_F(HttpWebSocket, WhatIsBeingSentWhenTheClientClosesArrivesBeforeTheAnswer) {
  handler.play = [](WebSocket& socket, Told& told) -> Awaitable<void> {
    for (;;) {
      SocketMessage message{false, Bytes(8 << 20, std::byte{0x88})};
      const Result<void> sent = co_await socket.send(std::move(message));
      if (sent) continue;
      told.ended.set_value(std::to_string(socket.close_code()));
      co_return;
    }
  };
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  client.send(kClose, close_payload(4001, "bye"));
  Frame frame = client.receive();
  for (; frame.opcode == kBinary; frame = client.receive()) EXPECT_EQ(frame.payload.size(), 8U << 20);
  EXPECT_EQ(frame, (Frame{kClose, close_payload(4001, "bye")}));
  EXPECT_EQ(ended(), "4001");
}

TEST_F(HttpWebSocket, TellsTheSessionThatTheClientVanished) {
  handler.play = tell_end;
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  client.raw().send(client_frame(kText, "half of a").substr(0, 8));
  client.raw().close();
  EXPECT_THAT(ended(), StartsWith("broken 1006 "));
}

TEST_F(HttpWebSocket, CancelsASessionThatDoesNotNoticeThatTheClientLeft) {
  limits.socket_answer_wait = 10ms;
  handler.play = idle;
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  client.send(kClose, close_payload(1001, ""));
  EXPECT_EQ(client.receive(), (Frame{kClose, close_payload(1001, "")}));
  EXPECT_EQ(ended(), "cancelled");
}

TEST_F(HttpWebSocket, WaitsForTheAnswerToItsClose) {
  handler.play = say_goodbye;
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  EXPECT_EQ(client.receive(), (Frame{kClose, close_payload(4000, "enough")}));
  client.send(kBinary, std::string(100'000, 'x'));  // crosses the close
  client.send(kClose, close_payload(4000, ""));
  EXPECT_EQ(ended(), "4000");
  EXPECT_EQ(client.raw().read_to_end(), "");
}

TEST_F(HttpWebSocket, BreaksOffAfterWhatWasSentWithoutAClose) {
  handler.play = [](WebSocket& socket, Told&) -> Awaitable<void> {
    SocketMessage message{true, to_bytes(std::string(300'000, 'x'))};
    co_await socket.send(std::move(message));
    std::string none;
    co_await socket.close(exchange::close_code::kBroken, std::move(none));
  };
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  EXPECT_EQ(client.receive().payload.size(), 300'000U);
  EXPECT_EQ(client.raw().read_to_end(), "");
}

TEST_F(HttpWebSocket, DoesNotWaitForEverForTheAnswerToItsClose) {
  limits.socket_close_wait = 10ms;
  handler.play = say_goodbye;
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  EXPECT_EQ(ended(), "1006");
}

TEST_F(HttpWebSocket, ClosesByItselfWhenTheSessionEnds) {
  for (const auto& [play, code] : {std::pair<Play, std::uint16_t>{leave, 1000}, {fault, 1011}}) {
    handler.play = play;
    TestServer server(handler);
    SocketClient client(server.port());
    client.open();
    const Frame close = client.receive();
    EXPECT_EQ(close.opcode, kClose);
    EXPECT_THAT(close.payload, StartsWith(close_payload(code, "")));
    client.send(kClose, close.payload);
    EXPECT_EQ(client.raw().read_to_end(), "");
  }
}

TEST_F(HttpWebSocket, SendsNothingThatTheClientWouldHaveToRefuse) {
  limits.socket_message = 4096;
  handler.play = say_what_cannot_be_sent;
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  const std::string report = client.receive().payload;
  EXPECT_THAT(report, HasSubstr("not UTF-8"));
  EXPECT_THAT(report, HasSubstr("5000 bytes"));
  EXPECT_EQ(client.receive().opcode, kClose);
}

TEST_F(HttpWebSocket, ClosesWith1001WhenTheServerStops) {
  handler.play = idle;
  TestServer server(handler);
  SocketClient client(server.port());
  client.open();
  handler.told.begun.get_future().wait();
  std::thread stopping([&] { server.stop(); });
  const Frame close = client.receive();
  EXPECT_EQ(close.opcode, kClose);
  EXPECT_THAT(close.payload, StartsWith(close_payload(1001, "")));
  client.send(kClose, close_payload(1001, ""));
  EXPECT_EQ(client.raw().read_to_end(), "");
  stopping.join();
  EXPECT_EQ(ended(), "cancelled");
}

TEST_F(HttpWebSocket, StopsAlthoughTheClientDoesNotAnswer) {
  limits.socket_close_wait = 10ms;
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  server.stop();
}

TEST_F(HttpWebSocket, PingsASilentClientAndCutsADeadOne) {
  limits.socket_ping_after = 20ms;
  limits.socket_dead_after = 5000ms;
  handler.play = tell_end;
  {
    TestServer server(handler, limits);
    SocketClient client(server.port());
    client.open();
    EXPECT_EQ(client.receive(), (Frame{kPing, ""}));
    client.send(kPong, "");
    EXPECT_EQ(client.receive(), (Frame{kPing, ""}));
    client.send(kClose, "");
    EXPECT_EQ(ended(), "closed 1005 ");
  }
  limits.socket_dead_after = 100ms;
  Sockets sockets;
  sockets.play = tell_end;
  TestServer server(sockets, limits);
  SocketClient client(server.port());
  client.open();
  EXPECT_EQ(client.receive(), (Frame{kPing, ""}));
  EXPECT_THAT(sockets.told.ended.get_future().get(), StartsWith("broken 1006 "));
}

TEST_F(HttpWebSocket, CutsAClientThatTakesNothing) {
  limits.write_wait = 100ms;
  handler.play = [](WebSocket& socket, Told& told) -> Awaitable<void> {
    for (;;) {
      SocketMessage message{false, Bytes(1 << 20)};
      const Result<void> sent = co_await socket.send(std::move(message));
      if (sent) continue;
      told.ended.set_value(sent.error().to_string());
      co_return;
    }
  };
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  EXPECT_THAT(ended(), HasSubstr("closed"));
}

TEST_F(HttpWebSocket, ReadsNoFurtherAheadThanItsLimit) {
  limits.socket_read_ahead = 65536;
  handler.play = idle;
  TestServer server(handler, limits);
  SocketClient client(server.port());
  client.open();
  const std::string frame = client_frame(kBinary, std::string(65536, 'x'));
  std::size_t taken = 0;
  // Far beyond what the two sockets' buffers hold, and far below what an unbounded reader would take.
  while (client.raw().send_now(frame)) taken += frame.size();
  EXPECT_LT(taken, std::size_t{64} << 20);
  client.raw().close();
}

}  // namespace
}  // namespace owndir::http
