#include "modules/module_host.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "modules/test_host.hpp"

namespace owndir::modules {
namespace {

using exchange::Request;
using exchange::Response;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

struct Answer {
  std::uint16_t status = 0;
  exchange::Fields fields;
  std::string body;
  bool broke = false;
  std::optional<Pass> pass;
};

class ModuleHostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_ = folder_.options();
    options_.limits.first_backoff = milliseconds(1);
    options_.limits.ping_every = milliseconds(50);
    options_.limits.silence = milliseconds(30'000);
  }

  static Awaitable<void> ask(std::shared_ptr<ModuleHost> host, Request request, Answer& answer) {
    Result<HostAnswer> said = co_await host->handle(std::move(request));
    if (!said) co_return;
    if (auto* pass = std::get_if<Pass>(&*said)) {
      answer.pass = std::move(*pass);
      co_return;
    }
    auto& response = std::get<Response>(*said);
    answer.status = response.head.status;
    answer.fields = response.head.fields;
    auto body = co_await exchange::read_all(std::move(response.body), std::size_t{64} << 20);
    answer.broke = !body;
    if (body) answer.body = std::move(*body);
  }

  static Request get(const std::string& target) {
    Request request;
    request.head = {"GET", target, {}};
    return request;
  }

  /// Asks all at once, then stops the host.
  std::vector<Answer> ask_all(std::vector<Request> requests) {
    std::vector<Answer> answers(requests.size());
    asio::io_context io;
    run_to_end(io, run_all(*this, std::move(requests), answers));
    return answers;
  }
  static Awaitable<void> run_all(ModuleHostTest& self, std::vector<Request> requests, std::vector<Answer>& answers) {
    const auto executor = co_await asio::this_coro::executor;
    const auto host = ModuleHost::create(executor, self.options_);
    TaskGroup tasks(executor);
    // So that all requests reach the same child.
    Answer first;
    Request warm = get("/first");
    co_await ask(host, std::move(warm), first);
    for (std::size_t i = 0; i < requests.size(); ++i)
      tasks.spawn("request", ask(host, std::move(requests[i]), answers[i]));
    while (tasks.size() > 0) co_await sleep_for(milliseconds(1));
    Answer last;
    Request after = get("/after");
    co_await ask(host, std::move(after), last);
    self.after_ = last;
    self.pid_ = host->child();
    co_await host->stop(milliseconds(100));
    EXPECT_EQ(host->child(), 0);
    if (self.pid_ != 0) {
      EXPECT_EQ(::kill(self.pid_, 0), -1) << "the child is left";
    }
    EXPECT_TRUE(std::filesystem::is_empty(self.folder_.path() / "run")) << "a socket is left";
  }
  Answer ask_one(const std::string& target) {
    std::vector<Request> one;
    one.push_back(get(target));
    return ask_all(std::move(one)).front();
  }

  HostFolder folder_;
  HostOptions options_;
  Answer after_;  ///< of a plain request that follows whatever the test has asked
  int pid_ = 0;
};

TEST_F(ModuleHostTest, AnswersWithWhatTheFoldersCodeSays) {
  const Answer answer = ask_one("/x/y?q=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields.get("content-type"), "text/plain");
  const auto body = nlohmann::json::parse(answer.body);
  EXPECT_EQ(body["url"], "/x/y?q=1");
  EXPECT_EQ(body["title"], "Test");
  EXPECT_EQ(body["number"], 2) << "each request is numbered";
}

TEST_F(ModuleHostTest, PassesOnWhatTheCodeLeavesToOthersWithItsFields) {
  const Answer site = ask_one("/site");
  ASSERT_TRUE(site.pass);
  EXPECT_EQ(site.pass->to, Pass::To::site);
  EXPECT_EQ(site.pass->fields.get("set-cookie"), "seen=1");
  EXPECT_FALSE(site.pass->fields.contains("owndir-pass"));
  const Answer files = ask_one("/files");
  ASSERT_TRUE(files.pass);
  EXPECT_EQ(files.pass->to, Pass::To::files);
}

TEST_F(ModuleHostTest, StreamsBodiesBothWaysAndKeepsItsOwnFieldsToItself) {
  const std::string content(3'000'000, 'b');
  std::vector<Request> requests(2);
  requests[0].head = {"POST", "/echo", {}};
  requests[0].body = exchange::make_body(content);
  requests[1].head = {"PUT", "/echo", {{"Content-Length", "3000000"}}};
  requests[1].body = exchange::make_body(content);
  const auto answers = ask_all(std::move(requests));
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, content);
    EXPECT_FALSE(answer.fields.contains("owndir-secret"));
  }
  EXPECT_EQ(answers[1].fields.get("x-method"), "PUT");
  EXPECT_EQ(ask_one("/big").body.size(), 200U * 65536U);
}

