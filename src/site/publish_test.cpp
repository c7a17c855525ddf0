#include "site/publish.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/embedded.hpp"

namespace owndir::site {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return {}; }
  WallTime wall() const override { return now; }
  WallTime now = from_unix_ms(1'700'000'000'000);
};

class PublishTest : public ::testing::Test {
 protected:
  PublishTest() {
    std::string name = (fs::temp_directory_path() / "owndir-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* directory : {"folder", "state", "outside"}) fs::create_directory(root_ / directory);
  }
  ~PublishTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  PublishReport run(const std::vector<SiteFile>& site) {
    const auto folder = RootedFolder::open((root_ / "folder").string());
    const auto report = publish(*folder, site, (root_ / "state").string(), clock_);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().to_string());
    return report ? *report : PublishReport();
  }
  fs::path dist(const std::string& name = "") const { return root_ / "folder/.owndir/.dist" / name; }
  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }

  fs::path root_;
  FakeClock clock_;
};

TEST_F(PublishTest, WritesTheIndexLastAndThenTouchesNothing) {
  const std::vector<SiteFile> site = {
      {"index.html", "<p>"}, {"a-1.js", "a"}, {"sub/index.html", "s"}, {"sub/x.css", "c"}};
  EXPECT_EQ(run(site).written, (Names{"a-1.js", "sub/x.css", "sub/index.html", "index.html"}));
  EXPECT_EQ(read(dist("sub/x.css")), "c");
  const auto before = fs::last_write_time(dist("index.html"));
  const PublishReport again = run(site);
  EXPECT_TRUE(again.written.empty() && again.foreign.empty() && again.removed.empty());
  EXPECT_EQ(again.unchanged.size(), 4U);
  EXPECT_EQ(fs::last_write_time(dist("index.html")), before);
}

TEST_F(PublishTest, KeepsTheLastGenerationForSevenDays) {
  run({{"index.html", "1"}, {"a-1.js", "one"}});
  clock_.now += std::chrono::hours(24 * 30);  // in use for long
  EXPECT_TRUE(run({{"index.html", "2"}, {"a-2.js", "two"}}).removed.empty());
  clock_.now += std::chrono::hours(24 * 7 - 1);
  EXPECT_TRUE(run({{"index.html", "2"}, {"a-2.js", "two"}}).removed.empty());
  EXPECT_TRUE(fs::exists(dist("a-1.js")));
  clock_.now += std::chrono::hours(1);
  EXPECT_EQ(run({{"index.html", "2"}, {"a-2.js", "two"}}).removed, (Names{"a-1.js"}));
  EXPECT_FALSE(fs::exists(dist("a-1.js")));
}

TEST_F(PublishTest, KeepsThreeGenerationsHoweverOftenTheSiteChanges) {
  for (int i = 0; i < 20; ++i) {
    clock_.now += std::chrono::seconds(5);
    const std::string script = "a-" + std::to_string(i) + ".js", picture = "p-" + std::to_string(i) + ".png";
    const std::string content = std::to_string(i);
    run({{"index.html", content}, {script, content}, {picture, content}, {"same.js", "same"}});
    write(dist("theirs-" + std::to_string(i)), "x");
  }
  for (int i = 0; i < 20; ++i)
    for (const char* form : {"a-{}.js", "p-{}.png"})
      EXPECT_EQ(fs::exists(dist(fmt::format(fmt::runtime(form), i))), i >= 16) << i;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(fs::exists(dist("theirs-" + std::to_string(i)))) << i;
  EXPECT_TRUE(fs::exists(dist("same.js")));
}

TEST_F(PublishTest, CountsTheSevenDaysAnewForAFileThatCameBack) {
  run({{"a-1.js", "one"}});
  run({{"a-2.js", "two"}});
  clock_.now += std::chrono::hours(24 * 6);
  run({{"a-1.js", "one"}});
  run({{"a-2.js", "two"}});
  clock_.now += std::chrono::hours(24 * 6);
  EXPECT_TRUE(run({{"a-2.js", "two"}}).removed.empty());
  EXPECT_TRUE(fs::exists(dist("a-1.js")));
}

TEST_F(PublishTest, LeavesAloneAndReportsWhatOthersWrote) {
  write(dist("theirs.html"), "<theirs>");
  write(dist("deep/er/x"), "x");
  write(dist(".syncthing.a.tmp"), "half");
  EXPECT_EQ(run({{"index.html", "1"}}).foreign, (Names{"deep/er/x", "theirs.html"}));
  EXPECT_EQ(read(dist("theirs.html")), "<theirs>");
}

TEST_F(PublishTest, WritesItsOwnFileAnewAndTellsWhenSomebodyChangedIt) {
  run({{"index.html", "1"}});
  write(dist("index.html"), "evil");
  const PublishReport report = run({{"index.html", "1"}});
  EXPECT_EQ(report.written, (Names{"index.html"}));
  EXPECT_EQ(report.foreign, (Names{"index.html"}));
  EXPECT_EQ(read(dist("index.html")), "1");
}

