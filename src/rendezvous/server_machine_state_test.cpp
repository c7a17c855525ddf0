// The server's rules as event -> actions: its own records, its state, the directory, the end.
#include "rendezvous/server_machine_world.hpp"

namespace owndir::rendezvous::test {
namespace {

using namespace std::chrono_literals;

TEST_F(ServerMachineTest, WritesPresenceAtTheStartEveryHourAndAtTheEndAndKeepsOne) {
  begin();
  ASSERT_EQ(presences().size(), 1U);
  const Presence first = presences()[0];
  EXPECT_TRUE(first.up);
  pass(3599s);
  EXPECT_EQ(presences(), std::vector{first});
  pass(2s);
  ASSERT_EQ(presences().size(), 1U);
  EXPECT_GT(presences()[0].n, first.n);
  feed(M::Stop{});
  EXPECT_TRUE(machine_->finished());
  ASSERT_EQ(presences().size(), 1U);
  EXPECT_FALSE(presences()[0].up);
}

TEST_F(ServerMachineTest, ThePreviousPresenceStaysUntilTheNewOneIsInPlace) {
  begin();
  const Presence first = presences()[0];
  write_error_ = std::errc::no_space_on_device;
  pass(3605s);
  EXPECT_EQ(presences(), std::vector{first});
  EXPECT_TRUE(said("Free some space"));
  write_error_ = {};
  pass(60s);
  ASSERT_EQ(presences().size(), 1U);
  EXPECT_GT(presences()[0].n, first.n);
}

TEST_F(ServerMachineTest, PresencesOfAnEarlierRunGoOnceTheNewOneIsInPlace) {
  Presence old;
  old.server = machine_->id();
  old.n = 5;
  old.every_s = 1;
  Presence other = old;
  other.server = id_of(0x77);
  put_file(name_of(old), serialize(old));
  put_file(name_of(other), serialize(other));
  hold_saves_ = true;
  begin();
  EXPECT_TRUE(files_.contains(name_of(old)));
  hold_saves_ = false;
  feed(M::Saved{held_save_->generation, {}});
  EXPECT_FALSE(files_.contains(name_of(old)));
  EXPECT_TRUE(files_.contains(name_of(other)));
}

TEST_F(ServerMachineTest, FirstSeenAndNonceAreSavedBeforeTheAnswerIsWritten) {
  begin();
  const Offer offer = offer_of(1, 2);
  hold_saves_ = true;
  arrive(offer);
  EXPECT_TRUE(answers(offer).empty());
  ASSERT_TRUE(held_save_);
  ASSERT_EQ(held_save_->state.offers.size(), 1U);
  EXPECT_EQ(held_save_->state.offers[0].nonce, offer.nonce);
  EXPECT_EQ(held_save_->state.offers[0].first_seen_ms, to_unix_ms(clock_.wall()));
  feed(M::Saved{held_save_->generation, {}});
  EXPECT_EQ(answers(offer).size(), 1U);
}

TEST_F(ServerMachineTest, AStateThatCannotBeSavedHoldsUpAnswersUntilItCan) {
  begin();
  save_error_ = std::errc::no_space_on_device;
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  pass(5s);
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_TRUE(said("Could not save the state"));
  save_error_ = {};
  pass(2s);
  EXPECT_EQ(answers(offer).size(), 1U);
}

TEST_F(ServerMachineTest, SavesAreBatched) {
  begin();
  pass(2s);
  const int before = saves_;
  for (std::uint64_t i = 0; i < 500; ++i) arrive(name_of(offer_of(1, 100 + i)), "junk");
  pass(1s);
  EXPECT_LE(saves_ - before, 2);
  pass(1s);
  EXPECT_GT(saves_, before);
  const int after = saves_;
  pass(60s);
  EXPECT_LE(saves_, after + 1);
}

TEST_F(ServerMachineTest, NIsTheTimeOrOneMoreThanTheLast) {
  begin();
  const std::uint64_t first = presences()[0].n;
  EXPECT_EQ(first, static_cast<std::uint64_t>(to_unix_ms(clock_.wall())));
  // The wall clock goes back by a day.
  clock_.wall_ -= 24h;
  const Offer one = offer_of(1, 2), two = offer_of(3, 4);
  arrive(one);
  arrive(two);
  EXPECT_EQ(parse_name(answers(one)[0])->n, first + 1);
  EXPECT_EQ(parse_name(answers(two)[0])->n, first + 2);
  restart(*saved_);
  begin();
  EXPECT_GT(presences()[0].n, first + 2);
}

TEST_F(ServerMachineTest, ARestartNeitherProlongsNorRepeats) {
  begin();
  const Offer offer = offer_of(1, 2), spent = offer_of(1, 3);
  arrive(offer);
  arrive(spent);
  feed(M::Connected{keys_[spent.offer]});
  pass(300s);
  const std::string old = answers(offer)[0];
  // Killed: nothing is cleaned up. An hour of clock change back must not make the offer younger.
  clock_.wall_ -= 1h;
  restart(*saved_);
  begin();
  EXPECT_EQ(asked_, std::vector{offer.offer});
  ASSERT_EQ(answers(offer).size(), 1U);
  EXPECT_NE(answers(offer)[0], old);
  EXPECT_GT(parse_name(answers(offer)[0])->n, parse_name(old)->n);
  pass(605s);
  EXPECT_TRUE(answers(offer).empty());
}

TEST_F(ServerMachineTest, AnOfferThatExpiredWhileTheServerWasDownIsRefused) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  pass(2s);
  clock_.pass(11min);
  restart(*saved_);
  begin();
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_TRUE(said("expired"));
}

TEST_F(ServerMachineTest, AStopAbandonsButARestartAnswersAgain) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  feed(M::Stop{});
  EXPECT_EQ(abandoned_.size(), 1U);
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_TRUE(machine_->finished());
  restart(*saved_);
  begin();
  EXPECT_EQ(answers(offer).size(), 1U);
}

