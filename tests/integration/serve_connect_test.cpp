#include <list>
#include <map>

#include "two_copies.hpp"

namespace owndir::test {
namespace {

const std::string kHandshake{rendezvous::kDirectory};

constexpr std::chrono::milliseconds kMoment{5};
constexpr const char* kFile = "/only-here.txt";
constexpr const char* kReply = "200 read at home";

/// A home with one file, a courier between its handshake directory and the other copy's, and the clients there. A test
/// is a coroutine on it; what it has started is ended after it.
class Scene {
 public:
  Scene() {
    write_file(root / "home/only-here.txt", "read at home");
    fs::create_directories(root / "away");
  }
  void run(Awaitable<void> (*test)(Scene&)) { loop.run(play(test)); }

  /// From now on records travel; returns once the handshake directory is at the other side.
  Awaitable<void> carry() {
    courier_.spawn("courier", between_.run());
    while (!fs::exists(root / "away" / kHandshake)) co_await sleep_for(kMoment);
  }
  /// A client on the other copy, with a state of its own.
  Awaitable<Away*> connect() {
    const fs::path state = root / ("state-away-" + std::to_string(aways_.size()));
    Away& away = aways_.emplace_back(loop.context, loop.files, root / "away", state);
    away.uplink_options = options;
    co_await away.start();
    co_return &away;
  }
  std::size_t records(const std::string& copy, const std::string& prefix) const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(root / copy / kHandshake))
      count += entry.path().filename().string().starts_with(prefix) ? 1U : 0U;
    return count;
  }

  TemporaryDirectory root;
  app::UplinkOptions options;  ///< of clients that connect from now on
  Loop loop;
  Home home{loop.context, loop.files, root / "home", root / "state-home"};

 private:
  Awaitable<void> play(Awaitable<void> (*test)(Scene&)) {
    std::exception_ptr failure;
    try {
      co_await test(*this);
    } catch (...) {
      failure = std::current_exception();
    }
    for (Away& away : aways_) co_await away.stop();
    co_await home.stop();
    co_await courier_.stop();
    if (failure) std::rethrow_exception(failure);
  }

  TaskGroup courier_{loop.context.get_executor()};
  Courier between_{root / "home" / kHandshake, root / "away" / kHandshake};
  std::list<Away> aways_;
};

Awaitable<void> reads_a_file(Scene& scene) {
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get(kFile), kReply);
  EXPECT_EQ(scene.home.sessions().connected(), 1U);
  co_await away->stop();
  while (scene.home.sessions().connected() > 0) co_await sleep_for(kMoment);
}

TEST(ServeConnect, ReadsAFileThatIsOnlyAtHomeThroughTwoHandshakeFiles) {
  Scene scene;
  scene.run(reads_a_file);
  EXPECT_EQ(scene.records("home", "answer-"), 0U) << "the server removes its spent answer";
  EXPECT_EQ(scene.records("home", "server-"), 1U) << "one presence record stays";
  EXPECT_EQ(scene.records("away", "offer-"), 0U) << "the client removes its spent offer";
}

Awaitable<void> serves_two(Scene& scene) {
  co_await scene.home.start();
  co_await scene.carry();
  Away* first = co_await scene.connect();
  Away* second = co_await scene.connect();
  EXPECT_EQ(co_await first->get(kFile), kReply);
  EXPECT_EQ(co_await second->get(kFile), kReply);
  EXPECT_EQ(scene.home.sessions().connected(), 2U);
}

TEST(ServeConnect, ServesTwoClientsAtOnce) {
  Scene().run(serves_two);
}

Awaitable<void> comes_back(Scene& scene) {
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get(kFile), kReply);
  co_await scene.home.stop();
  write_file(scene.root / "home/only-here.txt", "read after the restart");
  co_await scene.home.start();
  EXPECT_EQ(co_await away->get(kFile), "200 read after the restart");
}

TEST(ServeConnect, ConnectsAgainByAFreshOfferAfterTheServerWasRestarted) {
  Scene().run(comes_back);
}

/// Asks once; the status, or "no answer".
Awaitable<void> ask_once(Away* away, std::string method, std::string target, std::string& answer) {
  exchange::Request request;
  request.head = {std::move(method), std::move(target), {}};
  const auto response = co_await away->uplink().handle(std::move(request));
  answer = response ? std::to_string(response->head.status) : "no answer";
}

Awaitable<void> waits_for_return(Scene& scene) {
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get(kFile), kReply);
  co_await scene.home.stop();
  while (away->uplink().stats()) co_await sleep_for(kMoment);
  std::string read, written;
  TaskGroup asking(scene.loop.context.get_executor());
  asking.spawn("a read", ask_once(away, "GET", kFile, read));
  asking.spawn("what the gateway refuses", ask_once(away, "POST", kFile, written));
  co_await scene.home.start();
  while (asking.size() > 0) co_await sleep_for(kMoment);
  EXPECT_EQ(read, "200");
  EXPECT_EQ(written, "405");
}

TEST(ServeConnect, ARequestThatComesWhileTheConnectionIsAwayWaitsForItsReturn) {
  Scene().run(waits_for_return);
}

/// Never answers the first request for each target.
class Hangs final : public exchange::Handler {
 public:
  explicit Hangs(std::map<std::string, int>& asked) : asked_(asked) {}
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    const bool first = ++asked_[request.head.method] == 1;
    if (first) co_await sleep_for(std::chrono::hours(1));
    co_return exchange::text_response(200, "answered");
  }

 private:
  std::map<std::string, int>& asked_;
};

