#include "modules/build_run.hpp"

#include <gmock/gmock.h>

#include "modules/test_host.hpp"

namespace owndir::modules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What the program does with a job is in the job's title.
constexpr const char* kFakeBuild = R"js(
const readline = require("readline"), fs = require("fs");
const say = (message) => fs.writeSync(1, JSON.stringify(message) + "\n");
readline.createInterface({ input: process.stdin }).once("line", (line) => {
  const job = JSON.parse(line);
  say({ step: "assemble", state: "start" });
  say({ step: "assemble", state: "done", ms: 12, detail: job.source });
  if (job.title === "loop") for (;;);
  if (job.title === "exit") { console.error("a last word"); process.exit(5); }
  if (job.title === "errors") {
    for (let i = 0; i < 300; i++) say({ error: { text: "no " + i, file: "a/.owndir/index.jsx", line: 3, column: 7, excerpt: "const = 1" } });
    return process.exit(1);
  }
  if (job.title === "escape") say({ done: { files: [{ path: "../../etc/passwd", bytes: 1 }] } });
  else say({ done: { files: [{ path: "index.html", bytes: 5 }], server: "server/dist.cjs", routes: true, modules: ["", "a"], digest: "d1" } });
});
)js";

class BuildRunTest : public ::testing::Test {
 protected:
  Result<message::Done> build(const std::string& title) {
    const HostFolder folder;
    folder.write("host.cjs", kFakeBuild);
    Runtime runtime = folder.options().runtime;
    BuildJob job;
    job.source = job.folder = job.out = job.cache = folder.path().string();
    job.title = title;
    Result<message::Done> result = fail(Errc::internal, "not run");
    asio::io_context io;
    run_to_end(io, run(*this, std::move(runtime), std::move(job), result));
    return result;
  }
  static Awaitable<void> run(BuildRunTest& self, Runtime runtime, BuildJob job, Result<message::Done>& result) {
    const auto take = [&self](const BuildEvent& event) { self.events_.push_back(event); };
    const std::function<void(const BuildEvent&)> on_event = take;
    result = co_await run_build(runtime, job, self.limits_, on_event);
  }

  BuildLimits limits_;
  std::vector<BuildEvent> events_;
};

TEST_F(BuildRunTest, TellsStepsAndTheResult) {
  const auto result = build("fine");
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->server, "server/dist.cjs");
  EXPECT_TRUE(result->routes);
  EXPECT_THAT(result->modules, ElementsAre("", "a"));
  ASSERT_EQ(result->files.size(), 1U);
  EXPECT_EQ(result->files[0].bytes, 5U);
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(std::get<message::Step>(events_[1]).milliseconds, 12);
}

TEST_F(BuildRunTest, TellsEveryErrorWithItsPlaceUpToALimit) {
  const auto result = build("errors");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::malformed));
  EXPECT_EQ(result.error().context, "no 0");
  EXPECT_EQ(events_.size(), 2U + 200U);
  const auto& first = std::get<message::Failure>(events_[2]).problem;
  EXPECT_EQ(first.file, "a/.owndir/index.jsx");
  EXPECT_EQ(first.line, 3U);
  EXPECT_EQ(first.column, 7U);
  EXPECT_EQ(first.excerpt, "const = 1");
}

TEST_F(BuildRunTest, ALoopIsEndedAfterTheTime) {
  limits_.total = std::chrono::milliseconds(500);
  const auto result = build("loop");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::timeout));
}

TEST_F(BuildRunTest, AnEndWithoutAResultTellsTheLastWords) {
  const auto result = build("exit");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().context, HasSubstr("exit code 5"));
  EXPECT_THAT(result.error().context, HasSubstr("a last word"));
}

TEST_F(BuildRunTest, AResultThatNamesAPathOutsideIsRefused) {
  const auto result = build("escape");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::malformed));
}

TEST(HostMessage, CutsAndClampsWhatIsTooMuch) {
  const auto longest = parse_host_message("{\"log\":{\"text\":\"" + std::string(100'000, 'x') + "\"}}");
  ASSERT_TRUE(longest);
  EXPECT_LT(std::get<message::Log>(*longest).text.size(), 20'000U);
  const auto strange = parse_host_message(R"({"failed":{"request":-5,"module":7,"text":null}})");
  ASSERT_TRUE(strange);
  EXPECT_EQ(std::get<message::Failed>(*strange).request, 0U);
  for (const char* line : {"", "x", "[]", "7", "{\"a\":", "null"}) EXPECT_FALSE(parse_host_message(line)) << line;
  EXPECT_TRUE(std::holds_alternative<message::Unknown>(*parse_host_message("{\"later\":1}")));
}

}  // namespace
}  // namespace owndir::modules
