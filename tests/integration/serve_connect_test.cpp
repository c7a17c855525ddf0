#include "two_copies.hpp"

namespace owndir::test {
namespace {

const std::string kHandshake{rendezvous::kDirectory};

struct Scene {
  TemporaryDirectory root;
  Loop loop;
  Home home{loop.context, loop.files, root / "home", root / "state-home"};
  TaskGroup courier{loop.context.get_executor()};

  Scene() {
    write_file(root / "home/only-here.txt", "read at home");
    fs::create_directories(root / "away");
  }
  Away away(const std::string& name = "away") {
    fs::create_directories(root / name);
    return Away(loop.context, loop.files, root / name, root / ("state-" + name));
  }
  std::size_t records(const std::string& copy, const std::string& prefix) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(root / copy / kHandshake))
      count += entry.path().filename().string().starts_with(prefix) ? 1U : 0U;
    return count;
  }
  Courier between{root / "home" / kHandshake, root / "away" / kHandshake};
  Awaitable<void> open() {
    co_await home.start();
    courier.spawn("courier", between.run());
    while (!fs::exists(root / "away" / kHandshake)) co_await sleep_for(std::chrono::milliseconds(5));
  }
};

Awaitable<void> reads_a_file(Scene& scene) {
  co_await scene.open();
  Away away = scene.away();
  co_await away.start();
  EXPECT_EQ(co_await away.get("/only-here.txt"), "200 read at home");
  EXPECT_EQ(scene.home.sessions().connected(), 1U);
  co_await away.stop();
  while (scene.home.sessions().connected() > 0) co_await sleep_for(std::chrono::milliseconds(5));
  co_await scene.home.stop();
  co_await scene.courier.stop();
}

TEST(ServeConnect, ReadsAFileThatIsOnlyAtHomeThroughTwoHandshakeFiles) {
  Scene scene;
  scene.loop.run(reads_a_file(scene));
  EXPECT_EQ(scene.records("home", "answer-"), 0U) << "the server removes its spent answer";
  EXPECT_EQ(scene.records("home", "server-"), 1U) << "one presence record stays";
  EXPECT_EQ(scene.records("away", "offer-"), 0U) << "the client removes its spent offer";
}

Awaitable<void> serves_two(Scene& scene) {
  co_await scene.open();
  Away first = scene.away();
  Away second(scene.loop.context, scene.loop.files, scene.root / "away", scene.root / "state-second");
  co_await first.start();
  co_await second.start();
  EXPECT_EQ(co_await first.get("/only-here.txt"), "200 read at home");
  EXPECT_EQ(co_await second.get("/only-here.txt"), "200 read at home");
  EXPECT_EQ(scene.home.sessions().connected(), 2U);
  co_await first.stop();
  co_await second.stop();
  co_await scene.home.stop();
  co_await scene.courier.stop();
}

TEST(ServeConnect, ServesTwoClientsAtOnce) {
  Scene scene;
  scene.loop.run(serves_two(scene));
}

Awaitable<void> comes_back(Scene& scene) {
  co_await scene.open();
  Away away = scene.away();
  co_await away.start();
  EXPECT_EQ(co_await away.get("/only-here.txt"), "200 read at home");
  co_await scene.home.stop();
  write_file(scene.root / "home/only-here.txt", "read after the restart");
  co_await scene.home.start();
  EXPECT_EQ(co_await away.get("/only-here.txt"), "200 read after the restart");
  co_await away.stop();
  co_await scene.home.stop();
  co_await scene.courier.stop();
}

TEST(ServeConnect, ConnectsAgainByAFreshOfferAfterTheServerWasRestarted) {
  Scene scene;
  scene.loop.run(comes_back(scene));
}

Awaitable<void> answers_after_start(Scene& scene) {
  // The directory is there from an earlier run; the offer is written while no server runs.
  co_await scene.home.start();
  co_await scene.home.stop();
  scene.courier.spawn("courier", scene.between.run());
  while (!fs::exists(scene.root / "away" / kHandshake)) co_await sleep_for(std::chrono::milliseconds(5));
  Away away = scene.away();
  co_await away.start();
  while (scene.records("home", "offer-") == 0) co_await sleep_for(std::chrono::milliseconds(5));
  co_await scene.home.start();
  EXPECT_EQ(co_await away.get("/only-here.txt"), "200 read at home");
  co_await away.stop();
  co_await scene.home.stop();
  co_await scene.courier.stop();
}

TEST(ServeConnect, AnOfferThatWaitedForTheServerToStartIsAnswered) {
  Scene scene;
  scene.loop.run(answers_after_start(scene));
}

Awaitable<void> survives_junk(Scene& scene) {
  co_await scene.home.start();
  const fs::path directory = scene.root / "home" / kHandshake;
  char name[64];
  for (unsigned i = 0; i < 10'000; ++i) {
    std::snprintf(name, sizeof name, "offer-%016x-%016x.json", i, i * 7919);
    write_file(directory / name, i % 2 == 0 ? "{\"v\":1,\"type\":\"offer\"" : std::string(20'000, '['));
  }
  scene.courier.spawn("courier", scene.between.run());
  while (!fs::exists(scene.root / "away" / kHandshake)) co_await sleep_for(std::chrono::milliseconds(5));
  Away away = scene.away();
  co_await away.start();
  EXPECT_EQ(co_await away.get("/only-here.txt"), "200 read at home");
  EXPECT_EQ(scene.home.sessions().connected(), 1U);
  co_await away.stop();
  co_await scene.home.stop();
  co_await scene.courier.stop();
}

TEST(ServeConnect, TenThousandJunkRecordsDoNotKeepAnHonestClientOut) {
  Scene scene;
  scene.loop.run(survives_junk(scene));
}

}  // namespace
}  // namespace owndir::test
