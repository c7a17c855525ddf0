// Looking at code, approving it, and building it, with a Node program that builds what the test tells it to.

#include "site/site_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/test_folder.hpp"

namespace owndir::site {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = SiteOutcome::State;

/// Copies each module's index.js into the site; a word in the code makes it fail.
constexpr const char* kFakeBuild = R"js(
const fs = require("fs"), path = require("path");
const say = (message) => fs.writeSync(1, JSON.stringify(message) + "\n");
require("readline").createInterface({ input: process.stdin }).once("line", (line) => {
  const job = JSON.parse(line);
  const code = fs.readFileSync(job.source + "/.owndir/index.js", "utf8");
  const live = job.folder + "/.owndir/index.js";
  if (code.includes("CHANGE MYSELF")) fs.writeFileSync(live, "// changed while it was built");
  if (code.includes("SYNTAX ERROR")) {
    say({ error: { text: "unexpected token", file: ".owndir/index.js", line: 1, column: 3, excerpt: code } });
    process.exit(1);
  }
  fs.mkdirSync(job.out + "/site", { recursive: true });
  fs.writeFileSync(job.out + "/site/index.html", "<p>" + code);
  const files = [{ path: "index.html", bytes: 1 }];
  if (code.includes("LIE")) files.push({ path: "missing.js", bytes: 1 });
  fs.writeFileSync(job.folder + "/built-times", String(1 + Number(fs.existsSync(job.folder + "/built-times") ? fs.readFileSync(job.folder + "/built-times", "utf8") : 0)));
  say({ done: { files, server: null, routes: false, modules: [""], digest: "" } });
});
)js";

class SiteBuilderTest : public ::testing::Test {
 protected:
  SiteBuilderTest() {
    share_.write("host.cjs", kFakeBuild);
    ::setenv("OWNDIR_SHARE", share_.path().c_str(), 1);
    options_.folder = folder_.path().string();
    options_.state_directory = state_.path().string();
    options_.cache_directory = cache_.path().string();
    options_.title = "Test";
    folder_.write("photos/a.jpg", "data");
  }
  ~SiteBuilderTest() override {
    ::unsetenv("OWNDIR_SHARE");
    files_.join();
  }

  SiteOutcome run() {
    SiteBuilder builder(files_, options_);
    events_.clear();
    Result<SiteOutcome> outcome = fail(Errc::internal, "not run");
    drive(run_builder(*this, builder, outcome));
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().to_string());
    return outcome ? std::move(*outcome) : SiteOutcome{};
  }
  void approve() {
    SiteBuilder builder(files_, options_);
    drive(approve_all(builder));
  }
  static Awaitable<void> run_builder(SiteBuilderTest& self, SiteBuilder& builder, Result<SiteOutcome>& outcome) {
    const SiteEvents on_event = [&self](const modules::BuildEvent& event) { self.events_.push_back(event); };
    outcome = co_await builder.run(on_event);
  }
  static Awaitable<void> approve_all(SiteBuilder& builder) {
    const auto reviewed = co_await builder.review();
    EXPECT_TRUE(reviewed);
    if (!reviewed) co_return;
    const auto approved = co_await builder.approve(reviewed->first);
    EXPECT_TRUE(approved);
  }
  static void drive(Awaitable<void> body) {
    asio::io_context io;
    asio::co_spawn(io, std::move(body), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
  }
  bool published(const std::string& name) const {
    return std::filesystem::exists(folder_.path() / ".owndir/.dist" / name);
  }

  TestFolder folder_, state_, share_, cache_;
  SiteBuilderOptions options_;
  asio::thread_pool files_{2};
  std::vector<modules::BuildEvent> events_;
};

TEST_F(SiteBuilderTest, AFolderWithoutModulesBuildsNothing) {
  EXPECT_EQ(run().state, State::empty);
}

