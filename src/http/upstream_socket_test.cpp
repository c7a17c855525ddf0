#include "http/upstream_socket.hpp"

#include <gmock/gmock.h>

#include <future>
#include <optional>

#include "http/test_socket_client.hpp"
#include "http/test_upstream.hpp"

namespace owndir::http {
namespace {

using namespace std::chrono_literals;
using exchange::SocketMessage;
using ::testing::HasSubstr;
using ::testing::Not;

std::string field_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string good_101(const std::string& head, const std::string& more = "") {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         accept_of(field_of(head, "Sec-WebSocket-Key")) + "\r\n" + more + "\r\n";
}

/// A masked frame of the client's.
Frame read_frame(Peer& peer) {
  const std::string head = peer.read_bytes(2);
  if (head.size() < 2) return {};
  EXPECT_NE(head[1] & 0x80, 0) << "a client masks";
  std::size_t size = static_cast<unsigned char>(head[1]) & 0x7f;
  const std::size_t width = size < 126 ? 0 : size == 126 ? 2 : 8;
  if (width > 0) size = 0;
  for (const char c : peer.read_bytes(width)) size = size << 8 | static_cast<unsigned char>(c);
  const std::string mask = peer.read_bytes(4);
  std::string payload = peer.read_bytes(size);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  return {head[0] & 0x0f, std::move(payload)};
}

/// The other side of the relay: what a test sends to the upstream, and what came from it.
class NearEnd final : public exchange::WebSocket {
 public:
  explicit NearEnd(const asio::any_io_executor& executor) : changed_(std::in_place, executor) {}

  /// Before the executor's end; what was seen stays.
  void release() { changed_.reset(); }

  Awaitable<Result<std::optional<SocketMessage>>> receive() override {
    while (next_ == to_send.size() && !closed_) {
      if (next_ == to_send.size() && close_when_sent) {
        closed_ = true;
        break;
      }
      const bool woken = co_await changed_->wait();
      if (!woken) co_return fail(Errc::cancelled, "");
    }
    if (closed_) co_return std::optional<SocketMessage>();
    co_return std::optional<SocketMessage>(to_send[next_++]);
  }
  Awaitable<Result<void>> send(SocketMessage message) override {
    got.push_back((message.text ? "text " : "bytes ") + std::string(as_text(message.data)));
    if (close_when_got == got.size()) {
      closed_ = true;
      changed_->notify();
    }
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    got.push_back("close " + std::to_string(code) + " " + reason);
    closed_ = true;
    changed_->notify();
    co_return;
  }
  std::uint16_t close_code() const override { return 4001; }
  std::string close_reason() const override { return "enough"; }

  std::vector<SocketMessage> to_send;
  std::vector<std::string> got;
  std::size_t close_when_got = 0;
  bool close_when_sent = false;

