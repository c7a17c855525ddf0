// The client's driver on a real directory, alone and against the server's.
#include "rendezvous/client.hpp"

#include "rendezvous/client_impl.hpp"
#include "rendezvous/server.hpp"
#include "rendezvous/test_support.hpp"

namespace owndir::rendezvous {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Kind = RecordName::Kind;

struct EchoAnswerer final : Answerer {
  Awaitable<Result<std::string>> answer(const Offer& offer, std::uint64_t key) override {
    last_key = key;
    co_return "answer to " + offer.sdp;
  }
  void abandon(std::uint64_t) override { ++abandoned; }
  std::uint64_t last_key = 0;
  int abandoned = 0;
};

/// An exchange that runs while the test does something else.
struct Waiting {
  std::optional<Result<Answer>> result;
  std::vector<int> progress;
  asio::cancellation_signal cancel;
  bool running = false;
};

Awaitable<void> run_exchange(Client& client, Waiting& waiting) {
  std::function<void(int)> progress = [&waiting](int seconds) { waiting.progress.push_back(seconds); };
  Result<Answer> answer = co_await client.exchange("v=0 offer", std::move(progress));
  waiting.result.emplace(std::move(answer));
}

class RendezvousClient : public testing::TestWithParam<bool> {
 protected:
  RendezvousClient() {
    for (const char* name : {"folder", "server-state", "client-state"}) fs::create_directory(temporary_.path() / name);
  }
  ~RendezvousClient() override {
    if (client_) loop_.run(client_->stop());
    client_.reset();
    if (server_) loop_.run(server_->stop());
    server_.reset();
  }
  fs::path folder_path() const { return temporary_.path() / "folder"; }
  fs::path directory() const { return folder_path() / kDirectory; }

  Result<std::unique_ptr<Client>> make_client() {
    ClientOptions options;
    options.name = "phone";
    options.state_directory = temporary_.path() / "client-state";
    options.server = only_;
    options.limits = limits_;
    options.clock = clock_;
    options.polling = GetParam();
    options.poll_interval = std::chrono::milliseconds(20);
    auto folder = RootedFolder::open(folder_path());
    return loop_.run(start_client(*folder, loop_.files, options, std::make_shared<Store>()));
  }
  void start_client_here() {
    auto client = make_client();
    ASSERT_TRUE(client) << client.error().to_string();
    client_ = std::move(*client);
  }
  void start_server_here() {
    ServerOptions options;
    options.name = "home";
    options.state_directory = temporary_.path() / "server-state";
    options.polling = GetParam();
    options.poll_interval = std::chrono::milliseconds(20);
    auto folder = RootedFolder::open(folder_path());
    auto server = loop_.run(Server::start(*folder, loop_.files, answerer_, options));
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = std::move(*server);
  }
  void exchange(Waiting& waiting) {
    waiting.running = true;
    asio::co_spawn(loop_.network, run_exchange(*client_, waiting),
                   asio::bind_cancellation_slot(waiting.cancel.slot(),
                                                [&waiting](const std::exception_ptr&) { waiting.running = false; }));
  }
  void give_up(Waiting& waiting) {
    asio::post(loop_.network, [&waiting] { waiting.cancel.emit(asio::cancellation_type::all); });
    EXPECT_TRUE(loop_.until([&] { return !waiting.running; }));
  }
  /// The offer that is in the directory.
  Offer written_offer() {
    EXPECT_TRUE(loop_.until([&] { return records_in(directory(), Kind::offer).size() == 1; }));
    const std::string name = records_in(directory(), Kind::offer).at(0);
    offer_bytes_ = contents(directory() / name);
    auto record = parse_record(*parse_name(name), offer_bytes_);
    EXPECT_TRUE(record);
    return record ? std::get<Offer>(*record) : Offer{};
  }
  Answer answer_to(const Offer& offer, std::uint64_t server, std::uint64_t n, const std::string& sdp) const {
    return {offer.client, offer.offer, id_of(server), id_of(n), n, 1, 600, "home", digest(offer_bytes_), sdp};
  }
  void deliver_answer(const Answer& answer) { deliver(directory() / name_of(answer), serialize(answer)); }
  bool done(const Waiting& waiting) {
    return loop_.until([&] { return waiting.result.has_value(); });
  }

  TemporaryFolder temporary_;
  Loop loop_;
  Limits limits_;
  std::optional<std::string> only_;
  const Clock* clock_ = nullptr;
  EchoAnswerer answerer_;
  std::string offer_bytes_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

INSTANTIATE_TEST_SUITE_P(Watchers, RendezvousClient, testing::Bool(),
                         [](const auto& param) { return param.param ? "Polling" : "Inotify"; });

TEST_P(RendezvousClient, AFolderWithoutTheDirectorySaysNotFound) {
  const auto client = make_client();
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().is(Errc::not_found));
}

TEST_P(RendezvousClient, MeetsTheServerAndBothCleanUp) {
  start_server_here();
  start_client_here();
  ASSERT_EQ(client_->servers().size(), 1U);
  EXPECT_EQ(client_->servers()[0].presence.server, server_->id());
  EXPECT_TRUE(client_->servers()[0].presence.up);
  Waiting waiting;
  exchange(waiting);
  ASSERT_TRUE(done(waiting));
  ASSERT_TRUE(*waiting.result) << waiting.result->error().to_string();
  EXPECT_EQ((*waiting.result)->sdp, "answer to v=0 offer");
  EXPECT_EQ((*waiting.result)->server, server_->id());
  ASSERT_FALSE(waiting.progress.empty());
  EXPECT_EQ(waiting.progress[0], 0);
  server_->connected(answerer_.last_key);
  loop_.run(client_->spent());
  EXPECT_TRUE(records_in(directory(), Kind::offer).empty());
  EXPECT_TRUE(loop_.until([&] { return records_in(directory(), Kind::answer).empty(); }));
  EXPECT_EQ(answerer_.abandoned, 0);
}

TEST_P(RendezvousClient, TakesTheAnswerWithTheLargestN) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer offer = written_offer();
  // All three are there before the client looks.
  deliver_answer(answer_to(offer, 5, 200, "second"));
  deliver_answer(answer_to(offer, 6, 300, "third"));
  deliver_answer(answer_to(offer, 5, 100, "first"));
  ASSERT_TRUE(done(waiting));
  ASSERT_TRUE(*waiting.result);
  EXPECT_EQ((*waiting.result)->sdp, "third");
}

