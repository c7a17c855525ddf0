// The server's rules as event -> actions: files half-written, broken, gone, old, too many.
#include "rendezvous/server_machine_world.hpp"

namespace owndir::rendezvous::test {
namespace {

using namespace std::chrono_literals;

TEST_F(ServerMachineTest, AHalfWrittenFileIsReadAgainWhenItChanges) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(name_of(offer), "");
  pass(1900ms);
  EXPECT_FALSE(said("refused"));
  arrive(name_of(offer), serialize(offer).substr(0, 20));
  pass(1900ms);
  EXPECT_FALSE(said("refused"));
  arrive(offer);
  EXPECT_EQ(answers(offer).size(), 1U);
}

TEST_F(ServerMachineTest, AFileThatGrowsWithoutAnEventIsReadAgainBeforeItIsCalledMalformed) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(name_of(offer), "{");
  files_[name_of(offer)] = serialize(offer);
  pass(2s);
  EXPECT_EQ(answers(offer).size(), 1U);
}

TEST_F(ServerMachineTest, AFileThatStaysBrokenIsMalformedAfterTwoSecondsAndReadOnceMoreOnly) {
  begin();
  arrive(name_of(offer_of(1, 2)), "{");
  const int before = reads_;
  pass(1999ms);
  EXPECT_FALSE(said("malformed"));
  pass(60s);
  EXPECT_TRUE(said("malformed"));
  EXPECT_EQ(reads_, before + 1);
  // Mended later: looked at again.
  arrive(offer_of(1, 2));
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(ServerMachineTest, AFileThatChangesWithoutEndIsReadTenTimesASecondAtMost) {
  begin();
  const int before = reads_;
  for (int i = 0; i < 1000; ++i) {
    arrive(name_of(offer_of(1, 2)), "{" + std::string(static_cast<std::size_t>(i), ' '));
    pass(1ms);
  }
  EXPECT_LE(reads_ - before, 12);
}

TEST_F(ServerMachineTest, LargeForeignAndNewerRecordsAreRefusedAtOnce) {
  begin();
  const std::string name = name_of(offer_of(1, 2));
  arrive(name, std::string(20000, ' '));
  EXPECT_TRUE(said("too large"));
  arrive(name_of(offer_of(3, 4)), serialize(offer_of(5, 6)));
  EXPECT_TRUE(said("somebody else"));
  arrive(name_of(offer_of(7, 8)), R"({"v":2})");
  EXPECT_TRUE(said("not supported"));
  FileInfo link;
  link.name = name_of(offer_of(9, 10));
  link.regular = false;
  feed(M::Seen{link});
  EXPECT_TRUE(said("not a regular file"));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ServerMachineTest, RefusalsDoNotFloodTheLog) {
  begin();
  reports_.clear();
  for (std::uint64_t i = 0; i < 10000; ++i) arrive(name_of(offer_of(1, 100 + i)), R"({"v":2})");
  EXPECT_LE(reports_.size(), 20U);
  pass(1s);
  EXPECT_TRUE(said("9980 more records were refused"));
}

TEST_F(ServerMachineTest, AnOverwriteIsNoWithdrawal) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  vanish(name_of(offer));
  pass(5ms);
  arrive(offer);
  pass(10s);
  EXPECT_TRUE(abandoned_.empty());
  EXPECT_EQ(answers(offer).size(), 1U);
  // Nor when the event of its return is lost.
  files_.erase(name_of(offer));
  feed(M::Gone{name_of(offer)});
  put_file(name_of(offer), serialize(offer));
  pass(10s);
  EXPECT_TRUE(abandoned_.empty());
}

TEST_F(ServerMachineTest, AWithdrawalAbandonsAfterASecond) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  vanish(name_of(offer));
  pass(900ms);
  EXPECT_TRUE(abandoned_.empty());
  pass(200ms);
  EXPECT_EQ(abandoned_.size(), 1U);
  EXPECT_TRUE(answers(offer).empty());
  // It may come back: first seen when it was first seen.
  pass(300s);
  arrive(offer);
  EXPECT_EQ(answers(offer).size(), 1U);
  pass(300s);
  EXPECT_TRUE(answers(offer).empty());
}

TEST_F(ServerMachineTest, AWithdrawalThatOnlyAListingShowsCountsToo) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  files_.erase(name_of(offer));
  list();
  pass(2s);
  EXPECT_EQ(abandoned_.size(), 1U);
}

TEST_F(ServerMachineTest, AmongOffersSeenAtOnceTheNewerFileIsReadAndAnsweredFirst) {
  limits_.answers_per_second = 1;
  restart({});
  begin();
  pass(10s);
  for (std::uint64_t i = 0; i < 30; ++i) {
    put_file(name_of(offer_of(100 + i, 10 + i)), serialize(offer_of(100 + i, 10 + i)));
    mtimes_[name_of(offer_of(100 + i, 10 + i))] = static_cast<std::int64_t>(1000 - i);
  }
  list();
  ASSERT_FALSE(asked_.empty());
  EXPECT_EQ(asked_[0], id_of(10));
}