 private:
  std::optional<Notifier> changed_;
  std::size_t next_ = 0;
  bool closed_ = false;
};

struct Opened {
  std::uint16_t status = 0;  ///< 101, or that of an ordinary response; 0 with a fault
  std::string protocol, body;
  exchange::Fields fields;
  std::optional<Error> fault;
};

Awaitable<void> open_and_run(Client& client, exchange::RequestHead head, NearEnd& near, Opened& opened) {
  exchange::Request request;
  request.head = std::move(head);
  auto answer = co_await client.open_socket(std::move(request));
  if (!answer) {
    opened.fault = answer.error();
    co_return;
  }
  if (auto* response = std::get_if<exchange::Response>(&*answer)) {
    opened.status = response->head.status;
    opened.fields = response->head.fields;
    const auto body = co_await exchange::read_all(std::move(response->body), 1 << 20);
    opened.body = body ? *body : body.error().to_string();
    co_return;
  }
  auto& accept = std::get<exchange::SocketAccept>(*answer);
  opened.status = 101;
  opened.protocol = accept.protocol;
  opened.fields = accept.fields;
  co_await accept.session->run(near);
}

class UpstreamSocketTest : public ::testing::Test {
 protected:
  Opened open(const ScriptedServer& server, exchange::Fields fields = {}, ClientLimits limits = {}) {
    TestAsker asker(server.address(), limits);
    near = std::make_unique<NearEnd>(asker.network().executor());
    if (prepare) prepare(*near);
    Opened opened;
    asker.network().run(open_and_run(asker.client(), {"GET", "/ws?a=b", std::move(fields)}, *near, opened));
    near->release();
    return opened;
  }
  std::unique_ptr<NearEnd> near;
  std::function<void(NearEnd&)> prepare;
};

TEST_F(UpstreamSocketTest, AsksAsRfc6455SaysAndPassesTheOtherFields) {
  std::promise<std::string> asked;
  ScriptedServer server([&](Peer& peer) {
    const std::string head = peer.read_head();
    asked.set_value(head);
    peer.send(good_101(head, "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=b\r\n") + server_frame(kText, "first") +
              server_frame(kClose, close_payload(4242, "bye")));
    peer.read_to_end();
  });
  const Opened opened = open(server, {{"Cookie", "s=1"},
                                      {"Origin", "http://a"},
                                      {"Sec-WebSocket-Protocol", "other, chat"},
                                      {"Sec-WebSocket-Extensions", "permessage-deflate"},
                                      {"Sec-WebSocket-Key", "forged"}});
  ASSERT_EQ(opened.status, 101);
  EXPECT_EQ(opened.protocol, "chat");
  EXPECT_EQ(opened.fields, (exchange::Fields{{"Set-Cookie", "a=b"}}));
  EXPECT_THAT(near->got, ::testing::ElementsAre("text first", "close 4242 bye"));
  const std::string head = within(asked);
  EXPECT_THAT(head, HasSubstr("GET /ws?a=b HTTP/1.1\r\n"));
  for (const char* line : {"Cookie: s=1\r\n", "Origin: http://a\r\n", "Sec-WebSocket-Protocol: other, chat\r\n",
                           "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Sec-WebSocket-Version: 13\r\n"})
    EXPECT_THAT(head, HasSubstr(line));
  EXPECT_THAT(head, Not(HasSubstr("Extensions")));
  EXPECT_THAT(head, Not(HasSubstr("forged")));
}

TEST_F(UpstreamSocketTest, CarriesMessagesOfEverySizeBothWaysAndTheCloseOfThisEnd) {
  std::promise<std::string> closed;
  ScriptedServer server([&](Peer& peer) {
    const std::string head = peer.read_head();
    peer.send(good_101(head));
    peer.send(server_frame(kPing, "are you there"));
    for (;;) {
      const Frame frame = read_frame(peer);
      if (frame.opcode == kPong) {
        EXPECT_EQ(frame.payload, "are you there");
        continue;
      }
      if (frame.opcode == kClose) {
        closed.set_value(frame.payload);
        peer.send(server_frame(kClose, frame.payload));
        return;
      }
      if (frame.opcode == -1) return;
      peer.send(server_frame(frame.opcode, frame.payload));
    }
  });
  std::vector<std::string> expected;
  prepare = [&](NearEnd& end) {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 1U << 20}) {
      const std::string payload(size, 'x');
      end.to_send.push_back({true, to_bytes(payload)});
      end.to_send.push_back({false, to_bytes(payload)});
      expected.push_back("text " + payload);
      expected.push_back("bytes " + payload);
    }
    end.close_when_got = expected.size();
  };
  EXPECT_EQ(open(server).status, 101);
  ASSERT_GE(near->got.size(), expected.size());
  near->got.resize(expected.size());
  EXPECT_EQ(near->got, expected);
  EXPECT_EQ(within(closed), close_payload(4001, "enough"));
}

TEST_F(UpstreamSocketTest, PutsFragmentsTogether) {
  ScriptedServer server([](Peer& peer) {
    peer.send(good_101(peer.read_head()));
    peer.send(frame_head(kText, 3, false, false) + "fra" + server_frame(kPing, "") +
              frame_head(kContinuation, 5, true, false) + "gment" + server_frame(kClose, close_payload(1000, "")));
    peer.read_to_end();
  });
  EXPECT_EQ(open(server).status, 101);
  EXPECT_THAT(near->got, ::testing::ElementsAre("text fragment", "close 1000 "));
}

TEST_F(UpstreamSocketTest, PassesAnOrdinaryAnswerOn) {
  ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nsorry");
    peer.read_to_end();
  });
  const Opened opened = open(server);
  EXPECT_EQ(opened.status, 401);
  EXPECT_EQ(opened.body, "sorry");
  EXPECT_EQ(opened.fields.get("WWW-Authenticate"), "Basic");
}

