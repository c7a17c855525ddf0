// One test over both watchers: what happens in a directory is hinted at by either.
#include "rendezvous/watcher.hpp"

#include <map>
#include <set>

#include "rendezvous/test_support.hpp"

namespace owndir::rendezvous {
namespace {

using namespace test;
namespace fs = std::filesystem;

class RendezvousWatcher : public testing::TestWithParam<bool> {
 protected:
  RendezvousWatcher() { fs::create_directories(directory()); }
  ~RendezvousWatcher() override {
    watcher_.reset();
    jobs_.close();
    loop_.until([&] { return jobs_.running() == 0; });
  }
  fs::path root() const { return temporary_.path(); }
  fs::path directory() const { return root() / "a/b"; }

  void watch(bool create = false) {
    WatchOptions options;
    options.path = "a/b";
    options.create = create;
    options.poll_interval = std::chrono::milliseconds(10);
    options.check_interval = std::chrono::milliseconds(20);
    options.rescan_interval = std::chrono::hours(1);
    WatchEvents events;
    events.changed = [this](const std::vector<std::string>& names) {
      EXPECT_FALSE(names.empty());
      changed_.insert(names.begin(), names.end());
    };
    events.rescan = [this] { ++rescans_; };
    events.lost = [this](const Error& error) {
      EXPECT_TRUE(error.code) << error.to_string();
      ++lost_;
    };
    events.back = [this](SharedFolder folder) {
      folder_ = std::move(folder);
      ++back_;
    };
    auto opened = std::make_shared<const RootedFolder>(*RootedFolder::open(root()));
    const auto make = GetParam() ? watch_polling : watch_inotify;
    watcher_ = make(jobs_, std::move(opened), std::make_shared<Store>(), std::move(options), std::move(events));
  }
  void watch_and_settle() {
    watch();
    ASSERT_TRUE(loop_.until([&] { return back_ == 1; }));
    // Polling hints at what it finds first.
    deliver(directory() / name_of(offer_of(999, 999)), "x");
    ASSERT_TRUE(loop_.until([&] { return changed_.contains(name_of(offer_of(999, 999))); }));
    changed_.clear();
  }
  bool hinted(const std::string& name) {
    return loop_.until([&] { return changed_.contains(name) || rescans_ > 0; });
  }