TEST_F(ServerMachineTest, ADirectoryThatGoesAwayIsNoWithdrawal) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  vanish(name_of(offer));
  feed(M::DirectoryLost{});
  pass(60s);
  EXPECT_TRUE(abandoned_.empty());
  put_file(name_of(offer), serialize(offer));
  feed(M::DirectoryBack{});
  list();
  pass(60s);
  EXPECT_TRUE(abandoned_.empty());
  EXPECT_EQ(answers(offer).size(), 1U);
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(ServerMachineTest, WhatWasLostWithTheDirectoryIsWrittenAgainUnderANewName) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  const std::string before = answers(offer)[0];
  const Presence presence = presences()[0];
  feed(M::DirectoryLost{});
  files_.clear();
  put_file(name_of(offer), serialize(offer));
  feed(M::DirectoryBack{});
  list();
  pass(5s);
  ASSERT_EQ(answers(offer).size(), 1U);
  EXPECT_NE(answers(offer)[0], before);
  ASSERT_EQ(presences().size(), 1U);
  EXPECT_GT(presences()[0].n, presence.n);
}

TEST_F(ServerMachineTest, SomebodyWhoKeepsRemovingAnAnswerDoesNotKeepTheServerWriting) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  write_log_.clear();
  for (int i = 0; i < 100; ++i) {
    for (const std::string& name : answers(offer)) vanish(name);
    pass(5s);
  }
  EXPECT_LE(write_log_.size(), 6U);
}

TEST_F(ServerMachineTest, AFailedWriteIsTriedAgainWhileTheOfferIsValidAndSaidOnce) {
  begin();
  write_error_ = std::errc::read_only_file_system;
  const Offer offer = offer_of(1, 2);
  reports_.clear();
  arrive(offer);
  pass(300s);
  EXPECT_EQ(std::ranges::count_if(reports_, [](const Report& report) { return report.level == Report::Level::error; }),
            1);
  EXPECT_TRUE(said("writable"));
  EXPECT_GT(write_log_.size(), 5U);
  EXPECT_LT(write_log_.size(), 30U);
  write_error_ = {};
  pass(31s);
  EXPECT_EQ(answers(offer).size(), 1U);
  write_error_ = std::errc::no_space_on_device;
  const Offer late = offer_of(3, 4);
  arrive(late);
  pass(11min);
  write_log_.clear();
  pass(10min);
  EXPECT_TRUE(write_log_.empty());
}

