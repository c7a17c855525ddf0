#include "fsnode/tree_watcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/test_folder.hpp"

namespace owndir::fsnode {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Not;

/// "add a/b", as the events of chokidar are called.
std::string text_of(const Change& change) {
  static constexpr const char* kNames[] = {"add", "addDir", "change", "unlink", "unlinkDir", "raw", "error"};
  return std::string(kNames[static_cast<std::size_t>(change.kind)]) + " " + change.path + change.text;
}

enum class Means { inotify, polling, few_watches };

/// With inotify and no other look, by looking alone, and where the system refuses all watches but two.
class Watching : public ::testing::TestWithParam<Means> {
 protected:
  WatchOptions options(const std::vector<std::string>& paths = {""}) const {
    WatchOptions options;
    for (const std::string& path : paths) options.paths.push_back(*RootedPath::parse(path));
    options.inotify = GetParam() != Means::polling;
    if (GetParam() == Means::few_watches) options.most_watches = 2;
    options.poll_interval = 2ms;
    options.rescan_interval = 1h;
    return options;
  }
  void start(const WatchOptions& with) {
    watcher_.emplace(tree_, with);
    settle();
  }
  /// Until nothing is left to do.
  void settle() {
    std::vector<Change> changes;
    for (bool more = true; more;) {
      const auto step = watcher_->step(10, changes);
      ASSERT_TRUE(step) << step.error().to_string();
      more = *step;
    }
    for (const Change& change : changes) {
      (change.kind == Change::Kind::error ? errors_ : told_).push_back(text_of(change));
      if (change.info) sizes_[change.path] = change.info->size;
    }
  }
  /// Until `event` has been told.
  void await(const std::string& event) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (std::find(told_.begin(), told_.end(), event) == told_.end()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << event << " after " << ::testing::PrintToString(told_);
      pollfd readable{watcher_->fd(), POLLIN, 0};
      ::poll(&readable, 1, static_cast<int>(std::min<long>(watcher_->patience().count(), 1000)));
      settle();
    }
  }
  std::vector<std::string> taken() {
    settle();
    return std::exchange(told_, {});
  }

  TestFolder folder_;
  Tree tree_{folder_.open()};
  std::optional<TreeWatcher> watcher_;
  std::vector<std::string> told_;
  std::vector<std::string> errors_;
  std::map<std::string, std::uint64_t> sizes_;
};

INSTANTIATE_TEST_SUITE_P(Inotify, Watching, ::testing::Values(Means::inotify));
INSTANTIATE_TEST_SUITE_P(Polling, Watching, ::testing::Values(Means::polling));
INSTANTIATE_TEST_SUITE_P(FewWatches, Watching, ::testing::Values(Means::few_watches));

TEST_P(Watching, TellsFirstWhatIsThereParentsFirst) {
  folder_.write("a/b/c.txt", "x");
  folder_.write("a b", "x");
  fs::create_directories(folder_.path() / ".stfolder");
  folder_.write("a/.syncthing.c.txt.tmp", "x");
  start(options());
  EXPECT_THAT(taken(), ElementsAre("addDir ", "addDir a", "add a%20b", "addDir a/b", "add a/b/c.txt"));
}

TEST_P(Watching, TellsNothingOfWhatIsThereIfAskedSo) {
  folder_.write("a/b", "x");
  WatchOptions with = options();
  with.tell_initial = false;
  start(with);
  EXPECT_THAT(taken(), ElementsAre());
  folder_.write("a/c", "x");
  await("add a/c");
}

TEST_P(Watching, TellsOfFilesThatComeChangeAndGo) {
  start(options());
  (void)taken();
  folder_.write("a", "1");
  await("add a");
  folder_.write("a", "12");
  await("change a");
  EXPECT_EQ(sizes_["a"], 2U);
  fs::remove(folder_.path() / "a");
  await("unlink a");
}

TEST_P(Watching, TellsOfAFileThatWasReplaced) {
  folder_.write("a", "1");
  start(options());
  (void)taken();
  folder_.write("b", "22");
  fs::rename(folder_.path() / "b", folder_.path() / "a");
  await("change a");
  EXPECT_EQ(sizes_["a"], 2U);
}

TEST_P(Watching, TellsOfWhatWasMadeRightAfterItsFolder) {
  start(options());
  for (int i = 0; i < 20; ++i) {
    const std::string name = "n" + std::to_string(i);
    fs::create_directories(folder_.path() / name / "x/y");
    folder_.write(name + "/x/y/z", "z");
  }
  for (int i = 0; i < 20; ++i) await("add n" + std::to_string(i) + "/x/y/z");
}

TEST_P(Watching, TellsOfAFolderThatWasRenamedWithWhatItHolds) {
  folder_.write("a/b/c", "x");
  start(options());
  (void)taken();
  fs::rename(folder_.path() / "a", folder_.path() / "z");
  await("add z/b/c");
  await("unlinkDir a");
  std::vector<std::string> told = taken();
  std::erase_if(told, [](const std::string& event) { return event.starts_with("add"); });
  EXPECT_THAT(told, ElementsAre("unlink a/b/c", "unlinkDir a/b", "unlinkDir a"));
  folder_.write("z/b/d", "x");
  await("add z/b/d");
}