Awaitable<void> repeats(Scene& scene) {
  std::map<std::string, int> asked;
  scene.home.wrap = [&asked](std::unique_ptr<exchange::Handler>) { return std::make_unique<Hangs>(asked); };
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  while (!away->uplink().stats()) co_await sleep_for(kMoment);
  std::string got, posted;
  TaskGroup asking(scene.loop.context.get_executor());
  asking.spawn("may be repeated", ask_once(away, "GET", "/", got));
  asking.spawn("may not be", ask_once(away, "POST", "/", posted));
  while (asked.size() < 2) co_await sleep_for(kMoment);
  co_await scene.home.stop();
  co_await scene.home.start();
  while (asking.size() > 0) co_await sleep_for(kMoment);
  EXPECT_EQ(got, "200");
  EXPECT_EQ(posted, "no answer");
  EXPECT_EQ(asked["GET"], 2);
  EXPECT_EQ(asked["POST"], 1);
}

TEST(ServeConnect, WhatMayBeRepeatedIsAskedAgainWhenTheConnectionBrokeBeforeItsAnswer) {
  Scene().run(repeats);
}

/// Stands for a tunnel over a path that is gone: what looks for a sign of life over it finds none while `deaf`.
class Deaf final : public exchange::Handler {
 public:
  Deaf(const bool& deaf, int& asked) : deaf_(deaf), asked_(asked) {}
  Awaitable<Result<exchange::Response>> handle(exchange::Request) override {
    ++asked_;
    if (deaf_) co_await sleep_for(std::chrono::hours(1));
    co_return exchange::text_response(200, "answered");
  }

 private:
  const bool& deaf_;
  int& asked_;
};

Awaitable<void> changes_networks(Scene& scene) {
  bool deaf = false;
  int asked = 0;
  std::vector<std::string> addresses = {"192.0.2.1"};
  scene.home.wrap = [&](std::unique_ptr<exchange::Handler>) { return std::make_unique<Deaf>(deaf, asked); };
  scene.options.network = [&addresses] { return addresses; };
  scene.options.network_pause = kMoment;
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get("/"), "200 answered");
  EXPECT_EQ(asked, 1) << "nothing is asked while the network stays";
  addresses = {"192.0.2.2"};
  while (asked < 2) co_await sleep_for(kMoment);
  addresses = {};
  co_await sleep_for(3 * kMoment);
  EXPECT_EQ(asked, 2) << "nothing is asked without a network";
  EXPECT_EQ(away->uplink().connections(), 1U) << "a tunnel that answers stays";
  co_await away->stop();
  co_await scene.home.stop();
}

TEST(ServeConnect, ATunnelThatAnswersSurvivesAChangeOfTheNetwork) {
  Scene().run(changes_networks);
}

Awaitable<void> is_cut_off(Scene& scene) {
  bool deaf = false;
  int asked = 0;
  std::vector<std::string> addresses = {"192.0.2.1"};
  scene.home.wrap = [&](std::unique_ptr<exchange::Handler>) { return std::make_unique<Deaf>(deaf, asked); };
  scene.options.network = [&addresses] { return addresses; };
  scene.options.network_pause = kMoment;
  scene.options.sign_wait = std::chrono::milliseconds(50);
  co_await scene.home.start();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get("/"), "200 answered");
  deaf = true;
  addresses = {"192.0.2.2"};
  while (away->uplink().stats()) co_await sleep_for(kMoment);
  deaf = false;
  EXPECT_EQ(co_await away->get("/"), "200 answered");
  EXPECT_EQ(away->uplink().connections(), 2U);
  co_await away->stop();
  co_await scene.home.stop();
}

TEST(ServeConnect, ATunnelThatIsNotReachedFromAnotherNetworkIsReplaced) {
  Scene().run(is_cut_off);
}

Awaitable<void> answers_after_start(Scene& scene) {
  // The directory is there from an earlier run; the offer is written while no server runs.
  co_await scene.home.start();
  co_await scene.home.stop();
  co_await scene.carry();
  Away* away = co_await scene.connect();
  while (scene.records("home", "offer-") == 0) co_await sleep_for(kMoment);
  co_await scene.home.start();
  EXPECT_EQ(co_await away->get(kFile), kReply);
}

TEST(ServeConnect, AnOfferThatWaitedForTheServerToStartIsAnswered) {
  Scene().run(answers_after_start);
}

Awaitable<void> survives_junk(Scene& scene) {
  co_await scene.home.start();
  const fs::path directory = scene.root / "home" / kHandshake;
  char name[64];
  for (unsigned i = 0; i < 10'000; ++i) {
    std::snprintf(name, sizeof name, "offer-%016x-%016x.json", i, i * 7919);
    write_file(directory / name, i % 2 == 0 ? "{\"v\":1,\"type\":\"offer\"" : std::string(20'000, '['));
  }
  co_await scene.carry();
  Away* away = co_await scene.connect();
  EXPECT_EQ(co_await away->get(kFile), kReply);
  EXPECT_EQ(scene.home.sessions().connected(), 1U);
}

TEST(ServeConnect, TenThousandJunkRecordsDoNotKeepAnHonestClientOut) {
  Scene().run(survives_junk);
}

}  // namespace
}  // namespace owndir::test