  TemporaryFolder temporary_;
  Loop loop_;
  FileJobs jobs_{loop_.network.get_executor(), loop_.files};
  std::unique_ptr<Watcher> watcher_;
  std::multiset<std::string> changed_;
  int rescans_ = 0, lost_ = 0, back_ = 0;
  SharedFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Watchers, RendezvousWatcher, testing::Bool(),
                         [](const auto& param) { return param.param ? "Polling" : "Inotify"; });

const std::string kName = name_of(offer_of(1, 2));

TEST_P(RendezvousWatcher, HintsAtARenameIntoPlace) {
  watch_and_settle();
  deliver(directory() / kName, "x");
  EXPECT_TRUE(hinted(kName));
}

TEST_P(RendezvousWatcher, HintsAtAHardLinkIntoPlace) {
  watch_and_settle();
  put(root() / "file", "x");
  fs::create_hard_link(root() / "file", directory() / kName);
  EXPECT_TRUE(hinted(kName));
}

TEST_P(RendezvousWatcher, HintsAtARemoval) {
  deliver(directory() / kName, "x");
  watch_and_settle();
  fs::remove(directory() / kName);
  EXPECT_TRUE(hinted(kName));
}

TEST_P(RendezvousWatcher, HintsAtAnOverwriteThatShowsTheRemovalFirst) {
  deliver(directory() / kName, "x");
  watch_and_settle();
  fs::remove(directory() / kName);
  deliver(directory() / kName, "y");
  EXPECT_TRUE(hinted(kName));
}

TEST_P(RendezvousWatcher, HintsAtEachStepOfAFileWrittenInPlace) {
  watch_and_settle();
  put(directory() / kName, "");
  ASSERT_TRUE(hinted(kName));
  changed_.clear();
  put(directory() / kName, "half");
  ASSERT_TRUE(hinted(kName));
}

TEST_P(RendezvousWatcher, SaysNothingAboutTemporaryNames) {
  watch_and_settle();
  put(directory() / (".syncthing." + kName + ".tmp"), "x");
  put(directory() / (kName + ".crswap"), "x");
  put(directory() / "notes.txt", "x");
  deliver(directory() / kName, "x");
  ASSERT_TRUE(hinted(kName));
  for (const std::string& name : changed_) EXPECT_EQ(name, kName);
}

TEST_P(RendezvousWatcher, SaysSoWhenTooMuchHappenedToTellOneByOne) {
  watch_and_settle();
  // Nobody reads the queue (fs.inotify.max_queued_events, 16384) meanwhile.
  put(root() / "file", "x");
  for (int i = 0; i < 6000; ++i) {
    const fs::path path = directory() / name_of(offer_of(1, static_cast<std::uint64_t>(10 + i % 500)));
    fs::create_hard_link(root() / "file", path);
    if (i + 500 < 6000) fs::remove(path);
  }
  for (int i = 0; i < 4000; ++i) {
    const fs::path one = directory() / (i % 2 == 0 ? "one" : "three"),
                   two = directory() / (i % 2 == 0 ? "two" : "four");
    if (i < 2) put(one, "x");
    fs::rename(one, two);
    fs::rename(two, one);
  }
  EXPECT_TRUE(loop_.until([&] { return rescans_ > 0; }));
}

TEST_P(RendezvousWatcher, TellsThatTheDirectoryIsGoneAndBack) {
  watch_and_settle();
  fs::remove_all(directory());
  ASSERT_TRUE(loop_.until([&] { return lost_ == 1; }));
  fs::create_directory(directory());
  ASSERT_TRUE(loop_.until([&] { return back_ == 2; }));
  changed_.clear();
  deliver(directory() / kName, "x");
  EXPECT_TRUE(hinted(kName));
  EXPECT_EQ(lost_, 1);
}

TEST_P(RendezvousWatcher, FollowsAParentThatIsReplaced) {
  watch_and_settle();
  fs::rename(root() / "a", root() / "old");
  fs::create_directories(directory());
  ASSERT_TRUE(loop_.until([&] { return back_ == 2; }));
  deliver(root() / "old/b" / name_of(offer_of(3, 4)), "x");
  deliver(directory() / kName, "x");
  ASSERT_TRUE(hinted(kName));
  EXPECT_FALSE(changed_.contains(name_of(offer_of(3, 4))));
}

TEST_P(RendezvousWatcher, MakesTheDirectoryWhereItIsToldTo) {
  fs::remove_all(root() / "a");
  watch(/*create=*/true);
  ASSERT_TRUE(loop_.until([&] { return back_ == 1; }));
  EXPECT_TRUE(fs::is_directory(directory()));
  fs::remove_all(root() / "a");
  ASSERT_TRUE(loop_.until([&] { return back_ == 2; }));
  EXPECT_TRUE(fs::is_directory(directory()));
}

TEST_P(RendezvousWatcher, WaitsForADirectoryThatIsNotThereYet) {
  fs::remove_all(root() / "a");
  watch();
  ASSERT_TRUE(loop_.until([&] { return lost_ == 1; }));
  fs::create_directories(directory());
  EXPECT_TRUE(loop_.until([&] { return back_ == 1; }));
}

TEST_P(RendezvousWatcher, DoesNotFollowALinkOutOfTheRoot) {
  fs::remove_all(root() / "a");
  fs::create_directory(root() / "a");
  fs::create_directory_symlink("/", directory());
  watch(/*create=*/true);
  ASSERT_TRUE(loop_.until([&] { return lost_ == 1; }));
  EXPECT_EQ(back_, 0);
}

TEST_P(RendezvousWatcher, SaysNothingAfterAStop) {
  watch_and_settle();
  watcher_->stop();
  deliver(directory() / kName, "x");
  fs::remove_all(root() / "a");
  ASSERT_TRUE(loop_.until([&] { return jobs_.running() == 0; }));
  loop_.network.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(changed_.empty());
  EXPECT_EQ(lost_, 0);
}

}  // namespace
}  // namespace owndir::rendezvous
