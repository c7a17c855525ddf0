// Reading and writing files, and changing the tree, without a session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/test_folder.hpp"
#include "fsnode/changes.hpp"
#include "fsnode/file_reader.hpp"
#include "fsnode/file_writer.hpp"

namespace owndir::fsnode {
namespace {

namespace fs = std::filesystem;

RootedPath path_of(std::string_view text) {
  return *RootedPath::parse(text);
}

template <class T>
int status_of(const Result<T>& result) {
  return result ? 0 : wire_status(result.error());
}

class Files : public ::testing::Test {
 protected:
  /// 0, or the status of what went wrong.
  int write(std::string_view path, std::string_view data, const WriteOptions& options = {}) {
    auto writer = FileWriter::begin(tree_, path_of(path), options);
    if (!writer) return wire_status(writer.error());
    if (const auto put = writer->append(as_bytes(data)); !put) return wire_status(put.error());
    return status_of(writer->commit());
  }
  int move(std::string_view from, std::string_view to, bool overwrite = false) {
    auto move = Move::begin(tree_, path_of(from), path_of(to), overwrite);
    for (;;) {
      if (!move) return wire_status(move.error());
      const auto done = move->step(3);
      if (!done) return wire_status(done.error());
      if (*done) return 0;
    }
  }
  int remove(std::string_view path) {
    auto remove = Remove::begin(tree_, path_of(path));
    for (;;) {
      if (!remove) return wire_status(remove.error());
      const auto done = remove->step(3);
      if (!done) return wire_status(done.error());
      if (*done) return 0;
    }
  }
  mode_t mode_of(std::string_view name) const {
    struct stat state{};
    EXPECT_EQ(::stat((folder_.path() / name).c_str(), &state), 0);
    return state.st_mode & 07777;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  TestFolder folder_{true};
  TestFolder outside_{true};
  Tree tree_{folder_.open()};
};

TEST_F(Files, AFileKeepsItsModeWhenItIsReplaced) {
  folder_.write("a", "old");
  ASSERT_EQ(::chmod((folder_.path() / "a").c_str(), 0751), 0);
  WriteOptions options;
  options.mode = 0600;
  EXPECT_EQ(write("a", "new", options), 0);
  EXPECT_EQ(mode_of("a"), 0751U);
  EXPECT_EQ(write("b", "new", options), 0);
  EXPECT_EQ(mode_of("b"), 0600U);
}

TEST_F(Files, AWriteThatIsGivenUpLeavesNothing) {
  folder_.write("a", "old");
  {
    auto writer = FileWriter::begin(tree_, path_of("a"), {});
    ASSERT_TRUE(writer && writer->append(as_bytes("new")));
    EXPECT_EQ(entries(), 2U);
  }
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(folder_.read("a"), "old");
}

TEST_F(Files, OldContentStaysWhenTheFileSystemRefusesTheSize) {
  folder_.write("a", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int status = write("a", std::string(10'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status, 413);
  EXPECT_EQ(folder_.read("a"), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, OldContentStaysWhenTheDiskIsFull) {
  std::string skipped;
  // In a thread, which takes its view of the mounts with it when it ends.
  std::thread([&] {
    const std::string small = (folder_.path() / "small").string();
    fs::create_directory(small);
    if (::unshare(CLONE_NEWNS) < 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("none", small.c_str(), "tmpfs", 0, "size=256k") < 0) {
      skipped = "this user may not mount";
      return;
    }
    const Tree tree(*RootedFolder::open(small));
    std::ofstream(small + "/a") << "old";
    WriteOptions options;
    auto writer = FileWriter::begin(tree, path_of("a"), options);
    ASSERT_TRUE(writer);
    const std::string data(100'000, 'x');
    Result<void> put;
    for (int i = 0; i < 10 && put; ++i) put = writer->append(as_bytes(data));
    EXPECT_EQ(status_of(put), 507);
    writer = fail(Errc::closed);
    options.size = 1 << 20;
    EXPECT_EQ(status_of(FileWriter::begin(tree, path_of("a"), options)), 507) << "announced";
    std::ifstream file(small + "/a");
    EXPECT_EQ(std::string((std::istreambuf_iterator<char>(file)), {}), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(small), fs::directory_iterator()), 1);
    ::umount(small.c_str());
  }).join();
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

TEST_F(Files, AnEditIsRefusedWhenOthersChangedTheFileMeanwhile) {
  folder_.write("a", "0123456789");
  WriteOptions options;
  options.flags.must_exist = true;
  options.start = 3;
  auto writer = FileWriter::begin(tree_, path_of("a"), options);
  ASSERT_TRUE(writer && writer->append(as_bytes("xx")));
  folder_.write("a", "other");
  EXPECT_EQ(status_of(writer->commit()), 409);
  EXPECT_EQ(folder_.read("a"), "other");
}

TEST_F(Files, ALargeFileIsEditedInPlace) {
  folder_.write("a", "0123456789");
  struct stat before{}, after{};
  ASSERT_EQ(::stat((folder_.path() / "a").c_str(), &before), 0);
  WriteOptions options;
  options.edit_copy = 5;
  options.flags.must_exist = true;
  options.start = 3;
  EXPECT_EQ(write("a", "xx", options), 0);
  options.flags = {.append = true};
  options.start = 0;
  EXPECT_EQ(write("a", "!", options), 0);
  EXPECT_EQ(folder_.read("a"), "012xx56789!");
  ASSERT_EQ(::stat((folder_.path() / "a").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(Files, AWriteWithAStartLeavesZerosBeforeIt) {
  WriteOptions options;
  options.start = 3;
  EXPECT_EQ(write("a", "x", options), 0);
  EXPECT_EQ(folder_.read("a"), std::string("\0\0\0x", 4));
}

TEST_F(Files, AWriteThroughALinkChangesItsTarget) {
  folder_.write("d/a", "old");
  fs::create_symlink("d/a", folder_.path() / "l");
  fs::create_directory_symlink("d", folder_.path() / "dl");
  EXPECT_EQ(write("l", "new"), 0);
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "l"));
  EXPECT_EQ(folder_.read("d/a"), "new");
  EXPECT_EQ(write("dl/b", "x"), 0);
  EXPECT_EQ(folder_.read("d/b"), "x");
}

TEST_F(Files, NothingIsWrittenReadMovedOrMadeThroughALinkThatLeadsOut) {
  outside_.write("secret", "old");
  fs::create_directory_symlink(outside_.path(), folder_.path() / "out");
  fs::create_symlink(outside_.path() / "secret", folder_.path() / "file");
  folder_.write("a", "x");
  EXPECT_EQ(write("file", "new"), 403);
  EXPECT_EQ(write("out/secret", "new"), 403);
  EXPECT_EQ(write("out/fresh", "new"), 403);
  EXPECT_EQ(status_of(FileReader::open(tree_, path_of("file"), 0, std::nullopt)), 403);
  EXPECT_EQ(status_of(FileReader::open(tree_, path_of("out/secret"), 0, std::nullopt)), 403);
  EXPECT_EQ(status_of(info_of(tree_, path_of("out/secret"))), 403);
  EXPECT_EQ(status_of(ChildrenReader::open(tree_, path_of("out"), 10, 10)), 403);
  EXPECT_EQ(status_of(make_directory(tree_, path_of("out/d"))), 403);
  EXPECT_EQ(status_of(touch(tree_, path_of("out/fresh"))), 403);
  EXPECT_EQ(status_of(touch(tree_, path_of("file"))), 403);
  EXPECT_EQ(move("a", "out/a"), 403);
  EXPECT_EQ(move("out/secret", "b"), 403);
  EXPECT_EQ(remove("out/secret"), 403);
  EXPECT_EQ(outside_.read("secret"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside_.path()), fs::directory_iterator()), 1);
}

TEST_F(Files, DeletingALinkLeavesWhatItLeadsTo) {
  outside_.write("kept", "x");
  folder_.write("d/kept", "x");
  folder_.write("t/file", "x");
  fs::create_directory_symlink(outside_.path(), folder_.path() / "t/out");
  fs::create_directory_symlink("../d", folder_.path() / "t/in");
  EXPECT_EQ(remove("t"), 0);
  EXPECT_FALSE(fs::exists(folder_.path() / "t"));
  EXPECT_EQ(outside_.read("kept"), "x");
  EXPECT_EQ(folder_.read("d/kept"), "x");
}

TEST_F(Files, MovingGoesAsMvDoes) {
  folder_.write("a", "a");
  folder_.write("b", "b");
  folder_.write("d/x", "x");
  folder_.write("e/x", "x");
  EXPECT_EQ(move("a", "b"), 409);
  EXPECT_EQ(move("a", "a"), 409);
  EXPECT_EQ(move("a", "a", true), 0);
  EXPECT_EQ(move("a", "b", true), 0);
  EXPECT_EQ(folder_.read("b"), "a");
  EXPECT_EQ(move("d", "e"), 0);
  EXPECT_EQ(folder_.read("e/d/x"), "x");
  EXPECT_EQ(move("e", "e"), 400);
  EXPECT_EQ(move("e", "e/d/new"), 400);
  EXPECT_EQ(move("b", "e/x/y"), 409);
  EXPECT_EQ(move("e/d", "b", true), 409) << "a folder does not replace a file";
  folder_.write("f/e/y", "y");
  EXPECT_EQ(move("e", "f"), 409) << "not empty";
  fs::remove(folder_.path() / "f/e/y");
  EXPECT_EQ(move("e", "f"), 0) << "empty";
  EXPECT_EQ(move("f/e/x", ""), 0) << "into the folder itself";
  EXPECT_EQ(folder_.read("x"), "x");
  EXPECT_EQ(move("", "b"), 403);
}

TEST_F(Files, ModulesAndMarkersStayWhereTheyAre) {
  for (const char* name : {"m/deep/.owndir/index.js", "n/.owndir.jsx", "o/.stfolder/x"}) folder_.write(name, "x");
  for (const char* top : {"m", "n", "o"}) {
    EXPECT_EQ(remove(top), 403) << top;
    EXPECT_EQ(move(top, "elsewhere"), 403) << top;
  }
  EXPECT_EQ(remove("m/deep/.owndir/index.js"), 403);
  EXPECT_EQ(move("m/deep/.OWNDIR", "elsewhere"), 403);
  EXPECT_EQ(write("n/.owndir.jsx", "y"), 403);
  EXPECT_EQ(write("n/.owndir-upload-x.part", "y"), 403);
  fs::create_directory_symlink("m/deep/.owndir", folder_.path() / "code");
  EXPECT_EQ(write("code/index.js", "y"), 403);
  EXPECT_EQ(remove("code/index.js"), 403);
  EXPECT_EQ(status_of(make_directory(tree_, path_of("code/d"))), 403);
  EXPECT_EQ(status_of(touch(tree_, path_of("code/index.js"))), 403);
  folder_.write("a", "x");
  EXPECT_EQ(move("a", "code/a"), 403);
  EXPECT_EQ(folder_.read("m/deep/.owndir/index.js"), "x");
  EXPECT_TRUE(FileReader::open(tree_, path_of("code/index.js"), 0, std::nullopt));
}

TEST_F(Files, WhatIsHiddenIsAsIfAbsent) {
  for (const char* name : {".owndir/.wrtc-proxy/x", "a/.stversions/x", "a/.syncthing.b.tmp", ".owndir-upload-abc.part"})
    folder_.write(name, "x");
  fs::create_directory_symlink(".owndir/.wrtc-proxy", folder_.path() / "l");
  for (const char* name : {".owndir/.wrtc-proxy/x", "a/.stversions/x", "a/.syncthing.b.tmp", "l/x", "l"}) {
    EXPECT_EQ(*info_of(tree_, path_of(name)) == std::nullopt, true) << name;
    EXPECT_EQ(status_of(FileReader::open(tree_, path_of(name), 0, std::nullopt)), 404) << name;
  }
  EXPECT_EQ(write("l/y", "y"), 403);
  EXPECT_EQ(ChildrenReader::open(tree_, path_of("a"), 10, 1000)->total(), 0U);
}

TEST_F(Files, ADeepTreeIsRemoved) {
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "d/";
  fs::create_directories(folder_.path() / path);
  EXPECT_EQ(remove("d"), 0);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Files, SpecialFilesAreNeitherReadNorWritten) {
  ASSERT_EQ(::mkfifo((folder_.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(status_of(FileReader::open(tree_, path_of("pipe"), 0, std::nullopt)), 404);
  EXPECT_EQ(write("pipe", "x"), 409);
  EXPECT_EQ(remove("pipe"), 0);
}

/// Another program swaps a folder for a link that leads out, over and over, while we work beneath it.
TEST_F(Files, NoRaceLeadsOut) {
  outside_.write("victim", "untouched");
  folder_.write("d/victim", "inside");
  const fs::path directory = folder_.path() / "d";
  fs::create_directory_symlink(outside_.path(), folder_.path() / "link");
  std::atomic<bool> over{false};
  std::thread swapper([&] {
    const std::string d = directory.string(), link = (folder_.path() / "link").string();
    while (!over) ::renameat2(AT_FDCWD, d.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  int inside = 0, refused = 0;
  for (int i = 0; i < 1500; ++i) {
    const int status = write("d/victim", "inside");
    (status == 0 ? inside : refused) += 1;
    (void)write("d/fresh" + std::to_string(i % 3), "x");
    (void)touch(tree_, path_of("d/touched"));
    (void)make_directory(tree_, path_of("d/made/deep"));
    (void)move("d/touched", "d/moved", true);
    (void)remove("d/made");
    (void)remove("d/victim");
    if (const auto reader = FileReader::open(tree_, path_of("d/victim"), 0, std::nullopt)) {
      Bytes bytes(static_cast<std::size_t>(reader->size()));
      auto open = FileReader::open(tree_, path_of("d/victim"), 0, std::nullopt);
      if (open && open->left() == bytes.size() && open->read(bytes)) {
        EXPECT_EQ(as_text(bytes), "inside");
      }
    }
  }
  over = true;
  swapper.join();
  EXPECT_EQ(outside_.read("victim"), "untouched");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside_.path()), fs::directory_iterator()), 1);
  EXPECT_GT(inside, 0);
  EXPECT_GT(refused, 0);
}

/// Deleting a tree while its folders are swapped for links to a folder that is to stay.
TEST_F(Files, NoRaceDeletesThroughALink) {
  folder_.write("keep/x", "kept");
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 10; ++i) folder_.write("t/" + std::to_string(i) + "/x", "x");
    std::error_code ignored;
    fs::create_directory_symlink("keep", folder_.path() / "swap", ignored);
    std::atomic<bool> over{false};
    std::thread swapper([&] {
      const std::string link = (folder_.path() / "swap").string();
      for (int i = 0; !over; i = (i + 1) % 10)
        ::renameat2(AT_FDCWD, link.c_str(), AT_FDCWD, (folder_.path() / "t" / std::to_string(i)).c_str(),
                    RENAME_EXCHANGE);
    });
    (void)remove("t");
    over = true;
    swapper.join();
    ASSERT_EQ(folder_.read("keep/x"), "kept");
    fs::remove_all(folder_.path() / "t", ignored);
    fs::remove_all(folder_.path() / "swap", ignored);
  }
}

}  // namespace
}  // namespace owndir::fsnode
