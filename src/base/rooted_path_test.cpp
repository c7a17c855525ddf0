#include "base/rooted_path.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace owndir {
namespace {

namespace fs = std::filesystem;

TEST(RootedPath, KeepsOnlyOrdinarySegments) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", ""},       {"/", ""},       {".", ""}, {"a", "a"}, {"/a//b/./c/", "a/b/c"}, {"..a/b..", "..a/b.."},
      {"...", "..."}, {"a\\b", "a\\b"}};
  for (const auto& [text, path] : table) {
    const auto parsed = RootedPath::parse(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->str(), path);
    EXPECT_EQ(parsed->is_root(), path.empty());
  }
  for (const char* up : {"..", "../a", "a/..", "a/../b", "/.."})
    EXPECT_TRUE(RootedPath::parse(up).error().is(Errc::forbidden)) << up;
  EXPECT_TRUE(RootedPath::parse(std::string_view("a\0b", 3)).error().is(Errc::malformed));
  EXPECT_TRUE(RootedPath::parse(std::string(256, 'a')).error().is(Errc::too_large));
  EXPECT_TRUE(RootedPath::parse(std::string(255, 'a')).has_value());
  std::string deep;
  for (int i = 0; i < 2100; ++i) deep += "a/";
  EXPECT_TRUE(RootedPath::parse(deep).error().is(Errc::too_large));
}

TEST(RootedPath, GoesUpAndDownWithoutLeaving) {
  const auto path = *RootedPath::parse("a/b");
  EXPECT_EQ(path.parent().str(), "a");
  EXPECT_EQ(path.parent().parent().str(), "");
  EXPECT_EQ(RootedPath().parent().str(), "");
  EXPECT_EQ(path.child("c")->str(), "a/b/c");
  for (const char* bad : {"", ".", "..", "x/y", "/x"}) EXPECT_FALSE(path.child(bad).has_value()) << bad;
}

class RootedFolderTest : public ::testing::Test {
 protected:
  RootedFolderTest() {
    std::string name = (fs::temp_directory_path() / "owndir-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "in/sub");
    fs::create_directories(root_ / "out");
    std::ofstream(root_ / "in/file") << "inside";
    std::ofstream(root_ / "in/sub/file") << "inside";
    std::ofstream(root_ / "out/file") << "outside";
    folder_ = std::move(*RootedFolder::open((root_ / "in").string()));
  }
  ~RootedFolderTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Result<std::string> read(std::string_view path) const { return read_file(folder_, *RootedPath::parse(path), 100); }

  fs::path root_;
  RootedFolder folder_;
};

TEST_F(RootedFolderTest, FollowsLinksThatStayInside) {
  fs::create_symlink("sub/file", root_ / "in/link");
  fs::create_directory_symlink("sub", root_ / "in/dir");
  fs::create_symlink("../file", root_ / "in/sub/up");
  EXPECT_EQ(*read("link"), "inside");
  EXPECT_EQ(*read("dir/file"), "inside");
  EXPECT_EQ(*read("dir/up"), "inside");
}

TEST_F(RootedFolderTest, RefusesLinksThatLeadOutside) {
  fs::create_symlink(root_ / "out/file", root_ / "in/absolute");
  fs::create_symlink("../out/file", root_ / "in/relative");
  fs::create_directory_symlink("../out", root_ / "in/dir");
  fs::create_directory_symlink("/proc/self/root", root_ / "in/magic");
  fs::create_symlink(root_ / "in/file", root_ / "in/roundabout");  // inside, but by an absolute path
  for (const char* path : {"absolute", "relative", "dir/file", "magic/etc/passwd", "roundabout"}) {
    EXPECT_EQ(read(path).error().code, std::errc::cross_device_link) << path;
    EXPECT_FALSE(folder_.stat(*RootedPath::parse(path)).has_value()) << path;
    EXPECT_FALSE(folder_.open(*RootedPath::parse(path), O_WRONLY | O_CREAT).has_value()) << path;
  }
  EXPECT_FALSE(folder_.subfolder(*RootedPath::parse("dir")).has_value());
  EXPECT_FALSE(folder_.make_directory(*RootedPath::parse("dir/made")).has_value());
  EXPECT_FALSE(fs::exists(root_ / "out/made"));
}

TEST_F(RootedFolderTest, NeverReadsOutsideWhileALinkIsSwapped) {
  // One thread swaps "swap" between a directory and a link that leads outside; whatever the moment, only "inside" is
  // read.
  fs::create_directory(root_ / "in/swap");
  std::ofstream(root_ / "in/swap/file") << "inside";
  fs::create_directory_symlink(root_ / "out", root_ / "in/evil");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop)
      ::renameat2(AT_FDCWD, (root_ / "in/swap").c_str(), AT_FDCWD, (root_ / "in/evil").c_str(), RENAME_EXCHANGE);
  });
  int inside = 0;
  int refused = 0;
  for (int i = 0; i < 200'000 && (i < 2000 || inside == 0 || refused == 0); ++i) {
    const auto content = read("swap/file");
    if (content) {
      ASSERT_EQ(*content, "inside");
      ++inside;
    } else {
      ++refused;
    }
  }
  stop = true;
  swapper.join();
  EXPECT_GT(inside, 0);
  EXPECT_GT(refused, 0);
}