TEST_P(Watching, TellsOfFoldersThatTakeEachOthersPlaces) {
  folder_.write("a/one", "x");
  folder_.write("b/two", "x");
  start(options());
  (void)taken();
  fs::rename(folder_.path() / "a", folder_.path() / "t");
  fs::rename(folder_.path() / "b", folder_.path() / "a");
  fs::rename(folder_.path() / "t", folder_.path() / "b");
  await("add a/two");
  await("add b/one");
  folder_.write("a/three", "x");
  await("add a/three");
  folder_.write("b/four", "x");
  await("add b/four");
}

TEST_P(Watching, TellsOfATreeThatWasRemovedContentsFirst) {
  folder_.write("a/b/c", "x");
  start(options());
  (void)taken();
  fs::remove_all(folder_.path() / "a");
  await("unlinkDir a");
  EXPECT_THAT(taken(), ElementsAre("unlink a/b/c", "unlinkDir a/b", "unlinkDir a"));
}

TEST_P(Watching, TellsOfAFileThatBecomesAFolder) {
  folder_.write("a", "x");
  start(options());
  (void)taken();
  fs::remove(folder_.path() / "a");
  folder_.write("a/b", "x");
  await("add a/b");
  EXPECT_THAT(taken(), ElementsAre("unlink a", "addDir a", "add a/b"));
}

TEST_P(Watching, WatchesAFileAndWhatDoesNotExistYet) {
  folder_.write("d/file", "1");
  start(options({"d/file", "later/on/here"}));
  EXPECT_THAT(taken(), ElementsAre("add d/file"));
  folder_.write("d/other", "1");
  folder_.write("d/file", "22");
  await("change d/file");
  folder_.write("later/on/there", "x");
  folder_.write("later/on/here/a", "x");
  await("add later/on/here/a");
  fs::remove_all(folder_.path() / "later");
  await("unlinkDir later/on/here");
  folder_.write("later/on/here/b", "x");
  await("add later/on/here/b");
  EXPECT_THAT(taken(), Not(::testing::Contains(::testing::HasSubstr("there"))));
}

TEST_P(Watching, GoesAsDeepAsAsked) {
  folder_.write("a/b/c", "x");
  WatchOptions with = options();
  with.depth = 1;
  start(with);
  EXPECT_THAT(taken(), ElementsAre("addDir ", "addDir a", "addDir a/b"));
  folder_.write("a/b/d", "x");
  folder_.write("a/e", "x");
  await("add a/e");
  EXPECT_THAT(taken(), ElementsAre("add a/e"));
}

TEST_P(Watching, TellsOnceOfWhatTwoPathsHold) {
  folder_.write("a/b", "x");
  start(options({"a/b", "", "a"}));
  EXPECT_THAT(taken(), ElementsAre("addDir ", "addDir a", "add a/b"));
}

TEST_P(Watching, DoesNotFollowLinks) {
  folder_.write("a/b", "x");
  fs::create_directory_symlink("a", folder_.path() / "l");
  fs::create_directory_symlink("..", folder_.path() / "a/up");
  fs::create_symlink("gone", folder_.path() / "lost");
  start(options());
  EXPECT_THAT(taken(), ElementsAre("addDir ", "addDir a", "addDir l", "add lost", "add a/b", "addDir a/up"));
}

TEST_P(Watching, TellsOfNamesThatAreNoText) {
  start(options());
  folder_.write("two\nlines \xff\xf0\x9f\x8c\xb1", "x");
  await("add two%0Alines%20%FF%F0%9F%8C%B1");
}

TEST_P(Watching, NoticesManyChangesAtOnce) {
  start(options());
  for (int i = 0; i < 2000; ++i) folder_.write("d" + std::to_string(i % 7) + "/" + std::to_string(i), "x");
  for (int i = 0; i < 2000; ++i) await("add d" + std::to_string(i % 7) + "/" + std::to_string(i));
}

TEST_P(Watching, EndsWhenThereIsTooMuchToWatch) {
  for (int i = 0; i < 20; ++i) folder_.write(std::to_string(i), "x");
  WatchOptions with = options();
  with.limit = 10;
  watcher_.emplace(tree_, with);
  std::vector<Change> changes;
  const auto step = watcher_->step(1000, changes);
  ASSERT_FALSE(step);
  EXPECT_EQ(wire_status(step.error()), 413);
}

