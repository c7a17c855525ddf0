#include "gateway/built_site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/test_folder.hpp"
#include "gateway/gateway.hpp"

namespace owndir::gateway {
namespace {

using exchange::Fields;
using exchange::Request;
using exchange::Response;
using ::testing::HasSubstr;

Target target(std::string_view text) {
  return *parse_target(text);
}

BuiltSite site_of(std::set<std::string, std::less<>> files) {
  BuiltSite site;
  site.files = std::move(files);
  return site;
}

TEST(BuiltSite, FindsExactFilesAndThePagesOfDirectories) {
  const BuiltSite site = site_of({"index.html", "a/index.html", "a/x.css"});
  const auto file = [&](std::string_view text) {
    const auto found = exact_file(site, target(text));
    return found ? found->str() : std::string("none");
  };
  EXPECT_EQ(file("/"), "index.html");
  EXPECT_EQ(file("/a/"), "a/index.html");
  EXPECT_EQ(file("/a/x.css?v=1"), "a/x.css");
  EXPECT_EQ(file("/a"), "none");
  EXPECT_EQ(file("/b/"), "none");
  EXPECT_EQ(file("/a/x.css/"), "none");
  EXPECT_TRUE(is_site_directory(site, target("/a")));
  EXPECT_FALSE(is_site_directory(site, target("/a/")));
}

TEST(BuiltSite, FindsTheNearestPageAboveAndTheWayToIt) {
  const BuiltSite site = site_of({"index.html", "a/index.html"});
  const auto page = [&](std::string_view text) {
    const auto found = nearest_page(site, target(text));
    return found ? found->file.str() + " " + found->base : std::string("none");
  };
  EXPECT_EQ(page("/"), "index.html ./");
  EXPECT_EQ(page("/x"), "index.html ./");
  EXPECT_EQ(page("/x/"), "index.html ../");
  EXPECT_EQ(page("/x/y/z"), "index.html ../../");
  EXPECT_EQ(page("/a/"), "a/index.html ./");
  EXPECT_EQ(page("/a/b/c/"), "a/index.html ../../");
  EXPECT_FALSE(nearest_page(site_of({"a/index.html"}), target("/b/")));
}

TEST(BuiltSite, ABaseComesFirstInTheHead) {
  EXPECT_EQ(with_base("<!doctype html><html><HEAD lang=\"a\"><link href=\"x\"></head>", "../"),
            "<!doctype html><html><HEAD lang=\"a\"><base href=\"../\"><link href=\"x\"></head>");
  EXPECT_EQ(with_base("<!-- <head> --><header>x", "../"), "<base href=\"../\"><!-- <head> --><header>x");
  EXPECT_EQ(with_base("<!doctype html><p>x", "../"), "<!doctype html><base href=\"../\"><p>x");
  EXPECT_EQ(with_base("", "../"), "<base href=\"../\">");
}

TEST(BuiltSite, OnlyNamesWithAHashAreKeptForEver) {
  for (const char* name : {"client-0a1b2c3d.js", "a/b-0123456789abcdef.css", "x-deadbee0.js.map"})
    EXPECT_TRUE(has_content_hash(name)) << name;
  for (const char* name : {"index.html", "my-photo.jpg", "a-0a1b2c3d/index.html", "x-facade.js", "x-deadbeef.js"})
    EXPECT_FALSE(has_content_hash(name)) << name;
}

/// Says what the test tells it to.
class FakeHost final : public modules::ModuleHost {
 public:
  Awaitable<Result<modules::HostAnswer>> handle(Request request) override {
    asked.push_back(request.head);
    if (pass) co_return modules::HostAnswer(*pass);
    co_return modules::HostAnswer(exchange::text_response(201, "from the module"));
  }
  bool has_middleware() const override { return middleware; }
  int child() const override { return 0; }
  std::size_t requests() const override { return 0; }
  Awaitable<void> stop(std::chrono::milliseconds) override { co_return; }

  std::vector<exchange::RequestHead> asked;
  std::optional<modules::Pass> pass;
  bool middleware = true;
};

class FolderApp : public ::testing::Test {
 protected:
  FolderApp() {
    site_.write("index.html", "<html><head><title>app</title></head>");
    site_.write("client-0a1b2c3d.js", "code");
    site_.write("same.txt", "of the site");
    folder_.write("same.txt", "of the folder");
    folder_.write("data.txt", "data");
    folder_.write("page.html", "<h1>");
    folder_.write("photos/a.jpg", "jpeg");
    auto built = std::make_shared<BuiltSite>();
    built->folder = site_.open();
    built->files = {"index.html", "client-0a1b2c3d.js", "same.txt"};
    built->digest = "d";
    built_ = built;
  }
  ~FolderApp() override { files_.join(); }