TEST_F(UpstreamSocketTest, RefusesA101ThatOpensNoWebSocketOfOurs) {
  const struct {
    const char* answer;
    const char* complaint;
  } cases[] = {
      {"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAA\r\n", "Sec-WebSocket-Accept"},
      {"Upgrade: websocket\r\nConnection: upgrade\r\n", "Sec-WebSocket-Accept"},
      {"Upgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: *\r\n", "something else"},
      {"Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: *\r\n", "something else"},
      {"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: *\r\nSec-WebSocket-Protocol: x\r\n",
       "subprotocol"},
      {"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: *\r\n"
       "Sec-WebSocket-Extensions: permessage-deflate\r\n",
       "extension"},
  };
  for (const auto& [answer, complaint] : cases) {
    ScriptedServer server([&](Peer& peer) {
      std::string lines = answer;
      const std::string accept = accept_of(field_of(peer.read_head(), "Sec-WebSocket-Key"));
      if (const std::size_t star = lines.find('*'); star != lines.npos) lines.replace(star, 1, accept);
      peer.send("HTTP/1.1 101 Switching Protocols\r\n" + lines + "\r\n");
      peer.read_to_end();
    });
    const Opened opened = open(server);
    ASSERT_TRUE(opened.fault) << answer;
    EXPECT_TRUE(opened.fault->is(Errc::protocol));
    EXPECT_THAT(opened.fault->context, HasSubstr(complaint));
  }
}

TEST_F(UpstreamSocketTest, WhatBreaksTheRulesOrTheLimitsEndsItForBoth) {
  const std::string huge(5000, 'x');
  const struct {
    std::string frames;
    int code;  ///< that the upstream is told; 0: none
  } cases[] = {
      {frame_head(kText, huge.size(), true, false) + huge, 1009},
      {frame_head(kText, 2, true, false) + "\xc3\x28", 1007},
      {client_frame(kText, "masked"), 1002},
      {std::string("\xf1\x01x", 3), 1002},
      {server_frame(kText, "whole").substr(0, 4), 0},
  };
  for (const auto& [frames, code] : cases) {
    std::promise<std::string> told;
    ScriptedServer server([&](Peer& peer) {
      peer.send(good_101(peer.read_head()) + frames);
      if (code == 0) return;
      const Frame frame = read_frame(peer);
      told.set_value(frame.opcode == kClose ? frame.payload : "no close");
    });
    ClientLimits limits;
    limits.socket.message = 4096;
    EXPECT_EQ(open(server, {}, limits).status, 101);
    ASSERT_EQ(near->got.size(), 1U) << code;
    EXPECT_THAT(near->got[0], HasSubstr("close 1006")) << code;
    if (code == 0) continue;
    const std::string payload = within(told);
    ASSERT_GE(payload.size(), 2U) << payload;
    EXPECT_EQ(static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]), code);
  }
}

TEST_F(UpstreamSocketTest, ASocketThatIsDroppedEndsItsConnection) {
  std::promise<void> ended;
  ScriptedServer server([&](Peer& peer) {
    peer.send(good_101(peer.read_head()));
    peer.read_to_end();
    ended.set_value();
  });
  struct Steps {
    static Awaitable<void> run(Client& client) {
      exchange::Request request;
      request.head = {"GET", "/", {}};
      auto answer = co_await client.open_socket(std::move(request));
      EXPECT_TRUE(answer && std::holds_alternative<exchange::SocketAccept>(*answer));
    }
  };
  TestAsker asker(server.address());
  asker.network().run(Steps::run(asker.client()));
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(UpstreamSocketTest, ASilentServerIsPingedAndThenGivenUp) {
  std::promise<int> pinged;
  ScriptedServer server([&](Peer& peer) {
    peer.send(good_101(peer.read_head()));
    pinged.set_value(read_frame(peer).opcode);
    peer.read_to_end();
  });
  ClientLimits limits;
  limits.socket.ping_after = 10ms;
  limits.socket.dead_after = 100ms;
  EXPECT_EQ(open(server, {}, limits).status, 101);
  EXPECT_EQ(within(pinged), kPing);
  ASSERT_EQ(near->got.size(), 1U);
  EXPECT_THAT(near->got[0], HasSubstr("close 1006"));
}

}  // namespace
}  // namespace owndir::http