TEST_P(Watching, RemovesOwnTemporaryFilesThatNobodyWantsAnyMore) {
  folder_.write("d/.syncthing.owndir-old.tmp", "x");
  folder_.write("d/.owndir-upload-old.txt", "x");
  folder_.write("d/.syncthing.owndir-new.tmp", "x");
  folder_.write("d/.syncthing.other.tmp", "x");
  const timespec old[2] = {{1, 0}, {1, 0}};
  for (const char* name : {".syncthing.owndir-old.tmp", ".owndir-upload-old.txt", ".syncthing.other.tmp"})
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_.path() / "d" / name).c_str(), old, 0), 0);
  start(options());
  EXPECT_FALSE(fs::exists(folder_.path() / "d/.syncthing.owndir-old.tmp"));
  EXPECT_FALSE(fs::exists(folder_.path() / "d/.owndir-upload-old.txt"));
  EXPECT_TRUE(fs::exists(folder_.path() / "d/.syncthing.owndir-new.tmp"));
  EXPECT_TRUE(fs::exists(folder_.path() / "d/.syncthing.other.tmp"));
}

/// A tree of more folders than may be watched.
class RefusedWatching : public ::testing::Test {
 protected:
  void start(std::size_t most_watches, std::chrono::milliseconds poll_interval) {
    for (const char* name : {"a/x", "b/x", "c/d/x"}) folder_.write(name, "x");
    WatchOptions options;
    options.paths.emplace_back();
    options.most_watches = most_watches;
    options.poll_interval = poll_interval;
    options.rescan_interval = 1h;
    watcher_.emplace(tree_, options);
    step();
  }
  std::vector<std::string> step() {
    std::vector<Change> changes;
    while (*watcher_->step(1000, changes)) {
    }
    std::vector<std::string> told;
    told.reserve(changes.size());
    for (const Change& change : changes) told.push_back(text_of(change));
    told_.insert(told_.end(), told.begin(), told.end());
    return told;
  }
  std::size_t complaints() const {
    return static_cast<std::size_t>(std::count_if(told_.begin(), told_.end(), [](const std::string& event) {
      return event.find("raise fs.inotify.max_user_watches") != event.npos;
    }));
  }

  TestFolder folder_{true};
  Tree tree_{folder_.open()};
  std::optional<TreeWatcher> watcher_;
  std::vector<std::string> told_;
};

TEST_F(RefusedWatching, SaysSoOnceAndLooksAgainInTime) {
  start(1, 3ms);
  EXPECT_EQ(complaints(), 1U);
  EXPECT_LE(watcher_->patience(), 10s) << "and not the hour of where all is watched";
  folder_.write("c/d/new", "1");
  folder_.write("a/x", "longer");
  fs::remove(folder_.path() / "b/x");
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  const auto all_told = [&] {
    return std::count(told_.begin(), told_.end(), "add c/d/new") +
               std::count(told_.begin(), told_.end(), "change a/x") +
               std::count(told_.begin(), told_.end(), "unlink b/x") ==
           3;
  };
  while (!all_told()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ::testing::PrintToString(told_);
    pollfd readable{watcher_->fd(), POLLIN, 0};
    ::poll(&readable, 1, static_cast<int>(std::min<long>(watcher_->patience().count(), 1000)));
    step();
  }
  EXPECT_EQ(complaints(), 1U);
}

TEST_F(RefusedWatching, WatchesAgainWhenThereIsRoom) {
  start(4, 1ms);
  ASSERT_EQ(complaints(), 1U);
  // Four are left: the folder, a, c and c/d.
  fs::remove_all(folder_.path() / "b");
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (watcher_->patience() < 10min) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "still looking";
    pollfd readable{watcher_->fd(), POLLIN, 0};
    ::poll(&readable, 1, static_cast<int>(std::min<long>(watcher_->patience().count(), 1000)));
    step();
  }
  folder_.write("c/d/new", "1");
  EXPECT_THAT(step(), ::testing::Contains("add c/d/new")) << "told by the system, an hour before the next look";
}

TEST(InotifyWatching, FindsTheDifferencesWhenTheQueueOverflowed) {
  TestFolder folder;
  folder.write("victim", "x");
  folder.write("noise", "x");
  const Tree tree(folder.open());
  WatchOptions options;
  options.paths.emplace_back();
  options.rescan_interval = 1h;
  TreeWatcher watcher(tree, options);
  std::vector<Change> changes;
  while (*watcher.step(1000, changes)) {
  }
  changes.clear();
  // Two names in turn, so that the kernel does not join the events; far more than the queue holds.
  for (int i = 0; i < 20000; ++i) {
    fs::rename(folder.path() / "noise", folder.path() / "noise2");
    fs::rename(folder.path() / "noise2", folder.path() / "noise");
  }
  fs::remove(folder.path() / "victim");
  folder.write("late/arrival", "x");
  while (*watcher.step(1000, changes)) {
  }
  std::vector<std::string> told;
  told.reserve(changes.size());
  for (const Change& change : changes) told.push_back(text_of(change));
  EXPECT_THAT(told, ::testing::IsSupersetOf({"unlink victim", "add late/arrival"}));
}

}  // namespace
}  // namespace owndir::fsnode