TEST_F(RootedFolderTest, NeverWritesOutsideWhileALinkIsSwapped) {
  fs::create_directory(root_ / "in/swap");
  fs::create_directory_symlink(root_ / "out", root_ / "in/evil");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop)
      ::renameat2(AT_FDCWD, (root_ / "in/swap").c_str(), AT_FDCWD, (root_ / "in/evil").c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 300; ++i) {
    const auto sub = folder_.subfolder(*RootedPath::parse("swap"));
    if (sub) {
      EXPECT_TRUE(write_file_atomically(*sub, "new", "x").has_value());
    }
  }
  stop = true;
  swapper.join();
  EXPECT_FALSE(fs::exists(root_ / "out/new"));
}

TEST_F(RootedFolderTest, StaysWithTheFolderThatWasOpened) {
  fs::rename(root_ / "in", root_ / "moved");
  fs::create_directory(root_ / "in");
  std::ofstream(root_ / "in/file") << "another folder";
  EXPECT_EQ(*read("file"), "inside");
}

TEST_F(RootedFolderTest, WritesAtomicallyAndLeavesNothingBehind) {
  ASSERT_TRUE(write_file_atomically(folder_, "new", "one").has_value());
  ASSERT_TRUE(write_file_atomically(folder_, "new", "two").has_value());
  EXPECT_EQ(*read("new"), "two");
  const auto taken = write_file_atomically(folder_, "new", "three", 0644, true);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, std::errc::file_exists);
  EXPECT_EQ(*read("new"), "two");
  EXPECT_FALSE(write_file_atomically(folder_, "../escape", "x").has_value());
  fs::create_directory(root_ / "in/taken");
  EXPECT_FALSE(write_file_atomically(folder_, "taken", "x").has_value());
  std::size_t entries = 0;
  for (const auto& entry : fs::directory_iterator(root_ / "in")) {
    ++entries;
    EXPECT_FALSE(entry.path().filename().string().starts_with(".owndir-")) << entry.path();
  }
  EXPECT_EQ(entries, 4U);  // file, sub, new, taken
}

TEST_F(RootedFolderTest, ReadsOnlyOrdinaryFilesWithinTheirLimit) {
  EXPECT_TRUE(read_file(folder_, *RootedPath::parse("file"), 5).error().is(Errc::too_large));
  EXPECT_EQ(*read_file(folder_, *RootedPath::parse("file"), 6), "inside");
  EXPECT_TRUE(read("sub").error().is(Errc::unsupported));
  ASSERT_EQ(::mkfifo((root_ / "in/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(read("pipe").error().is(Errc::unsupported));  // and does not wait for a writer
  EXPECT_EQ(read("missing").error().code, std::errc::no_such_file_or_directory);
}

TEST_F(RootedFolderTest, MakesADirectoryOnceAndForAll) {
  const auto path = *RootedPath::parse("sub/made");
  EXPECT_TRUE(folder_.make_directory(path).has_value());
  EXPECT_TRUE(folder_.make_directory(path).has_value());
  EXPECT_TRUE(folder_.make_directory(RootedPath()).has_value());
  EXPECT_FALSE(folder_.make_directory(*RootedPath::parse("file")).has_value());
  EXPECT_FALSE(folder_.make_directory(*RootedPath::parse("missing/made")).has_value());
}

}  // namespace
}  // namespace owndir