  struct Answer {
    std::uint16_t status = 0;
    Fields fields;
    std::string body;
  };
  Answer ask(const std::string& address, Fields fields = {}, const std::string& method = "GET") {
    GatewayOptions options;
    options.built_site = [this] { return built_; };
    options.module_host = [this] { return host_; };
    const auto gateway = make_gateway(folder_.open(), files_, std::move(options));
    Request request;
    request.head = {method, address, std::move(fields)};
    Answer answer;
    asio::io_context io;
    asio::co_spawn(io, run(*gateway, std::move(request), answer), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return answer;
  }
  static Awaitable<void> run(exchange::Handler& gateway, Request request, Answer& answer) {
    Result<Response> response = co_await gateway.handle(std::move(request));
    if (!response) co_return;
    answer.status = response->head.status;
    answer.fields = response->head.fields;
    auto body = co_await exchange::read_all(std::move(response->body), 1 << 20);
    if (body) answer.body = std::move(*body);
  }

  const Fields html_{{"Accept", "text/html,*/*"}};
  TestFolder folder_, site_;
  asio::thread_pool files_{2};
  std::shared_ptr<const BuiltSite> built_;
  std::shared_ptr<FakeHost> host_;
};

TEST_F(FolderApp, TheSiteComesBeforeTheFolderAndItsOwnPagesAreNotSandboxed) {
  const Answer page = ask("/", html_);
  EXPECT_THAT(page.body, HasSubstr("<title>app"));
  EXPECT_FALSE(page.fields.contains("Content-Security-Policy"));
  EXPECT_EQ(page.fields.get("Cache-Control"), "no-cache");
  EXPECT_EQ(ask("/same.txt").body, "of the site");
  EXPECT_EQ(ask("/data.txt").body, "data");
  EXPECT_THAT(std::string(ask("/client-0a1b2c3d.js").fields.get("Cache-Control").value_or("")), HasSubstr("immutable"));
  EXPECT_THAT(std::string(ask("/page.html").fields.get("Content-Security-Policy").value_or("")), HasSubstr("sandbox"));
  EXPECT_EQ(ask("/.owndir/.dist/client-0a1b2c3d.js").body, "code");
}

TEST_F(FolderApp, NavigationsWithoutAnAnswerGetTheNearestPageWithItsBase) {
  EXPECT_THAT(ask("/no/such/place", html_).body, HasSubstr("<head><base href=\"../../\"><title>app"));
  EXPECT_THAT(ask("/photos/", html_).body, HasSubstr("<base href=\"../\">"));
  EXPECT_EQ(ask("/no/such/place").status, 404) << "a script that asks for data gets no page";
  EXPECT_EQ(ask("/no/such/place", html_, "POST").status, 405);
  EXPECT_THAT(ask("/photos/", {{"Accept", "application/json"}}).body, HasSubstr("a.jpg"));
  EXPECT_THAT(ask("/photos/?listing", html_).body, HasSubstr("a.jpg"));
  built_.reset();
  EXPECT_EQ(ask("/no/such/place", html_).status, 404);
  EXPECT_THAT(ask("/photos/", html_).body, HasSubstr("a.jpg")) << "without a site the listing is the page";
}

TEST_F(FolderApp, ModulesAreAskedBeforeTheSiteAndNeverForTheCoresOwn) {
  host_ = std::make_shared<FakeHost>();
  EXPECT_EQ(ask("/same.txt").body, "from the module");
  EXPECT_EQ(ask("/data.txt", {}, "POST").status, 201);
  EXPECT_EQ(host_->asked.size(), 2U);
  EXPECT_EQ(ask("/@/info").status, 200);
  EXPECT_EQ(ask("/@/info", {}, "POST").status, 405);
  EXPECT_EQ(ask("/.stfolder/x").status, 404);
  EXPECT_EQ(host_->asked.size(), 2U);
}

TEST_F(FolderApp, WithoutMiddlewareExactFilesOfTheSiteNeedNoModule) {
  host_ = std::make_shared<FakeHost>();
  host_->middleware = false;
  EXPECT_EQ(ask("/same.txt").body, "of the site");
  EXPECT_TRUE(host_->asked.empty());
  EXPECT_EQ(ask("/data.txt").body, "from the module");
}

TEST_F(FolderApp, WhatModulesPassOnIsAnsweredWithTheFieldsTheySet) {
  host_ = std::make_shared<FakeHost>();
  host_->pass =
      modules::Pass{modules::Pass::To::site, {{"Set-Cookie", "a=1"}, {"X-Seen", "yes"}, {"Content-Type", "text/evil"}}};
  const Answer site = ask("/same.txt");
  EXPECT_EQ(site.body, "of the site");
  EXPECT_EQ(site.fields.get("Set-Cookie"), "a=1");
  EXPECT_EQ(site.fields.get("X-Seen"), "yes");
  EXPECT_THAT(std::string(*site.fields.get("Content-Type")), HasSubstr("text/plain"));
  host_->pass = modules::Pass{modules::Pass::To::files, {{"Content-Security-Policy", "default-src *"}}};
  EXPECT_EQ(ask("/data.txt").body, "data");
  EXPECT_EQ(ask("/data.txt", {}, "DELETE").status, 405);
  EXPECT_THAT(std::string(*ask("/page.html").fields.get("Content-Security-Policy")), HasSubstr("sandbox"))
      << "a module's policy does not lift the sandbox of the folder's documents";
}

TEST_F(FolderApp, FieldsOfTheCoreCannotBeSetFromOutside) {
  host_ = std::make_shared<FakeHost>();
  ask("/x", {{"OwnDir-Request", "1"}, {"owndir-pass", "site"}, {"X-Mine", "1"}, {"owndir-request", "2"}});
  ASSERT_EQ(host_->asked.size(), 1U);
  EXPECT_EQ(host_->asked[0].fields, (Fields{{"X-Mine", "1"}}));
}

class NoSession final : public exchange::SocketSession {
 public:
  Awaitable<void> run(exchange::WebSocket&) override { co_return; }
};

Awaitable<void> open_one(exchange::Handler& gateway, Request request, std::string& outcome) {
  auto answer = co_await gateway.open_socket(std::move(request));
  if (!answer) co_return;
  if (const auto* accept = std::get_if<exchange::SocketAccept>(&*answer))
    outcome = "accepted " + accept->protocol;
  else
    outcome = std::to_string(std::get<Response>(*answer).head.status);
}

TEST_F(FolderApp, OpensTheTwoWebSocketsOfTheCoreAndNoOther) {
  asio::io_context io;
  LiveBoard board(io.get_executor());
  GatewayOptions options;
  options.live = &board;
  options.folder_session = [] { return std::make_unique<NoSession>(); };
  const auto gateway = make_gateway(folder_.open(), files_, std::move(options));
  const auto open = [&](const std::string& address, const std::string& protocols) {
    Request request;
    request.head = {"GET", address, {}};
    if (!protocols.empty()) request.head.fields.add("Sec-WebSocket-Protocol", protocols);
    std::string outcome;
    io.restart();
    asio::co_spawn(io, open_one(*gateway, std::move(request), outcome), [](const std::exception_ptr&) {});
    io.run();
    return outcome;
  };
  EXPECT_EQ(open("/@/fs", "owndir.fs.2, owndir.fs.1"), "accepted owndir.fs.1");
  EXPECT_EQ(open("/@/fs", ""), "accepted ");
  EXPECT_EQ(open("/@/fs", "owndir.fs.2"), "400");
  EXPECT_EQ(open("/@/live", ""), "accepted ");
  EXPECT_EQ(open("/data.txt", ""), "404");
  EXPECT_EQ(open("/%zz", ""), "404");
}

/// A WebSocket whose other end is the test.
class FakeSocket final : public exchange::WebSocket {
 public:
  explicit FakeSocket(const asio::any_io_executor& executor) : closed(executor) {}
  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    while (!ended) co_await closed.wait();
    co_return std::optional<exchange::SocketMessage>();
  }
  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    sent.emplace_back(as_text(message.data));
    closed.notify();
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t, std::string) override { co_return; }
  std::uint16_t close_code() const override { return exchange::close_code::kNone; }
  std::string close_reason() const override { return ""; }

