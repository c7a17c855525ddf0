#include "rtc/peer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/test_memory.hpp"
#include "rtc/pair.hpp"
#include "rtc/sdp.hpp"
#include "rtc/test_support.hpp"

namespace owndir::rtc {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class PeerTest : public testing::Test {
 protected:
  std::shared_ptr<Peer> make(PeerOptions options = {}) {
    auto peer = Peer::create(*engine, std::move(options));
    EXPECT_TRUE(peer) << peer.error().to_string();
    return *peer;
  }
  Pair connected(PeerOptions options = {}) {
    auto pair = run(io, connect_pair(*engine, *engine, std::move(options)));
    EXPECT_TRUE(pair) << pair.error().to_string();
    return *pair;
  }
  /// The offer of `peer`, with only those candidates whose line has `word`.
  std::string offer_with(Peer& peer, std::string_view word) {
    const auto offer = run(io, peer.make_offer());
    EXPECT_TRUE(offer) << offer.error().to_string();
    std::string out;
    std::istringstream lines(*offer);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("a=candidate:") && line.find(word) == std::string::npos) continue;
      out += line + "\n";
    }
    return out;
  }

  asio::io_context io;
  std::unique_ptr<Engine> engine = std::move(*Engine::create(io.get_executor()));
};

TEST_F(PeerTest, MessagesGoBothWaysOnAllChannels) {
  const Pair pair = connected();
  ASSERT_EQ(pair.offerer->channels().size(), 5U);
  std::vector<std::string> seen;
  for (const auto* peer : {&pair.offerer, &pair.answerer}) {
    for (std::size_t id = 0; id < 5; ++id) {
      exchange::MessageChannel::Events events;
      events.on_message = [&seen, peer, id, &pair](Bytes message) {
        seen.push_back(fmt::format("{}{} {}", peer == &pair.offerer ? "offerer" : "answerer", id, as_text(message)));
      };
      (*peer)->channels()[id]->set_events(std::move(events));
      EXPECT_EQ((*peer)->channels()[id]->max_message(), 262144U);
      ASSERT_TRUE((*peer)->channels()[id]->send(as_bytes(fmt::format("to {}", id))));
      ASSERT_TRUE((*peer)->channels()[id]->send({}));
    }
  }
  EXPECT_TRUE(run_until(io, [&] { return seen.size() == 20; }));
  EXPECT_THAT(seen, testing::Contains("offerer0 to 0"));
  EXPECT_THAT(seen, testing::Contains("answerer4 to 4"));
  EXPECT_THAT(seen, testing::Contains("answerer2 "));
}

TEST_F(PeerTest, LargeMessagesArriveWholeAndInOrder) {
  const Pair pair = connected();
  const auto sender = pair.offerer->channels()[1];
  std::uint32_t next_out = 0, next_in = 0;
  bool wrong = false;
  const auto fill = [&] {
    while (next_out < 60) {
      Bytes message(262144, static_cast<std::byte>(next_out));
      if (!sender->send(message)) return;
      ++next_out;
    }
  };
  exchange::MessageChannel::Events out, in;
  out.on_buffered_low = fill;
  in.on_message = [&](const Bytes& message) {
    wrong |= message.size() != 262144 || message.front() != static_cast<std::byte>(next_in) ||
             message.back() != static_cast<std::byte>(next_in);
    ++next_in;
  };
  sender->set_buffered_low_threshold(512 * 1024);
  pair.answerer->channels()[1]->set_events(std::move(in));
  sender->set_events(std::move(out));
  fill();
  EXPECT_LT(next_out, 60U) << "2 MiB is the bound of what waits";
  EXPECT_LE(sender->buffered_amount(), sender->max_buffered());
  EXPECT_TRUE(run_until(io, [&] { return next_in == 60; }));
  EXPECT_FALSE(wrong);
  EXPECT_TRUE(run_until(io, [&] { return sender->buffered_amount() == 0; }));
}

TEST_F(PeerTest, AnUnreachableStunServerCostsTheGatherWaitOnly) {
  PeerOptions options;
  options.ice_servers = {*parse_ice_server("stun:127.0.0.1:9")};
  options.gather_wait = 300ms;
  const auto peer = make(options);
  const auto start = std::chrono::steady_clock::now();
  const auto offer = run(io, peer->make_offer());
  ASSERT_TRUE(offer) << offer.error().to_string();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  EXPECT_THAT(*offer, HasSubstr("typ host"));
  const auto answerer = make();
  const auto answer = run(io, answerer->accept_offer(*offer));
  ASSERT_TRUE(answer) << answer.error().to_string();
  ASSERT_TRUE(run(io, peer->accept_answer(*answer)));
  EXPECT_TRUE(run_until(io, [&] { return peer->state() == PeerState::connected; }));
}