TEST_F(SiteBuilderTest, NothingRunsBeforeItIsApprovedAndNothingTwice) {
  folder_.write(".owndir/index.js", "one");
  const SiteOutcome first = run();
  EXPECT_EQ(first.state, State::unapproved);
  EXPECT_TRUE(first.review->first);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "built-times"));
  approve();
  const SiteOutcome built = run();
  ASSERT_EQ(built.state, State::built) << built.failure->to_string();
  EXPECT_EQ(folder_.read(".owndir/.dist/index.html"), "<p>one");
  EXPECT_THAT(built.published->written, ElementsAre("index.html"));
  const SiteOutcome again = run();
  EXPECT_EQ(again.state, State::fresh);
  EXPECT_THAT(again.published->written, IsEmpty()) << "no file is written again";
  EXPECT_EQ(folder_.read("built-times"), "1");
}

TEST_F(SiteBuilderTest, AChangeWaitsForApprovalWhileTheLastBuildStays) {
  folder_.write(".owndir/index.js", "one");
  approve();
  ASSERT_EQ(run().state, State::built);
  folder_.write(".owndir/index.js", "two");
  folder_.write("a/.owndir/package.json", R"({"dependencies":{"left-pad":"1.0.0"}})");
  const SiteOutcome changed = run();
  EXPECT_EQ(changed.state, State::unapproved);
  ASSERT_TRUE(changed.current);
  EXPECT_TRUE(std::filesystem::exists(changed.current->site_directory() + "/index.html"));
  EXPECT_EQ(folder_.read(".owndir/.dist/index.html"), "<p>one");
  EXPECT_THAT(changed.review->file_changes.changed, ElementsAre(".owndir/index.js"));
  EXPECT_THAT(changed.review->file_changes.added, ElementsAre("a/.owndir/package.json"));
  EXPECT_THAT(changed.review->package_changes.added, ElementsAre("a: left-pad"));
  EXPECT_THAT(changed.review->modules, ElementsAre(""));
  approve();
  EXPECT_EQ(run().state, State::built);
  EXPECT_EQ(folder_.read(".owndir/.dist/index.html"), "<p>two");
}

TEST_F(SiteBuilderTest, TrustApprovesWhateverIsThere) {
  options_.trust = true;
  folder_.write(".owndir/index.js", "one");
  EXPECT_EQ(run().state, State::built);
  folder_.write(".owndir/index.js", "two");
  EXPECT_EQ(run().state, State::built);
}

TEST_F(SiteBuilderTest, AFailedBuildLeavesTheLastGoodSite) {
  options_.trust = true;
  folder_.write(".owndir/index.js", "good");
  ASSERT_EQ(run().state, State::built);
  for (const char* bad : {"SYNTAX ERROR", "LIE"}) {
    folder_.write(".owndir/index.js", bad);
    const SiteOutcome failed = run();
    EXPECT_EQ(failed.state, State::failed) << bad;
    ASSERT_TRUE(failed.current) << bad;
    EXPECT_EQ(folder_.read(".owndir/.dist/index.html"), "<p>good") << bad;
  }
  std::size_t generations = 0;
  for (const auto& entry : std::filesystem::directory_iterator(state_.path()))
    generations += entry.path().filename().string().starts_with("gen-") ? 1U : 0U;
  EXPECT_EQ(generations, 1U) << "what failed is removed";
}

TEST_F(SiteBuilderTest, AModuleThatChangesWhileItIsBuiltIsBuiltAsApprovedAndWaitsAsChanged) {
  folder_.write(".owndir/index.js", "CHANGE MYSELF");
  approve();
  ASSERT_EQ(run().state, State::built);
  EXPECT_EQ(folder_.read(".owndir/.dist/index.html"), "<p>CHANGE MYSELF");
  EXPECT_EQ(run().state, State::unapproved);
}

TEST_F(SiteBuilderTest, TheSiteGoesWhereTheRootModuleOrTheCommandSays) {
  options_.trust = true;
  folder_.write(".owndir/index.js", "one");
  folder_.write(".owndir/package.json", R"({"owndir":{"dist":"public/site"}})");
  const SiteOutcome inside = run();
  ASSERT_EQ(inside.state, State::built);
  EXPECT_EQ(inside.dist, "public/site");
  EXPECT_EQ(folder_.read("public/site/index.html"), "<p>one");
  EXPECT_FALSE(published("index.html"));
  const TestFolder elsewhere;
  options_.dist = (elsewhere.path() / "deep/er").string();
  EXPECT_EQ(run().state, State::fresh);
  EXPECT_EQ(elsewhere.read("deep/er/index.html"), "<p>one");
  options_.dist.clear();
  folder_.write(".owndir/package.json", R"({"owndir":{"dist":"../out"}})");
  const SiteOutcome outside = run();
  EXPECT_EQ(outside.state, State::failed);
  EXPECT_THAT(outside.failure->context, HasSubstr("inside the folder"));
}

