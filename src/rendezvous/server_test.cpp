// The server's driver on a real directory, with both watchers.
#include "rendezvous/server.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "rendezvous/server_impl.hpp"
#include "rendezvous/test_support.hpp"

namespace owndir::rendezvous {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Kind = RecordName::Kind;

/// Answers at once, and remembers.
struct InstantAnswerer final : Answerer {
  Awaitable<Result<std::string>> answer(const Offer& offer, std::uint64_t key) override {
    offers[key] = offer;
    while (hold) co_await sleep_for(std::chrono::milliseconds(5));
    if (refuse) co_return fail(Errc::malformed, "no such SDP");
    co_return "answer to " + offer.offer;
  }
  void abandon(std::uint64_t key) override { abandoned.insert(key); }
  std::uint64_t key_of(const std::string& offer) const {
    for (const auto& [key, value] : offers)
      if (value.offer == offer) return key;
    return 0;
  }
  std::map<std::uint64_t, Offer> offers;
  std::set<std::uint64_t> abandoned;
  bool refuse = false;
  bool hold = false;
};

/// A store that fails writes as told.
struct FaultyStore final : Store {
  Result<void> write(const RootedFolder& folder, const std::string& name, const std::string& bytes) override {
    if (const int code = error; code != 0 && parse_name(name)) {
      ++failed;
      return fail(std::error_code(code, std::generic_category()), name);
    }
    return Store::write(folder, name, bytes);
  }
  std::atomic<int> error = 0;
  std::atomic<int> failed = 0;
};

class RendezvousServer : public testing::TestWithParam<bool> {
 protected:
  RendezvousServer() {
    fs::create_directory(folder_path());
    fs::create_directory(state_path());
  }
  ~RendezvousServer() override { stop(); }

  fs::path folder_path() const { return temporary_.path() / "folder"; }
  fs::path state_path() const { return temporary_.path() / "state"; }
  fs::path directory() const { return folder_path() / kDirectory; }

