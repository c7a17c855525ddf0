// The server's rules as event -> actions: validity, replay, order, limits and the end of an offer.
#include "rendezvous/server_machine_world.hpp"

namespace owndir::rendezvous::test {
namespace {

using namespace std::chrono_literals;

TEST_F(ServerMachineTest, AnswersAnOffer) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  ASSERT_EQ(answers(offer).size(), 1U);
  const auto record = parse_record(*parse_name(answers(offer)[0]), files_[answers(offer)[0]]);
  ASSERT_TRUE(record);
  const auto& answer = std::get<Answer>(*record);
  EXPECT_EQ(answer.offer_digest, digest(serialize(offer)));
  EXPECT_EQ(answer.sdp, "sdp of the answer");
  EXPECT_EQ(answer.valid_s, 600U);
  EXPECT_EQ(machine_->pending(), 1U);
}

TEST_F(ServerMachineTest, AnOfferExpiresByTheServersOwnTimeWhateverTheClocksSay) {
  for (const auto skew : {-12h, 0h, 12h}) {
    for (const auto jump : {-12h, 0h, 12h}) {
      SCOPED_TRACE(testing::Message() << "created " << skew.count() << " h off, wall clock jumps " << jump.count()
                                      << " h");
      files_.clear();
      restart({});
      begin();
      Offer offer = offer_of(1, 2);
      offer.created_ms = to_unix_ms(clock_.wall() + skew);
      arrive(offer);
      ASSERT_EQ(answers(offer).size(), 1U);
      clock_.wall_ += jump;
      pass(599s);
      EXPECT_EQ(answers(offer).size(), 1U);
      EXPECT_TRUE(abandoned_.empty());
      pass(2s);
      EXPECT_TRUE(answers(offer).empty());
      EXPECT_EQ(abandoned_.size(), 1U);
      EXPECT_EQ(machine_->pending(), 0U);
    }
  }
}

TEST_F(ServerMachineTest, ValidityIsBounded) {
  begin();
  Offer offer = offer_of(1, 2);
  offer.valid_s = 1'000'000;
  arrive(offer);
  pass(3599s);
  EXPECT_EQ(answers(offer).size(), 1U);
  pass(2s);
  EXPECT_TRUE(answers(offer).empty());
}

struct Replay {
  const char* what;
  std::uint64_t client, offer, nonce;
  const char* sdp;
  bool answered;
};

TEST_F(ServerMachineTest, ReplaysAreRefused) {
  const Offer first = offer_of(1, 2);
  const Replay replays[] = {
      {"the nonce under another name", 3, 4, 0x1000002, "v=0\r\n", false},
      {"the id of another client", 3, 2, 0x99, "v=0\r\n", false},
      {"both under another client", 3, 2, 0x1000002, "v=0\r\n", false},
      {"another offer of the same client", 1, 5, 0x99, "v=0\r\n", true},
  };
  for (const Replay& replay : replays) {
    SCOPED_TRACE(replay.what);
    files_.clear();
    reports_.clear();
    restart({});
    begin();
    arrive(first);
    Offer second = offer_of(replay.client, replay.offer);
    second.nonce = id_of(replay.nonce);
    second.sdp = replay.sdp;
    arrive(second);
    EXPECT_EQ(answers(second).size(), replay.answered ? 1U : 0U);
    EXPECT_EQ(said("replayed"), !replay.answered);
    EXPECT_EQ(answers(first).size(), 1U);
  }
}

TEST_F(ServerMachineTest, OtherBytesUnderTheSameNameAreRefusedAndTheFirstStaysAnswered) {
  begin();
  Offer offer = offer_of(1, 2);
  arrive(offer);
  offer.sdp = "another";
  arrive(offer);
  pass(1s);
  EXPECT_TRUE(said("replay"));
  EXPECT_EQ(answers(offer).size(), 1U);
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(ServerMachineTest, TheSameBytesUnderTheSameNameAreADuplicate) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  arrive(offer);
  pass(1s);
  list();
  EXPECT_EQ(asked_.size(), 1U);
  EXPECT_FALSE(said("replay"));
}

TEST_F(ServerMachineTest, AnOfferForAnotherServerIsLeftAlone) {
  begin();
  Offer offer = offer_of(1, 2);
  offer.to = id_of(0x77);
  const std::string name = arrive(offer);
  pass(1h);
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE(files_.contains(name));
  Offer ours = offer_of(1, 3);
  ours.to = machine_->id();
  arrive(ours);
  EXPECT_EQ(answers(ours).size(), 1U);
}

TEST_F(ServerMachineTest, AnAnswerThatIsMadeAfterItsOfferIsGoneIsDropped) {
  begin();
  hold_answers_ = true;
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  vanish(name_of(offer));
  pass(2s);
  EXPECT_EQ(abandoned_.size(), 1U);
  feed(M::AnswerMade{keys_[offer.offer], "late"});
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_EQ(machine_->pending(), 0U);
}

TEST_F(ServerMachineTest, LateSignsOfPeersThatAreGoneAreIgnored) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  const std::uint64_t key = keys_[offer.offer];
  feed(M::Connected{key});
  EXPECT_TRUE(answers(offer).empty());
  feed(M::Connected{key});
  feed(M::Failed{key});
  feed(M::Failed{12345});
  feed(M::AnswerMade{key, "again"});
  pass(1h);
  EXPECT_TRUE(abandoned_.empty());
  EXPECT_TRUE(answers(offer).empty());
}

