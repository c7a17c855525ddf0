// The server's rules as event -> actions: no file, no timer, no thread.
#include "rendezvous/server_machine.hpp"

#include <algorithm>
#include <deque>

#include "rendezvous/test_support.hpp"

namespace owndir::rendezvous {
namespace {

using namespace test;
using namespace std::chrono_literals;
using M = ServerMachine;

/// The machine with a world around it that does at once what the actions say, unless a test holds it back.
class ServerMachineTest : public testing::Test {
 protected:
  ServerMachineTest() { restart({}); }

  void restart(ServerState state) {
    if (state.server.empty()) state.server = id_of(0x5e);
    ServerMachineOptions options;
    options.name = "home";
    options.limits = limits_;
    options.random = &random_;
    options.next_key = [this] { return ++last_key_; };
    machine_.emplace(options, std::move(state), now());
    written_.clear();
    abandoned_.clear();
    asked_.clear();
  }
  /// Directory there, listed, presence in place.
  void begin() {
    feed(M::DirectoryBack{});
    list();
  }

  Now now() const { return {clock_.steady(), clock_.wall()}; }

  void feed(M::Event event) {
    for (auto& action : machine_->handle(std::move(event), now())) queue_.push_back(std::move(action));
    while (!queue_.empty()) {
      M::Action action = std::move(queue_.front());
      queue_.pop_front();
      std::visit([this](auto&& value) { perform(std::move(value)); }, std::move(action));
    }
  }
  void follow(M::Event event) {
    for (auto& action : machine_->handle(std::move(event), now())) queue_.push_back(std::move(action));
  }

  void perform(M::ReadFile&& action) {
    ++reads_;
    if (hold_reads_) return;
    const auto file = files_.find(action.name);
    Result<std::string> bytes = fail(std::make_error_code(std::errc::no_such_file_or_directory), action.name);
    if (file != files_.end()) bytes = file->second;
    follow(M::FileRead{action.name, examine(action.name, std::move(bytes), limits_)});
  }
  void perform(M::CheckFile&& action) {
    if (files_.contains(action.name))
      follow(M::Seen{info(action.name)});
    else
      follow(M::Gone{action.name});
  }
  void perform(M::WriteFile&& action) {
    write_log_.push_back(action.name);
    if (write_error_ != std::errc()) {
      follow(M::Written{action.name, fail(std::make_error_code(write_error_), action.name)});
      return;
    }
    files_[action.name] = action.bytes;
    written_[action.name] = action.bytes;
    saved_when_written_ = saved_;
    follow(M::Written{action.name, {}});
  }
  void perform(M::RemoveFile&& action) {
    if (remove_error_ != std::errc()) {
      follow(M::Removed{action.name, fail(std::make_error_code(remove_error_), action.name)});
      return;
    }
    files_.erase(action.name);
    removed_.insert(action.name);
    follow(M::Removed{action.name, {}});
  }
  void perform(M::MakeAnswer&& action) {
    asked_.push_back(action.offer.offer);
    keys_[action.offer.offer] = action.key;
    if (!hold_answers_) follow(M::AnswerMade{action.key, "sdp of the answer"});
  }
  void perform(M::Abandon&& action) { abandoned_.push_back(action.key); }
  void perform(M::SaveState&& action) {
    ++saves_;
    if (hold_saves_) {
      held_save_ = std::move(action);
      return;
    }
    if (save_error_ != std::errc()) {
      follow(M::Saved{action.generation, fail(std::make_error_code(save_error_), "state")});
      return;
    }
    saved_ = std::move(action.state);
    follow(M::Saved{action.generation, {}});
  }
  void perform(Report&& report) { reports_.push_back(std::move(report)); }

  /// Time passes in the steps that the machine asks for.
  void pass(std::chrono::steady_clock::duration time) {
    const SteadyTime end = clock_.steady() + time;
    for (int ticks = 0;; ++ticks) {
      ASSERT_LT(ticks, 100000) << "the machine asks for ticks without end";
      const SteadyTime due = std::min(machine_->deadline(), end);
      if (due > clock_.steady()) clock_.pass(due - clock_.steady());
      feed(M::Tick{});
      if (clock_.steady() >= end) return;
    }
  }

  FileInfo info(const std::string& name) {
    FileInfo file;
    file.name = name;
    file.size = files_[name].size();
    file.mtime_ns = mtimes_.contains(name) ? mtimes_[name] : 0;
    file.inode = versions_[name];
    return file;
  }
  void put_file(const std::string& name, const std::string& bytes) {
    files_[name] = bytes;
    ++versions_[name];
  }
  void arrive(const std::string& name, const std::string& bytes) {
    put_file(name, bytes);
    feed(M::Seen{info(name)});
  }
  std::string arrive(const Offer& offer) {
    arrive(name_of(offer), serialize(offer));
    return name_of(offer);
  }
  void vanish(const std::string& name) {
    files_.erase(name);
    feed(M::Gone{name});
  }
  void list() {
    Listing listing;
    for (const auto& [name, bytes] : files_) listing.files.push_back(info(name));
    feed(M::Listed{std::move(listing)});
  }
  std::vector<std::string> answers(const Offer& offer) const {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) {
      const auto parsed = parse_name(name);
      if (parsed && parsed->kind == RecordName::Kind::answer && parsed->client == offer.client &&
          parsed->offer == offer.offer)
        names.push_back(name);
    }
    return names;
  }
  std::vector<Presence> presences() const {
    std::vector<Presence> all;
    for (const auto& [name, bytes] : files_)
      if (const auto parsed = parse_name(name); parsed && parsed->kind == RecordName::Kind::presence)
        if (const auto record = parse_record(*parsed, bytes)) all.push_back(std::get<Presence>(*record));
    return all;
  }
  bool said(const std::string& text) const {
    return std::ranges::any_of(reports_,
                               [&](const Report& report) { return report.text.find(text) != std::string::npos; });
  }

  Limits limits_;
  FakeClock clock_;
  CountingRandom random_;
  std::optional<ServerMachine> machine_;
  std::deque<M::Action> queue_;
  std::map<std::string, std::string> files_, written_;
  std::map<std::string, std::uint64_t> versions_;
  std::map<std::string, std::int64_t> mtimes_;
  std::set<std::string> removed_;
  std::vector<std::string> asked_, write_log_;
  std::vector<std::uint64_t> abandoned_;
  std::map<std::string, std::uint64_t> keys_;
  std::vector<Report> reports_;
  std::optional<ServerState> saved_, saved_when_written_;
  std::optional<M::SaveState> held_save_;
  bool hold_reads_ = false, hold_answers_ = false, hold_saves_ = false;
  std::errc write_error_{}, remove_error_{}, save_error_{};
  int reads_ = 0, saves_ = 0;
  std::uint64_t last_key_ = 0;
};

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
}  // namespace owndir::rendezvous