TEST_F(SiteBuilderTest, ADamagedBuildIsMadeAgain) {
  options_.trust = true;
  folder_.write(".owndir/index.js", "one");
  const SiteOutcome built = run();
  ASSERT_EQ(built.state, State::built);
  std::filesystem::remove_all(built.current->directory);
  EXPECT_EQ(run().state, State::built);
}

TEST_F(SiteBuilderTest, AMissingRuntimeIsAFailureThatSaysWhatToDo) {
  options_.trust = true;
  folder_.write(".owndir/index.js", "one");
  ::setenv("OWNDIR_SHARE", "/no/such/place", 1);
  const SiteOutcome failed = run();
  EXPECT_EQ(failed.state, State::failed);
  EXPECT_THAT(failed.failure->context, HasSubstr("OWNDIR_SHARE"));
}

Awaitable<void> wait_twice(SiteBuilder& builder, const TestFolder& folder, int& returned) {
  std::string known;
  co_await builder.wait_for_change(known);
  ++returned;
  folder.write("photos/b.jpg", "data is not code");
  folder.write("deep/er/.owndir.js", "code");
  co_await builder.wait_for_change(known);
  ++returned;
}

TEST_F(SiteBuilderTest, AChangeOfCodeAnywhereInTheTreeIsNoticed) {
  options_.look_every = std::chrono::milliseconds(10);
  folder_.write(".owndir/index.js", "one");
  SiteBuilder builder(files_, options_);
  int returned = 0;
  drive(wait_twice(builder, folder_, returned));
  EXPECT_EQ(returned, 2);
}

Snapshot snapshot_of(const TestFolder& folder, const SnapshotLimits& limits = {}) {
  auto snapshot = take_snapshot(folder.open(), RootedPath(), limits);
  EXPECT_TRUE(snapshot) << (snapshot ? "" : snapshot.error().to_string());
  return snapshot ? std::move(*snapshot) : Snapshot{};
}

TEST(Snapshot, HoldsAllCodeAndNothingElse) {
  const TestFolder folder;
  for (const char* code : {".owndir/index.js", ".owndir/plugins/a/index.js", ".owndir/.hidden/x", "a/.owndir.jsx",
                           "a/b/.owndir/package.json"})
    folder.write(code, code);
  for (const char* other :
       {"data.js", "a/data.txt", ".owndir/.dist/index.html", ".owndir/.wrtc-proxy/offer-1.json",
        ".owndir/node_modules/x/index.js", "node_modules/y/.owndir/index.js", ".git/.owndir/index.js",
        ".stversions/.owndir/index.js", ".owndirectory/x", ".owndir/.syncthing.index.js.tmp"})
    folder.write(other, other);
  folder.write(".owndir/plugins/b.sync-conflict-20260101-000000-ABC.js", "never wished for");
  std::filesystem::create_symlink("/etc/passwd", folder.path() / ".owndir/link.js");
  std::filesystem::create_directory_symlink("/etc", folder.path() / ".owndir/linked");
  const Snapshot snapshot = snapshot_of(folder);
  std::vector<std::string> paths;
  for (const CodeFile& file : snapshot.files) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre(".owndir/.hidden/x", ".owndir/index.js", ".owndir/plugins/a/index.js", "a/.owndir.jsx",
                                 "a/b/.owndir/package.json"));
  EXPECT_EQ(snapshot.left_out.size(), 3U);
  EXPECT_THAT(module_directories(snapshot), ElementsAre("", "a", "a/b"));
  EXPECT_EQ(snapshot.manifests.count("a/b/.owndir/package.json"), 1U);
}