  Notifier closed;
  bool ended = false;
  std::vector<std::string> sent;
};

Awaitable<void> drive(LiveBoard& board, FakeSocket& socket) {
  while (socket.sent.empty()) co_await socket.closed.wait();
  board.set({"d2", "failed", "line 3"});
  while (socket.sent.size() < 2) co_await socket.closed.wait();
  socket.ended = true;
  socket.closed.notify();
}

TEST(LiveBoard, TellsAPageTheStateAtOnceAndThenEachChangeUntilItGoes) {
  asio::io_context io;
  LiveBoard board(io.get_executor());
  board.set({"d1", "ok", ""});
  FakeSocket socket(io.get_executor());
  const auto session = board.make_session();
  bool ended = false;
  asio::co_spawn(io, session->run(socket), [&ended](const std::exception_ptr&) { ended = true; });
  asio::co_spawn(io, drive(board, socket), [](const std::exception_ptr&) {});
  io.run();
  EXPECT_TRUE(ended);
  ASSERT_EQ(socket.sent.size(), 2U);
  EXPECT_EQ(socket.sent[0], R"({"site":"d1","state":"ok","text":""})");
  EXPECT_EQ(socket.sent[1], R"({"site":"d2","state":"failed","text":"line 3"})");
}

}  // namespace
}  // namespace owndir::gateway