TEST_F(ServerMachineTest, ANameThatIsTakenGetsAnotherN) {
  begin();
  write_error_ = std::errc::file_exists;
  const Offer offer = offer_of(1, 2);
  hold_answers_ = true;
  arrive(offer);
  follow(M::AnswerMade{keys_[offer.offer], "sdp"});
  M::WriteFile first;
  for (auto& action : queue_)
    if (auto* write = std::get_if<M::WriteFile>(&action)) first = *write;
  queue_.clear();
  write_error_ = {};
  feed(M::Written{first.name, fail(std::make_error_code(std::errc::file_exists), first.name)});
  ASSERT_EQ(answers(offer).size(), 1U);
  EXPECT_NE(answers(offer)[0], first.name);
}

TEST_F(ServerMachineTest, ARemovalThatFailsIsTriedAgainAndGivenUpInTheEnd) {
  begin();
  const Offer offer = offer_of(1, 2);
  arrive(offer);
  remove_error_ = std::errc::permission_denied;
  feed(M::Connected{keys_[offer.offer]});
  pass(3s);
  EXPECT_EQ(answers(offer).size(), 1U);
  remove_error_ = {};
  pass(5s);
  EXPECT_TRUE(answers(offer).empty());
}

TEST_F(ServerMachineTest, AForgedAnswerUnderOurIdIsRemoved) {
  begin();
  Answer forged{id_of(1), id_of(2), machine_->id(), id_of(4), 9, 1, 1, "x", std::string(64, '0'), "v=0"};
  arrive(name_of(forged), serialize(forged));
  EXPECT_FALSE(files_.contains(name_of(forged)));
}

TEST_F(ServerMachineTest, AStopWithoutTheDirectoryEnds) {
  begin();
  arrive(offer_of(1, 2));
  feed(M::DirectoryLost{});
  feed(M::Stop{});
  EXPECT_TRUE(machine_->finished());
  EXPECT_EQ(abandoned_.size(), 1U);
}

TEST_F(ServerMachineTest, AStopThatCannotWriteEnds) {
  begin();
  arrive(offer_of(1, 2));
  write_error_ = std::errc::no_space_on_device;
  remove_error_ = std::errc::permission_denied;
  save_error_ = std::errc::io_error;
  feed(M::Stop{});
  pass(3s);
  EXPECT_TRUE(machine_->finished());
}

TEST_F(ServerMachineTest, AnIdleMachineAsksForNoTicks) {
  begin();
  pass(5s);
  EXPECT_GE(machine_->deadline() - clock_.steady(), 30min);
}

TEST(ServerState, SurvivesTheFile) {
  ServerState state;
  state.server = id_of(1);
  state.last_n = 1760000000000;
  state.saved_ms = 5;
  state.first_seen = {{name_of(offer_of(1, 2)), 3}};
  state.offers = {{id_of(4), id_of(2), name_of(offer_of(1, 2)), std::string(64, 'a'), 3, true}};
  const auto parsed = parse_server_state(serialize(state));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, state);
}

TEST(ServerState, BrokenFilesAreRefused) {
  ServerState state;
  state.server = id_of(1);
  state.offers = {{id_of(4), id_of(2), name_of(offer_of(1, 2)), std::string(64, 'a'), 3, true}};
  const std::string good = serialize(state);
  ASSERT_TRUE(parse_server_state(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parse_server_state(good.substr(0, size)));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return parse_server_state(text);
  };
  EXPECT_TRUE(with("\"v\":1", "\"v\":2").error().is(Errc::unsupported));
  EXPECT_FALSE(with(id_of(1), "short"));
  EXPECT_FALSE(with("\"n\":0", "\"n\":-1"));
  EXPECT_FALSE(with("\"n\":0", "\"n\":999999999999999999"));
  EXPECT_FALSE(with("\"seen\":3", "\"seen\":9223372036854775807"));
  EXPECT_FALSE(with("\"spent\":true", "\"spent\":1"));
  EXPECT_FALSE(with("\"first_seen\":[]", "\"first_seen\":[[1,2]]"));
}

}  // namespace
}  // namespace owndir::rendezvous::test