TEST(Snapshot, TheDigestIsOfNamesContentsAndTheRightToRun) {
  const TestFolder folder;
  folder.write(".owndir/a.js", "x");
  const std::string first = snapshot_of(folder).digest;
  EXPECT_EQ(snapshot_of(folder).digest, first);
  folder.write("data", "changes nothing");
  EXPECT_EQ(snapshot_of(folder).digest, first);
  ::chmod((folder.path() / ".owndir/a.js").c_str(), 0755);
  EXPECT_NE(snapshot_of(folder).digest, first);
  ::chmod((folder.path() / ".owndir/a.js").c_str(), 0644);
  EXPECT_EQ(snapshot_of(folder).digest, first);
  std::filesystem::rename(folder.path() / ".owndir/a.js", folder.path() / ".owndir/b.js");
  EXPECT_NE(snapshot_of(folder).digest, first);
}

TEST(Snapshot, RefusesWhatIsBeyondALimitInsteadOfTakingAPart) {
  const TestFolder folder;
  for (int i = 0; i < 5; ++i) folder.write(".owndir/" + std::to_string(i), std::string(100, 'x'));
  SnapshotLimits files, bytes, depth;
  files.files = 4;
  bytes.bytes = 400;
  depth.depth = 0;
  for (const SnapshotLimits& limits : {files, bytes, depth})
    EXPECT_FALSE(take_snapshot(folder.open(), RootedPath(), limits));
}

TEST(Snapshot, ACopyThatIsNotTheSnapshotIsAConflict) {
  const TestFolder folder, copy, second;
  folder.write(".owndir/index.js", "one");
  folder.write("a/.owndir/x/y.js", "two");
  const Snapshot snapshot = snapshot_of(folder);
  EXPECT_TRUE(copy_snapshot(folder.open(), snapshot, copy.path().string()));
  EXPECT_EQ(copy.read("a/.owndir/x/y.js"), "two");
  EXPECT_EQ(snapshot_of(copy).digest, snapshot.digest);
  folder.write(".owndir/index.js", "six");
  const auto conflict = copy_snapshot(folder.open(), snapshot, second.path().string());
  ASSERT_FALSE(conflict);
  EXPECT_TRUE(conflict.error().is(Errc::conflict));
}

TEST(Approval, SurvivesOnlyWhole) {
  const TestFolder folder, state;
  folder.write(".owndir/index.js", "one");
  const Snapshot snapshot = snapshot_of(folder);
  EXPECT_FALSE(load_approval(state.open())->has_value());
  ASSERT_TRUE(save_approval(state.open(), make_approval(snapshot, 1234)));
  const auto loaded = load_approval(state.open());
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->digest, snapshot.digest);
  EXPECT_TRUE(make_review(snapshot, *loaded).approved);
  for (const char* damaged : {"", "{", "[]", "{\"digest\":7}", "{\"files\":{}}"}) {
    state.write(kApprovalFile, damaged);
    EXPECT_FALSE(load_approval(state.open())->has_value()) << damaged;
  }
  ASSERT_TRUE(revoke_approval(state.open(), 9));
  EXPECT_TRUE(revoke_approval(state.open(), 9)) << "twice is fine";
  EXPECT_FALSE(load_approval(state.open())->has_value()) << "there was none to withdraw";
}

TEST(Approval, AWithdrawnOneIsToldFromNone) {
  const TestFolder folder, state;
  folder.write(".owndir/index.js", "one");
  const Snapshot snapshot = snapshot_of(folder);
  const Review never = make_review(snapshot, *load_approval(state.open()));
  EXPECT_TRUE(never.first && !never.revoked);
  EXPECT_THAT(never.file_changes.added, ElementsAre(".owndir/index.js"));
  ASSERT_TRUE(save_approval(state.open(), make_approval(snapshot, 1234)));
  ASSERT_TRUE(revoke_approval(state.open(), 5678));
  const Review review = make_review(snapshot, *load_approval(state.open()));
  EXPECT_TRUE(review.first && review.revoked && !review.approved);
  EXPECT_EQ(review.approved_at_ms, 5678);
  EXPECT_THAT(review.file_changes.added, ElementsAre(".owndir/index.js"));
}

}  // namespace
}  // namespace owndir::site