TEST_F(ServerMachineTest, AnAnswerThatIsWrittenAfterItsPeerConnectedIsRemoved) {
  begin();
  hold_saves_ = true;
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  feed(M::Connected{keys_[offer.offer]});
  hold_saves_ = false;
  feed(M::Saved{held_save_->generation, {}});
  pass(5s);
  EXPECT_TRUE(answers(offer).empty());
}

TEST_F(ServerMachineTest, TheOldestOfAClientGivesWay) {
  begin();
  for (std::uint64_t i = 0; i < 5; ++i) {
    arrive(offer_of(1, 10 + i));
    pass(10ms);
  }
  EXPECT_EQ(machine_->pending(), 4U);
  EXPECT_EQ(abandoned_, std::vector{keys_[id_of(10)]});
  EXPECT_TRUE(answers(offer_of(1, 10)).empty());
  EXPECT_EQ(answers(offer_of(1, 14)).size(), 1U);
  arrive(offer_of(2, 20));
  EXPECT_EQ(machine_->pending(), 5U);
}

TEST_F(ServerMachineTest, TheOldestOfAllGivesWay) {
  begin();
  for (std::uint64_t i = 0; i < 70; ++i) {
    arrive(offer_of(100 + i, 10 + i));
    pass(100ms);
  }
  EXPECT_EQ(machine_->pending(), 64U);
  EXPECT_EQ(abandoned_.size(), 6U);
  EXPECT_EQ(abandoned_.front(), keys_[id_of(10)]);
}

TEST_F(ServerMachineTest, AnswersAreMadeAtALimitedRateNewestFirst) {
  begin();
  pass(10s);
  hold_reads_ = true;
  for (std::uint64_t i = 0; i < 40; ++i) {
    put_file(name_of(offer_of(100 + i, 10 + i)), serialize(offer_of(100 + i, 10 + i)));
    mtimes_[name_of(offer_of(100 + i, 10 + i))] = static_cast<std::int64_t>((i * 7) % 40);
  }
  hold_reads_ = false;
  list();
  EXPECT_EQ(asked_.size(), 16U);
  pass(500ms);
  EXPECT_NEAR(static_cast<double>(asked_.size()), 24.0, 1.0);
  pass(10s);
  EXPECT_EQ(asked_.size(), 40U);
}

TEST_F(ServerMachineTest, AnErrorOfTheAnswererRefusesTheOffer) {
  begin();
  hold_answers_ = true;
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  feed(M::AnswerMade{keys_[offer.offer], fail(Errc::malformed, "bad SDP")});
  EXPECT_TRUE(said("bad SDP"));
  EXPECT_EQ(machine_->pending(), 0U);
  EXPECT_TRUE(abandoned_.empty());
  list();
  pass(60s);
  EXPECT_EQ(asked_.size(), 1U);
}

}  // namespace
}  // namespace owndir::rendezvous::test