TEST_F(PublishTest, NeverRemovesAnOldFileThatSomebodyChanged) {
  run({{"a-1.js", "one"}});
  run({{"a-2.js", "two"}});
  write(dist("a-1.js"), "theirs now");
  clock_.now += std::chrono::hours(24 * 8);
  const PublishReport report = run({{"a-2.js", "two"}});
  EXPECT_TRUE(report.removed.empty());
  EXPECT_EQ(report.foreign, (Names{"a-1.js"}));
  EXPECT_EQ(read(dist("a-1.js")), "theirs now");
}

TEST_F(PublishTest, RemovesWhatAKilledProcessWasWritingADayAgo) {
  const Names ours = {".owndir-00112233445566aa.tmp", "sub/.owndir-00112233445566bb.tmp"};
  const std::string of_the_sync = ".syncthing.index.html.tmp";
  for (const std::string& name : ours) write(dist(name), "half");
  write(dist(of_the_sync), "half");
  clock_.now = system_clock().wall();
  run({{"index.html", "1"}});
  for (const std::string& name : ours) EXPECT_TRUE(fs::exists(dist(name))) << name;
  clock_.now += std::chrono::hours(25);
  EXPECT_TRUE(run({{"index.html", "1"}}).foreign.empty());
  for (const std::string& name : ours) EXPECT_FALSE(fs::exists(dist(name))) << name;
  EXPECT_TRUE(fs::exists(dist(of_the_sync)));
}

TEST_F(PublishTest, FollowsNoLinkOutOfTheFolder) {
  write(root_ / "outside/index.html", "precious");
  fs::create_directories(dist());
  fs::create_symlink(root_ / "outside/index.html", dist("index.html"));
  run({{"index.html", "1"}});
  EXPECT_EQ(read(root_ / "outside/index.html"), "precious");
  EXPECT_FALSE(fs::is_symlink(dist("index.html")));
  EXPECT_EQ(read(dist("index.html")), "1");

  fs::create_directory_symlink(root_ / "outside", dist("sub"));
  const auto folder = RootedFolder::open((root_ / "folder").string());
  EXPECT_FALSE(publish(*folder, {{"sub/x.js", "x"}}, (root_ / "state").string(), clock_).has_value());
  EXPECT_FALSE(fs::exists(root_ / "outside/x.js"));

  fs::remove_all(root_ / "folder/.owndir");
  fs::create_directory_symlink(root_ / "outside", root_ / "folder/.owndir");
  EXPECT_FALSE(publish(*folder, {{"x.js", "x"}}, (root_ / "state").string(), clock_).has_value());
  EXPECT_FALSE(fs::exists(root_ / "outside/.dist"));
}

TEST_F(PublishTest, SurvivesADamagedState) {
  run({{"a-1.js", "one"}});
  for (const char* text :
       {"", "{", "[]", "{\"files\":3}", "{\"files\":{\"../x\":{\"sha256\":\"\"},\"a\":1,\"b\":{}}}"}) {
    write(root_ / "state/published.json", text);
    EXPECT_EQ(run({{"index.html", "1"}}).foreign, (Names{"a-1.js"})) << text;
  }
}

TEST_F(PublishTest, MakesALauncherButNeverOverAnotherFile) {
  const auto folder = RootedFolder::open((root_ / "folder").string());
  const fs::path launcher = root_ / "folder/owndir.html";
  ASSERT_TRUE(publish_launcher(*folder).has_value());
  const std::string content = read(launcher);
  EXPECT_NE(content.find("<!-- owndir launcher -->"), std::string::npos);
  EXPECT_NE(content.find("url=.owndir/.dist/index.html"), std::string::npos);
  const auto before = fs::last_write_time(launcher);
  ASSERT_TRUE(publish_launcher(*folder).has_value());
  EXPECT_EQ(fs::last_write_time(launcher), before);
  write(launcher, "<!-- owndir launcher --> of an older version");
  ASSERT_TRUE(publish_launcher(*folder).has_value());
  EXPECT_EQ(read(launcher), content);
  write(launcher, "my own page");
  const auto refused = publish_launcher(*folder);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().is(Errc::conflict));
  EXPECT_EQ(read(launcher), "my own page");
}

TEST(PageSite, NamesItsFilesByTheirContent) {
  const auto site = page_site();
  if (!embedded_file("index.html")) {
    EXPECT_TRUE(site.empty());
    return;
  }
  ASSERT_EQ(site.size(), 8U);
  EXPECT_EQ(site.back().path, "index.html");
  const std::string html(site.back().content);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NE(html.find(site[i].path), std::string::npos) << site[i].path;
    EXPECT_EQ(site[i].path.find_last_of('.') - site[i].path.find('-') - 1, 16U) << site[i].path;
  }
  EXPECT_EQ(html.find("{{"), std::string::npos);
  EXPECT_EQ(site[2].path, "dist.js");
  EXPECT_EQ(site[2].content, site[0].content);
  EXPECT_EQ(site[3].path, "owndir-sw.js");
  EXPECT_EQ(site[4].path, "owndir-app.html");
  EXPECT_EQ(site[5].path, "owndir-frame.html");
  EXPECT_EQ(site[6].path, "owndir-media.js");
  EXPECT_EQ(site[4].content.find("{{"), std::string_view::npos);
}

}  // namespace
}  // namespace owndir::site