  ServerOptions options() const {
    ServerOptions options;
    options.name = "home";
    options.state_directory = state_path();
    options.ice_servers = {"stun:stun.example.org:3478"};
    options.polling = GetParam();
    options.poll_interval = std::chrono::milliseconds(20);
    options.limits = limits_;
    options.clock = clock_.get();
    return options;
  }
  Result<void> try_start() {
    auto folder = RootedFolder::open(folder_path());
    if (!folder) return fail(folder.error());
    auto server = loop_.run(start_server(*folder, loop_.files, answerer_, options(), store_));
    if (!server) return fail(server.error());
    server_ = std::move(*server);
    return {};
  }
  void start() {
    const auto started = try_start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void stop() {
    if (server_) loop_.run(server_->stop());
    server_.reset();
  }
  std::string deliver_offer(const Offer& offer) {
    deliver(directory() / name_of(offer), serialize(offer));
    return digest(serialize(offer));
  }
  /// Names of answers to this offer.
  std::vector<std::string> answers(const Offer& offer) const {
    std::vector<std::string> names = records_in(directory(), Kind::answer);
    std::erase_if(names, [&](const std::string& name) { return parse_name(name)->offer != offer.offer; });
    return names;
  }
  bool answered(const Offer& offer) {
    return loop_.until([&] { return !answers(offer).empty(); });
  }
  Answer read_answer(const Offer& offer) const {
    const std::string name = answers(offer).at(0);
    auto record = parse_record(*parse_name(name), contents(directory() / name));
    return record ? std::get<Answer>(*record) : Answer{};
  }

  TemporaryFolder temporary_;
  Loop loop_;
  InstantAnswerer answerer_;
  std::unique_ptr<Clock> clock_;
  Limits limits_;
  std::shared_ptr<FaultyStore> store_ = std::make_shared<FaultyStore>();
  std::unique_ptr<Server> server_;
};

INSTANTIATE_TEST_SUITE_P(Watchers, RendezvousServer, testing::Bool(),
                         [](const auto& param) { return param.param ? "Polling" : "Inotify"; });

TEST_P(RendezvousServer, MakesTheDirectoryAndWritesPresence) {
  start();
  const auto names = records_in(directory(), Kind::presence);
  ASSERT_EQ(names.size(), 1U);
  const auto record = parse_record(*parse_name(names[0]), contents(directory() / names[0]));
  ASSERT_TRUE(record);
  const auto& presence = std::get<Presence>(*record);
  EXPECT_EQ(presence.server, server_->id());
  EXPECT_EQ(presence.name, "home");
  EXPECT_TRUE(presence.up);
  EXPECT_EQ(presence.ice_servers, std::vector<std::string>{"stun:stun.example.org:3478"});
}

TEST_P(RendezvousServer, AStopRemovesAnswersAbandonsAndLeavesOnePresenceThatSaysDown) {
  start();
  const Offer offer = offer_of(1, 2);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  EXPECT_EQ(server_->pending(), 1U);
  stop();
  EXPECT_EQ(answerer_.abandoned.size(), 1U);
  EXPECT_TRUE(records_in(directory(), Kind::answer).empty());
  const auto names = records_in(directory(), Kind::presence);
  ASSERT_EQ(names.size(), 1U);
  const auto record = parse_record(*parse_name(names[0]), contents(directory() / names[0]));
  ASSERT_TRUE(record);
  EXPECT_FALSE(std::get<Presence>(*record).up);
  EXPECT_EQ(names_in(directory()), (std::vector<std::string>{name_of(offer), names[0]}));
}

TEST_P(RendezvousServer, AnswersAnOfferWithItsDigestAndRemovesTheAnswerOnceConnected) {
  start();
  const Offer offer = offer_of(1, 2);
  const std::string expected = deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  const Answer answer = read_answer(offer);
  EXPECT_EQ(answer.sdp, "answer to " + offer.offer);
  EXPECT_EQ(answer.offer_digest, expected);
  EXPECT_EQ(answer.server, server_->id());
  EXPECT_LE(answer.valid_s, 600U);
  EXPECT_GE(answer.valid_s, 590U);
  server_->connected(answerer_.key_of(offer.offer));
  EXPECT_TRUE(loop_.until([&] { return answers(offer).empty(); }));
  EXPECT_EQ(server_->pending(), 0U);
  EXPECT_TRUE(answerer_.abandoned.empty());
}

TEST_P(RendezvousServer, AnAnswerOfAPeerThatFailedIsRemovedAndTheOfferNotAnsweredAgain) {
  start();
  const Offer offer = offer_of(1, 2), next = offer_of(1, 3);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  server_->failed(answerer_.key_of(offer.offer));
  EXPECT_TRUE(loop_.until([&] { return answers(offer).empty(); }));
  deliver_offer(next);
  ASSERT_TRUE(answered(next));
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_EQ(answerer_.offers.size(), 2U);
}

TEST_P(RendezvousServer, TwoClientsAtOnceAreAnsweredBoth) {
  start();
  const Offer first = offer_of(1, 2), second = offer_of(3, 4);
  deliver_offer(first);
  deliver_offer(second);
  EXPECT_TRUE(answered(first));
  EXPECT_TRUE(answered(second));
  EXPECT_EQ(server_->pending(), 2U);
}

TEST_P(RendezvousServer, ARestartAnswersAValidOfferAgainWithALargerNAndRemovesTheOldAnswer) {
  start();
  const std::string id = server_->id();
  const Offer offer = offer_of(1, 2);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  const std::uint64_t first = read_answer(offer).n;
  // A server that is killed leaves its answer behind.
  const std::string left = answers(offer).at(0), bytes = contents(directory() / left);
  stop();
  put(directory() / left, bytes);
  start();
  EXPECT_EQ(server_->id(), id);
  ASSERT_TRUE(loop_.until([&] { return answers(offer).size() == 1 && answers(offer)[0] != left; }));
  EXPECT_GT(read_answer(offer).n, first);
}

TEST_P(RendezvousServer, ARestartDoesNotAnswerAnOfferWhoseDeviceConnected) {
  start();
  const Offer offer = offer_of(1, 2), next = offer_of(1, 3);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  server_->connected(answerer_.key_of(offer.offer));
  stop();
  start();
  deliver_offer(next);
  ASSERT_TRUE(answered(next));
  EXPECT_TRUE(answers(offer).empty());
}

TEST_P(RendezvousServer, AnOfferUnderAnotherNonceOrWithOtherBytesIsAReplay) {
  start();
  const Offer offer = offer_of(1, 2);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  Offer same_nonce = offer_of(5, 6), same_id = offer_of(7, 2), fresh = offer_of(8, 9);
  same_nonce.nonce = offer.nonce;
  deliver_offer(same_nonce);
  same_id.nonce = id_of(77);
  deliver_offer(same_id);
  deliver_offer(fresh);
  ASSERT_TRUE(answered(fresh));
  EXPECT_TRUE(loop_.until([&] { return answerer_.offers.size() == 2; }));
  EXPECT_TRUE(answers(same_nonce).empty());
  // The id of the first: only the first's answer is there.
  EXPECT_EQ(answers(same_id).size(), 1U);
  EXPECT_EQ(parse_name(answers(same_id)[0])->client, offer.client);
}

TEST_P(RendezvousServer, AHalfWrittenOfferIsAnsweredOnceItIsWhole) {
  start();
  const Offer offer = offer_of(1, 2);
  const std::string bytes = serialize(offer);
  put(directory() / name_of(offer), "");
  loop_.until([] { return false; }, std::chrono::seconds(0));
  put(directory() / name_of(offer), bytes.substr(0, 30));
  EXPECT_TRUE(answerer_.offers.empty());
  put(directory() / name_of(offer), bytes);
  EXPECT_TRUE(answered(offer));
}

TEST_P(RendezvousServer, AnOverwriteByTheSyncIsNoWithdrawal) {
  start();
  const Offer offer = offer_of(1, 2), next = offer_of(1, 3);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  const std::string answer = answers(offer)[0];
  fs::remove(directory() / name_of(offer));
  deliver_offer(offer);
  deliver_offer(next);
  ASSERT_TRUE(answered(next));
  EXPECT_EQ(answers(offer), std::vector<std::string>{answer});
  EXPECT_TRUE(answerer_.abandoned.empty());
}

TEST_P(RendezvousServer, AWithdrawnOfferIsAbandonedAndItsAnswerRemoved) {
  start();
  const Offer offer = offer_of(1, 2);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  fs::remove(directory() / name_of(offer));
  EXPECT_TRUE(loop_.until([&] { return answers(offer).empty(); }));
  EXPECT_TRUE(answerer_.abandoned.contains(answerer_.key_of(offer.offer)));
  EXPECT_EQ(server_->pending(), 0U);
}

TEST_P(RendezvousServer, TemporaryAndConflictNamesAreNeverReadAndNeverRemoved) {
  start();
  const Offer offer = offer_of(1, 2), stray = offer_of(3, 4);
  const std::string name = name_of(stray), stem = name.substr(0, name.size() - 5), bytes = serialize(stray);
  const std::vector<std::string> others = {".syncthing." + name + ".tmp",
                                           "~syncthing~" + name + ".tmp",
                                           stem + ".sync-conflict-20261122-120000-ABCDEFG.json",
                                           name + ".crswap",
                                           stem + " (Anna's conflicted copy 2026-11-22).json",
                                           stem + " (conflicted copy 2026-11-22 120000).json",
                                           "." + name + ".~1a2b",
                                           stem + "-DESKTOP.json",
                                           "~$" + name,
                                           stem + " (1).json",
                                           name + ".!sync",
                                           ".unison." + name + ".123.unison.tmp",
                                           name + ".partial",
                                           stem + ".conflict1.json",
                                           "." + name + ".icloud",
                                           stem + " 2.json"};
  for (const std::string& other : others) put(directory() / other, bytes);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  EXPECT_EQ(answerer_.offers.size(), 1U);
  stop();
  for (const std::string& other : others) EXPECT_EQ(contents(directory() / other), bytes) << other;
}

TEST_P(RendezvousServer, AFifoADirectoryAndALinkUnderHandshakeNamesDoNotBlock) {
  start();
  put(temporary_.path() / "secret", serialize(offer_of(5, 6)));
  ASSERT_EQ(::mkfifo((directory() / name_of(offer_of(1, 2))).c_str(), 0600), 0);
  fs::create_directory(directory() / name_of(offer_of(3, 4)));
  fs::create_symlink("../../../secret", directory() / name_of(offer_of(5, 6)));
  const Offer offer = offer_of(7, 8);
  deliver_offer(offer);
  ASSERT_TRUE(answered(offer));
  EXPECT_EQ(answerer_.offers.size(), 1U);
}

TEST_P(RendezvousServer, TenThousandJunkRecordsDoNotHoldUpAnHonestOffer) {
  start();
  const fs::path junk = temporary_.path() / "junk";
  put(junk, std::string(200, '['));
  for (std::uint64_t i = 0; i < 10000; ++i) fs::create_hard_link(junk, directory() / name_of(offer_of(1, 1000 + i)));
  const Offer offer = offer_of(7, 8);
  deliver_offer(offer);
  // Not by listing the directory, which takes longer than all the rest.
  ASSERT_TRUE(loop_.until([&] { return answerer_.key_of(offer.offer) != 0; }));
  ASSERT_TRUE(answered(offer));
  const Answer answer = read_answer(offer);
  EXPECT_EQ(answer.sdp, "answer to " + offer.offer);
}

TEST_P(RendezvousServer, AFloodOfValidLookingOffersDoesNotHoldUpAnHonestOne) {
  start();
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Offer stray = offer_of(100 + i, 1000 + i);
    put(directory() / name_of(stray), serialize(stray));
  }
  const Offer offer = offer_of(7, 8);
  deliver_offer(offer);
  // Not by listing the directory, which takes longer than all the rest.
  ASSERT_TRUE(loop_.until([&] { return answerer_.key_of(offer.offer) != 0; }));
  ASSERT_TRUE(answered(offer));
  EXPECT_LE(server_->pending(), limits_.pending_total);
}

TEST_P(RendezvousServer, ADirectoryThatIsRemovedIsMadeAgainAndServesAgain) {
  start();
  const Offer first = offer_of(1, 2), second = offer_of(3, 4);
  deliver_offer(first);
  ASSERT_TRUE(answered(first));
  fs::remove_all(folder_path() / ".owndir");
  ASSERT_TRUE(loop_.until([&] { return records_in(directory(), Kind::presence).size() == 1; }));
  EXPECT_TRUE(loop_.until([&] { return answerer_.abandoned.contains(answerer_.key_of(first.offer)); }));
  deliver_offer(second);
  EXPECT_TRUE(answered(second));
}

TEST_P(RendezvousServer, ADirectoryThatIsReplacedIsWatchedInPlaceOfTheOld) {
  start();
  const Offer offer = offer_of(3, 4);
  fs::rename(folder_path() / ".owndir", folder_path() / "old");
  fs::create_directories(directory());
  deliver_offer(offer);
  EXPECT_TRUE(answered(offer));
  EXPECT_TRUE(loop_.until([&] { return records_in(directory(), Kind::presence).size() == 1; }));
}

TEST_P(RendezvousServer, ADirectoryBehindALinkToTheOutsideIsRefused) {
  fs::create_directory(temporary_.path() / "outside");
  fs::create_directory(folder_path() / ".owndir");
  fs::create_symlink("../../outside", folder_path() / ".owndir/.wrtc-proxy");
  EXPECT_FALSE(try_start());
  EXPECT_TRUE(names_in(temporary_.path() / "outside").empty());
}

TEST_P(RendezvousServer, AFullDiskIsSaidTriedAgainAndLeavesNothingHalfWritten) {
  start();
  const auto before = names_in(directory());
  store_->error = ENOSPC;
  const Offer offer = offer_of(1, 2);
  deliver_offer(offer);
  ASSERT_TRUE(loop_.until([&] { return store_->failed >= 2; }));
  EXPECT_TRUE(answers(offer).empty());
  EXPECT_EQ(names_in(directory()).size(), before.size() + 1);
  store_->error = 0;
  EXPECT_TRUE(answered(offer));
  EXPECT_TRUE(answerer_.abandoned.empty());
}

/// A small disk of memory over the folder; needs the right to mount.
struct SmallDisk {
  explicit SmallDisk(fs::path place)
      : path(std::move(place)), mounted(::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256k") == 0) {}
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  void fill() const {
    const std::string page(4096, 'x');
    for (int i = 0;; ++i) {
      std::ofstream file(path / ("filler" + std::to_string(i)), std::ios::binary);
      file << page;
      if (!file.flush()) return;
    }
  }
  void empty() const {
    for (const std::string& name : names_in(path))
      if (name.starts_with("filler")) fs::remove(path / name);
  }
  fs::path path;
  bool mounted;
};

TEST_P(RendezvousServer, ADiskThatReallyIsFullHoldsUpTheAnswerOnly) {
  const SmallDisk disk(folder_path());
  if (!disk.mounted) GTEST_SKIP() << "needs the right to mount a tmpfs";
  start();
  const Offer offer = offer_of(1, 2);
  answerer_.hold = true;
  deliver_offer(offer);
  ASSERT_TRUE(loop_.until([&] { return answerer_.offers.size() == 1; }));
  disk.fill();
  const auto before = names_in(directory());
  answerer_.hold = false;
  // It was tried, failed, and left nothing.
  loop_.network.run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(names_in(directory()), before);
  disk.empty();
  EXPECT_TRUE(answered(offer));
  stop();
  ASSERT_EQ(::mount(nullptr, folder_path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto started = try_start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, std::errc::read_only_file_system);
  EXPECT_NE(started.error().context.find("writable"), std::string::npos);
}

TEST_P(RendezvousServer, ADirectoryThatCannotBeWrittenIsAnErrorAtTheStart) {
  put(folder_path() / ".owndir", "a file stands here");
  const auto started = try_start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().context.find(".wrtc-proxy"), std::string::npos);
}

TEST_P(RendezvousServer, RemovesWhatAKilledProcessWasWritingADayAgoAndNothingOfTheSync) {
  fs::create_directories(directory());
  const std::vector<std::string> ours = {".owndir-00112233445566aa.tmp", ".owndir-00112233445566bb.probe"};
  const std::vector<std::string> others = {".syncthing.owndir-00112233445566aa.tmp", ".owndir-notes.tmp"};
  for (const auto& names : {ours, others})
    for (const std::string& name : names) put(directory() / name, "half");
  put(state_path() / ours[0], "half");
  start();
  EXPECT_TRUE(fs::exists(directory() / ours[0])) << "another process may be writing it now";
  stop();
  clock_ = std::make_unique<ShiftedClock>(std::chrono::hours(25));
  start();
  for (const std::string& name : ours) EXPECT_FALSE(fs::exists(directory() / name)) << name;
  EXPECT_FALSE(fs::exists(state_path() / ours[0]));
  for (const std::string& name : others) EXPECT_TRUE(fs::exists(directory() / name)) << name;
}

TEST_P(RendezvousServer, ACorruptStateIsPutAsideAndTheServerStartsAfresh) {
  put(state_path() / "rendezvous.json", "{ not json");
  start();
  EXPECT_TRUE(is_id(server_->id()));
  int aside = 0;
  for (const std::string& name : names_in(state_path())) aside += name.starts_with("rendezvous.json.broken-") ? 1 : 0;
  EXPECT_EQ(aside, 1);
}

TEST_P(RendezvousServer, AnOfferThatTheAnswererRefusesIsNotAnswered) {
  start();
  answerer_.refuse = true;
  deliver_offer(offer_of(1, 2));
  ASSERT_TRUE(loop_.until([&] { return answerer_.offers.size() == 1; }));
  answerer_.refuse = false;
  const Offer next = offer_of(3, 4);
  deliver_offer(next);
  ASSERT_TRUE(answered(next));
  EXPECT_TRUE(answers(offer_of(1, 2)).empty());
  EXPECT_EQ(server_->pending(), 1U);
}

}  // namespace
}  // namespace owndir::rendezvous