TEST_P(RendezvousClient, IgnoresAnswersToOtherBytesOtherOffersAndBroken) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer offer = written_offer();
  Answer wrong_digest = answer_to(offer, 5, 900, "wrong digest");
  wrong_digest.offer_digest = digest("something else");
  deliver_answer(wrong_digest);
  Answer other_offer = answer_to(offer, 5, 901, "other offer");
  other_offer.offer = id_of(1234);
  deliver_answer(other_offer);
  Answer foreign = answer_to(offer, 5, 902, "ids of another name");
  deliver(directory() / name_of(foreign), serialize(answer_to(offer, 6, 902, "x")));
  deliver_answer(answer_to(offer, 5, 100, "right"));
  ASSERT_TRUE(done(waiting));
  ASSERT_TRUE(*waiting.result);
  EXPECT_EQ((*waiting.result)->sdp, "right");
}

TEST_P(RendezvousClient, AsksOneServerOnlyWhenToldTo) {
  only_ = id_of(7);
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer offer = written_offer();
  EXPECT_EQ(offer.to, only_);
  deliver_answer(answer_to(offer, 8, 500, "somebody else"));
  deliver_answer(answer_to(offer, 7, 100, "the one"));
  ASSERT_TRUE(done(waiting));
  ASSERT_TRUE(*waiting.result);
  EXPECT_EQ((*waiting.result)->sdp, "the one");
}

TEST_P(RendezvousClient, AHalfWrittenAnswerIsTakenOnceItIsWhole) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer offer = written_offer();
  const Answer answer = answer_to(offer, 5, 100, "whole");
  put(directory() / name_of(answer), serialize(answer).substr(0, 50));
  loop_.network.run_for(std::chrono::milliseconds(30));
  EXPECT_FALSE(waiting.result);
  put(directory() / name_of(answer), serialize(answer));
  ASSERT_TRUE(done(waiting));
  ASSERT_TRUE(*waiting.result);
  EXPECT_EQ((*waiting.result)->sdp, "whole");
}

TEST_P(RendezvousClient, ACancelledExchangeRemovesItsOffer) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  written_offer();
  give_up(waiting);
  EXPECT_TRUE(loop_.until([&] { return records_in(directory(), Kind::offer).empty(); }));
}

TEST_P(RendezvousClient, KeepsItsIdAndRemovesWhatAnEarlierRunLeft) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer first = written_offer();
  const std::string name = name_of(first), bytes = serialize(first);
  give_up(waiting);
  loop_.run(client_->stop());
  client_.reset();
  EXPECT_TRUE(records_in(directory(), Kind::offer).empty());
  // As after a crash; and somebody else's.
  put(directory() / name, bytes);
  const Offer other = offer_of(1, 2);
  put(directory() / name_of(other), serialize(other));
  start_client_here();
  EXPECT_TRUE(loop_.until([&] { return records_in(directory(), Kind::offer) == std::vector{name_of(other)}; }));
  fs::remove(directory() / name_of(other));
  Waiting again;
  exchange(again);
  EXPECT_EQ(written_offer().client, first.client);
  give_up(again);
}

TEST_P(RendezvousClient, RemovesWhatAKilledProcessWasWritingADayAgo) {
  fs::create_directories(directory());
  const std::string name = ".owndir-00112233445566aa.tmp";
  put(directory() / name, "half of an offer");
  const ShiftedClock tomorrow(std::chrono::hours(25));
  clock_ = &tomorrow;
  start_client_here();
  EXPECT_FALSE(fs::exists(directory() / name));
  loop_.run(client_->stop());
  client_.reset();
}

TEST_P(RendezvousClient, AnOfferThatIsTooLargeIsAnErrorAtOnce) {
  fs::create_directories(directory());
  limits_.record_bytes = 100;
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  ASSERT_TRUE(done(waiting));
  ASSERT_FALSE(*waiting.result);
  EXPECT_TRUE(waiting.result->error().is(Errc::too_large));
}

TEST_P(RendezvousClient, AnOfferThatSomebodyRemovesIsWrittenAgain) {
  fs::create_directories(directory());
  start_client_here();
  Waiting waiting;
  exchange(waiting);
  const Offer offer = written_offer();
  const std::string before = offer_bytes_;
  // Once it has seen this, the watcher knows the offer too.
  Presence presence;
  presence.server = id_of(5);
  presence.n = 1;
  presence.every_s = 1;
  deliver(directory() / name_of(presence), serialize(presence));
  ASSERT_TRUE(loop_.until([&] { return client_->servers().size() == 1; }));
  fs::remove(directory() / name_of(offer));
  EXPECT_EQ(name_of(written_offer()), name_of(offer));
  EXPECT_EQ(offer_bytes_, before);
  give_up(waiting);
}

}  // namespace
}  // namespace owndir::rendezvous