TEST_F(ServerMachineTest, TenThousandValidOffersDoNotHoldUpOneThatComesAfterThem) {
  begin();
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const Offer stray = offer_of(100 + i, 100000 + i);
    put_file(name_of(stray), serialize(stray));
  }
  list();
  pass(100ms);
  const Offer honest = offer_of(1, 2);
  arrive(honest);
  pass(200ms);
  EXPECT_EQ(answers(honest).size(), 1U);
  EXPECT_LE(machine_->pending(), 64U);
}

TEST_F(ServerMachineTest, AFloodThatWasThereAtTheStartDoesNotHoldUpANewerOffer) {
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const Offer stray = offer_of(100 + i, 100000 + i);
    put_file(name_of(stray), serialize(stray));
    mtimes_[name_of(stray)] = 1000;
  }
  const Offer honest = offer_of(1, 2);
  put_file(name_of(honest), serialize(honest));
  mtimes_[name_of(honest)] = 2000;
  begin();
  pass(100ms);
  EXPECT_EQ(answers(honest).size(), 1U);
}

TEST_F(ServerMachineTest, AFloodThatArrivedEarlierButIsLookedAtLaterDoesNotHoldUpAnOffer) {
  limits_.answers_per_second = 1;
  restart({});
  begin();
  pass(10s);
  const auto see = [&](const Offer& offer, std::int64_t ctime) {
    put_file(name_of(offer), serialize(offer));
    FileInfo file = info(name_of(offer));
    file.ctime_ns = ctime;
    feed(M::Seen{file});
  };
  // Each of these is read and answered in turn, and one waits: the newest by the time of its arrival.
  see(offer_of(1, 2), 500);
  see(offer_of(3, 4), 2000);
  for (std::uint64_t i = 0; i < 100; ++i) see(offer_of(100 + i, 100 + i), static_cast<std::int64_t>(1000 + i));
  pass(1100ms);
  ASSERT_EQ(asked_.size(), 2U);
  EXPECT_EQ(asked_[1], id_of(4));
}

TEST_F(ServerMachineTest, MoreNamesThanItFollowsForgetTheOldestNotTheAnswered) {
  limits_.directory_entries = 100;
  restart({});
  begin();
  const Offer first = offer_of(1, 2);
  arrive(first);
  for (std::uint64_t i = 0; i < 1000; ++i) arrive(name_of(offer_of(3, 100 + i)), "junk");
  const Offer last = offer_of(5, 6);
  arrive(last);
  EXPECT_EQ(answers(first).size(), 1U);
  EXPECT_EQ(answers(last).size(), 1U);
  pass(2s);
  EXPECT_LE(saved_->first_seen.size(), 100U);
}

TEST_F(ServerMachineTest, NoncesAreBounded) {
  limits_.nonces_remembered = 10;
  restart({});
  begin();
  for (std::uint64_t i = 0; i < 50; ++i) {
    arrive(offer_of(100 + i, 10 + i));
    pass(1s);
  }
  EXPECT_EQ(saved_->offers.size(), 10U);
  EXPECT_EQ(saved_->offers.back().offer, id_of(59));
}

TEST_F(ServerMachineTest, EveryRecordIsRemovedADayAfterItWasFirstSeen) {
  Offer foreign = offer_of(1, 2);
  foreign.to = id_of(0x77);
  Presence other;
  other.server = id_of(0x77);
  other.n = 3;
  Answer stray{id_of(1), id_of(2), id_of(0x77), id_of(4), 9, 1, 1, "x", std::string(64, '0'), "v=0"};
  const std::vector<std::string> names = {name_of(foreign), name_of(other), name_of(stray), name_of(offer_of(8, 9))};
  put_file(names[0], serialize(foreign));
  put_file(names[1], serialize(other));
  put_file(names[2], serialize(stray));
  put_file(names[3], "malformed");
  put_file("notes.txt", "not ours");
  begin();
  pass(20h);
  // A restart does not begin anew.
  restart(*saved_);
  begin();
  for (const std::string& name : names) EXPECT_TRUE(files_.contains(name)) << name;
  pass(4h + 1s);
  for (const std::string& name : names) EXPECT_FALSE(files_.contains(name)) << name;
  EXPECT_TRUE(files_.contains("notes.txt"));
}

TEST_F(ServerMachineTest, AnAnswerThatIsTooLargeIsNotWritten) {
  begin();
  hold_answers_ = true;
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  feed(M::AnswerMade{keys_[offer.offer], std::string(20000, 'x')});
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_TRUE(said("too many candidates"));
  EXPECT_EQ(abandoned_.size(), 1U);
}

}  // namespace
}  // namespace owndir::rendezvous::test