TEST_F(PeerTest, ConnectsOverIpv6Alone) {
  const auto offerer = make();
  const auto answerer = make();
  const std::string offer = offer_with(*offerer, " ::1 ");
  if (offer.find(" ::1 ") == std::string::npos) GTEST_SKIP() << "no IPv6 loopback here";
  const auto answer = run(io, answerer->accept_offer(offer));
  ASSERT_TRUE(answer) << answer.error().to_string();
  ASSERT_TRUE(run(io, offerer->accept_answer(*answer)));
  ASSERT_TRUE(run_until(io, [&] { return answerer->state() == PeerState::connected; }));
  const auto report = run(io, answerer->path_report());
  ASSERT_TRUE(report.selected);
  EXPECT_THAT(*report.selected, HasSubstr("[::1]:"));
  EXPECT_EQ(report.remote.size(), 1U);
  EXPECT_FALSE(report.local.empty());
}

TEST_F(PeerTest, LocalNamesAreSkippedWithoutDelay) {
  const auto offerer = make();
  const auto answerer = make();
  // The answerer gets nothing but names: the offerer's checks must find it.
  std::string offer = offer_with(*offerer, "no such word");
  for (int i = 0; i < 20; ++i) {
    offer += fmt::format("a=candidate:{0} 1 udp 2113937151 does-not-exist-{0}.local 5{0:04} typ host\r\n", i);
  }
  const auto start = std::chrono::steady_clock::now();
  const auto answer = run(io, answerer->accept_offer(offer));
  ASSERT_TRUE(answer) << answer.error().to_string();
  ASSERT_TRUE(run(io, offerer->accept_answer(*answer)));
  ASSERT_TRUE(run_until(io, [&] { return answerer->state() == PeerState::connected; }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_THAT(run(io, answerer->path_report()).remote,
              testing::Contains(HasSubstr("does-not-exist-7.local:50007 (not")));
}

TEST_F(PeerTest, RefusesHostileDescriptions) {
  for (const std::string& offer :
       {std::string(), std::string(20'000, 'x'), repository_file("fuzz/corpus/sdp/chromium_answer.sdp")}) {
    const auto peer = make();
    const auto answer = run(io, peer->accept_offer(offer));
    ASSERT_TRUE(offer.find("setup:active") != std::string::npos || !answer);
  }
  const auto offerer = make();
  ASSERT_TRUE(run(io, offerer->make_offer()));
  auto answer = repository_file("fuzz/corpus/sdp/chromium_answer.sdp");
  answer.replace(answer.find("a=mid:0"), 7, "a=mid:7");
  const auto taken = run(io, offerer->accept_answer(answer));
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(Errc::malformed));
  EXPECT_EQ(offerer->state(), PeerState::waiting) << "a wrong answer leaves the offer open";
}

TEST_F(PeerTest, TheOffersCorpusIsAnsweredOrRefusedWithoutHarm) {
  for (const char* name : {"chromium_offer.sdp", "firefox_offer.sdp", "sctp_init.sdp"}) {
    const auto peer = make();
    const auto answer = run(io, peer->accept_offer(repository_file(std::string("fuzz/corpus/sdp/") + name)));
    ASSERT_TRUE(answer) << name << answer.error().to_string();
    EXPECT_EQ(answer->find("sctp-init"), std::string::npos);
    EXPECT_TRUE(SdpSummary::parse(SdpType::answer, *answer)) << name;
    EXPECT_EQ(peer->state(), PeerState::connecting);
  }
}

TEST_F(PeerTest, EachStepIsTakenOnce) {
  const auto offerer = make();
  EXPECT_TRUE(run(io, offerer->accept_answer("v=0")).error().is(Errc::conflict));
  const auto offer = run(io, offerer->make_offer());
  ASSERT_TRUE(offer);
  EXPECT_TRUE(run(io, offerer->make_offer()).error().is(Errc::conflict));
  EXPECT_TRUE(run(io, offerer->accept_offer(*offer)).error().is(Errc::conflict));
}

TEST_F(PeerTest, AnswersOnlyWhoHoldsTheFingerprint) {
  const auto offerer = make();
  const auto answerer = make();
  auto offer = *run(io, offerer->make_offer());
  const std::size_t digit = offer.find("sha-256 ") + 8;
  offer[digit] = offer[digit] == '0' ? '1' : '0';
  const auto answer = run(io, answerer->accept_offer(offer));
  ASSERT_TRUE(answer);
  ASSERT_TRUE(run(io, offerer->accept_answer(*answer)));
  EXPECT_TRUE(run_until(io, [&] { return answerer->state() == PeerState::failed; }));
  EXPECT_NE(offerer->state(), PeerState::connected);
}

TEST_F(PeerTest, FailsWhenPatienceIsOver) {
  PeerOptions options;
  options.patience = 1s;
  const auto offerer = make();
  const auto answerer = make(options);
  std::vector<std::string> states;
  answerer->on_state([&](PeerState state) { states.emplace_back(to_string(state)); });
  const auto offer = run(io, offerer->make_offer());
  ASSERT_TRUE(run(io, answerer->accept_offer(*offer)));
  ASSERT_TRUE(run_until(io, [&] { return states.size() == 2; }));
  EXPECT_THAT(states, testing::ElementsAre("connecting", "failed"));
  bool told = false;
  exchange::MessageChannel::Events events;
  events.on_closed = [&](const Error& error) { told = error.is(Errc::timeout); };
  answerer->channels()[0]->set_events(std::move(events));
  EXPECT_TRUE(run_until(io, [&] { return told; }));
}

TEST_F(PeerTest, ClosingEitherSideEndsTheOther) {
  for (const bool offerer_closes : {true, false}) {
    const Pair pair = connected();
    const auto& near = offerer_closes ? pair.offerer : pair.answerer;
    const auto& far = offerer_closes ? pair.answerer : pair.offerer;
    bool last_words = false, closed = false;
    exchange::MessageChannel::Events events;
    events.on_message = [&](const Bytes& message) { last_words = as_text(message) == "goodbye"; };
    events.on_closed = [&](const Error& error) { closed = error.is(Errc::closed); };
    far->channels()[0]->set_events(std::move(events));
    ASSERT_TRUE(near->channels()[0]->send(as_bytes("goodbye")));
    run(io, near->close());
    EXPECT_EQ(near->state(), PeerState::closed);
    EXPECT_TRUE(near->channels()[0]->send(as_bytes("x")).error().is(Errc::closed));
    EXPECT_TRUE(run_until(io, [&] { return closed && far->state() == PeerState::closed; }, 10s));
    EXPECT_TRUE(last_words);
    run(io, near->close());
  }
}

TEST_F(PeerTest, AChannelClosesAloneAfterItsLastMessage) {
  const Pair pair = connected();
  std::size_t received = 0;
  bool closed = false;
  exchange::MessageChannel::Events events;
  events.on_message = [&](const Bytes& message) { received += message.size(); };
  events.on_closed = [&](const Error& error) { closed = error.is(Errc::closed); };
  pair.answerer->channels()[2]->set_events(std::move(events));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(pair.offerer->channels()[2]->send(Bytes(262144)));
  pair.offerer->channels()[2]->close();
  EXPECT_TRUE(run_until(io, [&] { return closed; }));
  EXPECT_EQ(received, 7U * 262144U);
  EXPECT_TRUE(pair.offerer->channels()[3]->send(as_bytes("still here")));
  EXPECT_EQ(pair.answerer->state(), PeerState::connected);
}

TEST_F(PeerTest, MayBeDroppedAtAnyMoment) {
  for (int step = 0; step < 4; ++step) {
    auto offerer = make();
    auto answerer = make();
    std::string offer, answer;
    if (step > 0) offer = *run(io, offerer->make_offer());
    if (step > 1) answer = *run(io, answerer->accept_offer(offer));
    if (step > 2) {
      ASSERT_TRUE(run(io, offerer->accept_answer(answer)));
    }
    const auto channels = step > 1 ? answerer->channels() : offerer->channels();
    offerer.reset();
    answerer.reset();
    for (const auto& channel : channels) EXPECT_FALSE(channel->send(as_bytes("x")));
    io.restart();
    io.poll();
  }
}

TEST_F(PeerTest, AWaitingStepEndsWithTheClosing) {
  PeerOptions options;
  options.ice_servers = {*parse_ice_server("stun:127.0.0.1:9")};
  const auto peer = make(options);
  std::optional<Result<std::string>> offer;
  asio::co_spawn(io, peer->make_offer(),
                 [&](const std::exception_ptr&, Result<std::string> value) { offer = std::move(value); });
  io.restart();
  io.poll();
  run(io, peer->close());
  ASSERT_TRUE(run_until(io, [&] { return offer.has_value(); }, 5s));
  EXPECT_TRUE(offer->error().is(Errc::closed));
}

TEST_F(PeerTest, ConnectingAndClosingOverAndOverKeepsNoMemory) {
  // Tasks that libwebrtc has put off keep pieces of a closed connection for about a minute: with many connections a
  // second memory first grows to a level, and must stay there.
  const bool soak = std::getenv("OWNDIR_SOAK") != nullptr;
  const int warm_up = soak ? 800 : 20, rounds = soak ? 1000 : kSanitized ? 20 : 40;
  const auto round = [&] {
    const Pair pair = connected();
    run(io, pair.offerer->close());
    run(io, pair.answerer->close());
  };
  for (int i = 0; i < warm_up; ++i) round();
  const std::size_t before = resident_bytes();
  for (int i = 0; i < rounds; ++i) round();
  const auto grown = static_cast<std::ptrdiff_t>(resident_bytes()) - static_cast<std::ptrdiff_t>(before);
  RecordProperty("grown_kib", static_cast<int>(grown / 1024));
  if (!kSanitized) {
    EXPECT_LT(grown, 2 * 1024 * 1024) << rounds << " connections";
  }
}

TEST(Engine, EndsWithPeersStillAlive) {
  asio::io_context io;
  auto engine = std::move(*Engine::create(io.get_executor()));
  auto pair = run(io, connect_pair(*engine, *engine, {}));
  ASSERT_TRUE(pair);
  pair = fail(Errc::closed);
  engine.reset();
}

}  // namespace
}  // namespace owndir::rtc
