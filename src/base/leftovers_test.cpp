#include "base/leftovers.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace owndir {
namespace {

namespace fs = std::filesystem;

class Leftovers : public testing::Test {
 protected:
  Leftovers() {
    std::string pattern = (fs::temp_directory_path() / "owndir-leftovers-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~Leftovers() override {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  void put(const std::string& name) { std::ofstream(path_ / name) << "half of it"; }
  std::size_t remove(WallTime now, std::size_t entries = 100) {
    const auto folder = RootedFolder::open(path_.string());
    return folder ? remove_leftovers(*folder, now, entries) : 999;
  }
  fs::path path_;
  const WallTime tomorrow_ = system_clock().wall() + kLeftoverAge + std::chrono::minutes(1);
};

TEST_F(Leftovers, AreTheTemporaryNamesAndProbesOnly) {
  EXPECT_TRUE(is_momentary_name(momentary_name(kBeingWritten)));
  EXPECT_TRUE(is_momentary_name(momentary_name(kProbe)));
  for (const char* name :
       {".owndir-0123456789abcdef.json", ".owndir-0123456789abcde.tmp", ".owndir-0123456789abcdef0.tmp",
        ".owndir-0123456789ABCDEF.tmp", "owndir-0123456789abcdef.tmp", ".owndir-.tmp", ".owndir-", "",
        ".owndir-0123456789abcdef.tmp.tmp", ".syncthing..owndir-0123456789abcdef.tmp.tmp",
        ".owndir-0123456789abcdef.sync-conflict-20260101-000000-ABCDEFG.tmp", ".owndir-upload-0123456789abcdef.part"})
    EXPECT_FALSE(is_momentary_name(name)) << name;
}

TEST_F(Leftovers, GoOnceTheyAreADayOld) {
  const std::string temporary = momentary_name(kBeingWritten), probe = momentary_name(kProbe);
  put(temporary);
  put(probe);
  EXPECT_EQ(remove(system_clock().wall()), 0U) << "another process may be writing it now";
  EXPECT_TRUE(fs::exists(path_ / temporary));
  EXPECT_EQ(remove(tomorrow_), 2U);
  EXPECT_TRUE(fs::is_empty(path_));
}

TEST_F(Leftovers, OfOthersAndWhatIsNoOrdinaryFileStay) {
  const std::string of_the_sync = ".syncthing.offer-0000000000000001-0000000000000002.json.tmp";
  put(of_the_sync);
  put("notes.tmp");
  const std::string directory = momentary_name(kBeingWritten), link = momentary_name(kBeingWritten);
  fs::create_directory(path_ / directory);
  fs::create_symlink("notes.tmp", path_ / link);
  EXPECT_EQ(remove(tomorrow_), 0U);
  for (const std::string& name : {of_the_sync, std::string("notes.tmp"), directory, link})
    EXPECT_TRUE(fs::is_symlink(path_ / name) || fs::exists(path_ / name)) << name;
}

TEST_F(Leftovers, AreLookedForAmongALimitedNumberOfEntries) {
  for (int i = 0; i < 8; ++i) put(momentary_name(kBeingWritten));
  EXPECT_EQ(remove(tomorrow_, 3), 3U);
  EXPECT_EQ(remove(tomorrow_), 5U);
}

}  // namespace
}  // namespace owndir