TEST_F(ModuleHostTest, AnExitCostsItsOwnRequestAndNoOther) {
  std::vector<Request> requests;
  requests.push_back(get("/slow"));
  requests.push_back(get("/exit"));
  requests.push_back(get("/slow"));
  const auto answers = ask_all(std::move(requests));
  EXPECT_EQ(answers[0].status, 200) << answers[0].body;
  EXPECT_EQ(answers[1].status, 502) << answers[1].body;
  EXPECT_EQ(answers[2].status, 200) << answers[2].body;
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, ALoopCostsItsOwnRequestAndNoOther) {
  options_.limits.silence = milliseconds(2'000);
  std::vector<Request> requests;
  requests.push_back(get("/slow"));
  requests.push_back(get("/loop"));
  const auto answers = ask_all(std::move(requests));
  EXPECT_EQ(answers[0].status, 200) << answers[0].body;
  EXPECT_EQ(answers[1].status, 504) << answers[1].body;
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, NamesTheModuleThatIsKnownToLoop) {
  options_.limits.silence = milliseconds(2'000);
  const Answer answer = ask_one("/known-loop");
  EXPECT_EQ(answer.status, 504);
  EXPECT_THAT(answer.body, HasSubstr("a/b"));
}

TEST_F(ModuleHostTest, ARejectionThatNobodyCatchesIsA502) {
  EXPECT_EQ(ask_one("/reject").status, 502);
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, AHeapThatOutgrowsItsLimitIsA502) {
  options_.limits.heap_mib = 64;
  EXPECT_EQ(ask_one("/memory").status, 502);
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, BuffersBeyondTheLimitFailInTheCodeThatAsksForThem) {
  options_.limits.data_bytes = std::uint64_t{600} << 20;
  options_.limits.heap_mib = 64;
  EXPECT_THAT(ask_one("/buffers").body, HasSubstr("llocation failed"));
}

TEST_F(ModuleHostTest, ABodyThatTheEndOfTheChildCutsIsBrokenAndNotShorter) {
  const Answer answer = ask_one("/broken");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.broke);
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, AHandlerThatHangsUpOrNeverAnswersCostsNoOtherRequest) {
  options_.limits.answer_wait = milliseconds(3'000);
  std::vector<Request> requests;
  requests.push_back(get("/hang-up"));
  requests.push_back(get("/never"));
  requests.push_back(get("/x"));
  const auto answers = ask_all(std::move(requests));
  EXPECT_EQ(answers[0].status, 502);
  EXPECT_EQ(answers[1].status, 504);
  EXPECT_EQ(answers[2].status, 200);
}

TEST_F(ModuleHostTest, ARequestWithABodyIsNotAskedTwice) {
  std::vector<Request> requests(2);
  requests[0] = get("/exit");
  requests[1].head = {"POST", "/slow", {}};
  requests[1].body = exchange::make_body("once");
  const auto answers = ask_all(std::move(requests));
  EXPECT_EQ(answers[1].status, 502);
}

TEST_F(ModuleHostTest, CodeThatCannotStartIsAnAnswerWithItsReason) {
  folder_.write("server.cjs", "THROWS AT START");
  const Answer answer = ask_one("/");
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("cannot begin"));
  folder_.write("server.cjs", "NEVER LISTENS");
  options_.limits.start_wait = milliseconds(300);
  EXPECT_THAT(ask_one("/").body, HasSubstr("did not begin to listen"));
}

TEST_F(ModuleHostTest, TooManyRequestsAtOnceAreTurnedAway) {
  options_.limits.requests = 2;
  std::vector<Request> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(get("/slow"));
  int busy = 0;
  for (const Answer& answer : ask_all(std::move(requests))) busy += answer.status == 503 ? 1 : 0;
  EXPECT_EQ(busy, 2);
}

TEST_F(ModuleHostTest, AFloodOfLogLinesIsCutAndHurtsNobody) {
  EXPECT_EQ(ask_one("/flood").body, "flooded");
  EXPECT_EQ(after_.status, 200);
}

TEST_F(ModuleHostTest, ProgramsThatCannotBeRunAreAnAnswer) {
  options_.runtime.node = "/no/such/node";
  const Answer answer = ask_one("/");
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("/no/such/node"));
}

}  // namespace
}  // namespace owndir::modules
