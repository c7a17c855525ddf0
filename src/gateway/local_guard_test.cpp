#include "gateway/local_guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace owndir::gateway {
namespace {

using exchange::Fields;
using exchange::Request;
using exchange::Response;
using ::testing::HasSubstr;

class Next final : public exchange::Handler {
 public:
  std::vector<std::string> asked, cookies;
  void keep_cookies(const Request& request) {
    for (const auto& field : request.head.fields)
      if (field.name == "Cookie") cookies.push_back(field.value);
  }
  Awaitable<Result<Response>> handle(Request request) override {
    keep_cookies(request);
    asked.push_back(request.head.method + " " + request.head.target);
    Response response = exchange::text_response(200, "next");
    if (request.head.target.find(".html") != std::string::npos)
      response.head.fields.add("Content-Security-Policy", "sandbox allow-scripts");
    response.head.fields.add("Cross-Origin-Resource-Policy", "same-origin");
    co_return response;
  }
  Awaitable<Result<exchange::SocketAnswer>> open_socket(Request request) override {
    keep_cookies(request);
    asked.push_back("socket " + request.head.target);
    co_return exchange::SocketAnswer(exchange::SocketAccept{});
  }
};

class Counting final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(++next_);
  }

 private:
  unsigned next_ = 0;
};

class LocalGuardTest : public ::testing::Test {
 protected:
  LocalGuardTest() { start({}); }

  void start(GuardOptions options) {
    options.hosts = {"127.0.0.1", "localhost", "[::1]"};
    options.random = &random_;
    guard_ = LocalGuard::create(next_, options);
    guard_->set_port(8800);
  }

  Response ask(std::string method, std::string target, Fields fields) {
    Request request;
    request.head = {std::move(method), std::move(target), std::move(fields)};
    Response answer;
    asio::io_context io;
    asio::co_spawn(io, run(*guard_, std::move(request), answer), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return answer;
  }
  static Awaitable<void> run(exchange::Handler& guard, Request request, Response& answer) {
    Result<Response> response = co_await guard.handle(std::move(request));
    if (response) answer = std::move(*response);
  }
  /// 101, or the status of the response instead.
  int open_socket(std::string target, Fields fields) {
    Request request;
    request.head = {"GET", std::move(target), std::move(fields)};
    int status = 0;
    asio::io_context io;
    asio::co_spawn(io, run_socket(*guard_, std::move(request), status), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return status;
  }
  static Awaitable<void> run_socket(exchange::Handler& guard, Request request, int& status) {
    const auto answer = co_await guard.open_socket(std::move(request));
    const auto* response = answer ? std::get_if<Response>(&*answer) : nullptr;
    if (answer) status = response ? response->head.status : 101;
  }
  std::string sign_in() {
    const Response response = ask("GET", guard_->make_login_target(), {{"Host", "localhost:8800"}});
    const std::string cookie(response.head.fields.get("Set-Cookie").value_or(""));
    return cookie.substr(0, cookie.find(';'));
  }
  static std::string text_of(exchange::BodySource& body) {
    std::string text;
    asio::io_context io;
    asio::co_spawn(io, read_into(body, text), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return text;
  }
  static Awaitable<void> read_into(exchange::BodySource& body, std::string& text) {
    for (;;) {
      const Result<Bytes> piece = co_await body.read(65536);
      if (!piece || piece->empty()) co_return;
      text += as_text(*piece);
    }
  }
  static std::string location(const Response& response) {
    return std::string(response.head.fields.get("Location").value_or(""));
  }

  Next next_;
  Counting random_;
  std::unique_ptr<LocalGuard> guard_;
};

TEST_F(LocalGuardTest, APersonWhoIsNotSignedInReadsOnAPageWhatToDo) {
  GuardOptions options;
  options.is_open_to_network = true;
  start(options);
  const Fields person = {{"Host", "127.0.0.1:8800"}, {"Accept", "text/html"}};
  for (const char* target : {"/", "/@/login?key=used"}) {
    Response response = ask("GET", target, person);
    EXPECT_EQ(response.head.status, 403);
    EXPECT_EQ(response.head.fields.get("Content-Type"), "text/html; charset=utf-8");
    ASSERT_NE(response.body, nullptr);
    // What would be refused as well is not linked to.
    EXPECT_EQ(text_of(*response.body).find("<a "), std::string::npos) << target;
  }
}

TEST_F(LocalGuardTest, APortThatIsOpenToTheNetworkIsReadBySignedInBrowsersAlone) {
  GuardOptions options;
  options.is_open_to_network = true;
  start(options);
  EXPECT_EQ(ask("GET", "/secret", {{"Host", "127.0.0.1:8800"}}).head.status, 403);
  EXPECT_EQ(ask("HEAD", "/secret", {{"Host", "127.0.0.1:8800"}, {"Sec-Fetch-Site", "none"}}).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/view/00/secret", {{"Host", "127.0.0.1:8800"}}).head.status, 403);
  const std::string cookie = sign_in();
  EXPECT_EQ(ask("GET", "/secret", {{"Host", "127.0.0.1:8800"}, {"Cookie", cookie}}).head.status, 200);
}

TEST_F(LocalGuardTest, ABrowserStaysSignedInWhenTheNextRunHasTheSameSecret) {
  GuardOptions options;
  options.session.assign(64, 'a');
  start(options);
  const std::string cookie = sign_in();
  const Fields fields = {{"Host", "localhost:8800"}, {"Origin", "http://localhost:8800"}, {"Cookie", cookie}};
  start(options);
  EXPECT_EQ(ask("POST", "/x", fields).head.status, 200);
  options.session.assign(64, 'b');
  start(options);
  EXPECT_EQ(ask("POST", "/x", fields).head.status, 403);
}

TEST_F(LocalGuardTest, AnswersOnlyUnderItsOwnNames) {
  const std::vector<std::pair<std::string, int>> table = {{"127.0.0.1:8800", 200},
                                                          {"localhost:8800", 200},
                                                          {"LOCALHOST:8800", 200},
                                                          {"[::1]:8800", 200},
                                                          {"127.0.0.1", 421},
                                                          {"localhost:8801", 421},
                                                          {"evil.example:8800", 421},
                                                          {"localhost.evil.example:8800", 421},
                                                          {"", 421},
                                                          {"127.0.0.1.:8800", 421},
                                                          {"0.0.0.0:8800", 421},
                                                          {"localhost:8800.evil.example", 421}};
  for (const auto& [host, status] : table) EXPECT_EQ(ask("GET", "/", {{"Host", host}}).head.status, status) << host;
  EXPECT_EQ(ask("GET", "/", {}).head.status, 421);
}

TEST_F(LocalGuardTest, StopsDnsRebindingEvenWithTheCookie) {
  const std::string cookie = sign_in();
  next_.asked.clear();
  const Fields fields = {{"Host", "evil.example:8800"},
                         {"Origin", "http://evil.example:8800"},
                         {"Cookie", cookie},
                         {"Sec-Fetch-Site", "same-origin"}};
  EXPECT_EQ(ask("GET", "/", fields).head.status, 421);
  EXPECT_EQ(ask("POST", "/", fields).head.status, 421);
  EXPECT_TRUE(next_.asked.empty());
}

TEST_F(LocalGuardTest, AsksForOriginAndCookieOfEveryMethodButGetAndHead) {
  const std::string cookie = sign_in();
  ASSERT_THAT(cookie, HasSubstr("owndir-session-8800="));
  struct Row {
    std::string origin;
    std::string cookie;
    int status;
  };
  const std::vector<Row> table = {
      {"http://localhost:8800", cookie, 200},
      {"http://localhost:8800", "a=b; " + cookie + "; c=d", 200},
      {"http://localhost:8800", "owndir-session-8800=stale; " + cookie, 200},
      {"http://localhost:8800", "", 403},
      {"http://localhost:8800", "owndir-session-8800=", 403},
      {"http://localhost:8800", cookie + "0", 403},
      {"http://localhost:8800", "x" + cookie, 403},
      {"http://localhost:8800", cookie.substr(0, cookie.size() - 1), 403},
      {"", cookie, 403},
      {"null", cookie, 403},
      {"http://127.0.0.1:8800", cookie, 403},
      {"http://localhost:8801", cookie, 403},
      {"https://localhost:8800", cookie, 403},
      {"http://localhost:8800.evil.example", cookie, 403},
      {"http://evil.example", cookie, 403},
  };
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    for (const Row& row : table) {
      Fields fields = {{"Host", "localhost:8800"}};
      if (!row.origin.empty()) fields.add("Origin", row.origin);
      if (!row.cookie.empty()) fields.add("Cookie", row.cookie);
      EXPECT_EQ(ask(method, "/", fields).head.status, row.status) << method << " " << row.origin << " " << row.cookie;
    }
  }
  const Fields socket = {
      {"Host", "localhost:8800"}, {"Sec-WebSocket-Version", "13"}, {"Origin", "http://evil.example"}};
  EXPECT_EQ(ask("GET", "/", socket).head.status, 403);
}

TEST_F(LocalGuardTest, OpensWebSocketsOnlyForItsOwnSignedInPages) {
  const std::string cookie = sign_in();
  struct Row {
    std::string host, origin, cookie;
    int status;
  };
  const std::vector<Row> table = {
      {"localhost:8800", "http://localhost:8800", cookie, 101},
      {"127.0.0.1:8800", "http://127.0.0.1:8800", "a=b; " + cookie, 101},
      {"localhost:8800", "http://localhost:8800", "", 403},
      {"localhost:8800", "http://localhost:8800", cookie + "0", 403},
      {"localhost:8800", "", cookie, 403},
      {"localhost:8800", "null", cookie, 403},
      {"localhost:8800", "http://127.0.0.1:8800", cookie, 403},
      {"localhost:8800", "http://localhost:8801", cookie, 403},
      {"localhost:8800", "ws://localhost:8800", cookie, 403},
      {"localhost:8800", "http://evil.example", cookie, 403},
      {"evil.example:8800", "http://evil.example:8800", cookie, 421},
  };
  for (const char* target : {"/@/fs", "/chat", "/@/login", "/@/view/0/x"}) {
    for (const Row& row : table) {
      Fields fields = {{"Host", row.host}, {"Sec-Fetch-Site", "same-origin"}};
      if (!row.origin.empty()) fields.add("Origin", row.origin);
      if (!row.cookie.empty()) fields.add("Cookie", row.cookie);
      next_.asked.clear();
      EXPECT_EQ(open_socket(target, fields), row.status) << target << " " << row.origin << " " << row.cookie;
      EXPECT_EQ(next_.asked.size(), row.status == 101 ? 1U : 0U);
    }
  }
}

TEST_F(LocalGuardTest, RefusesReadsFromOtherSites) {
  struct Row {
    std::string site, mode, destination, origin;
    int status;
  };
  const std::vector<Row> table = {
      {"same-origin", "cors", "empty", "", 200},
      {"same-origin", "no-cors", "image", "", 200},
      {"none", "navigate", "document", "", 200},
      {"cross-site", "navigate", "document", "", 200},
      {"same-site", "navigate", "document", "", 200},
      {"cross-site", "navigate", "iframe", "", 403},
      {"cross-site", "no-cors", "image", "", 403},
      {"cross-site", "no-cors", "script", "", 403},
      {"cross-site", "cors", "empty", "http://evil.example", 403},
      {"same-site", "no-cors", "image", "", 403},
      {"same-site", "cors", "empty", "http://localhost:3000", 403},
      {"strange", "no-cors", "image", "", 403},
      {"", "", "", "", 200},
      {"", "", "", "http://localhost:8800", 200},
      {"", "", "", "http://evil.example", 403},
      {"", "", "", "null", 403},
  };
  for (const Row& row : table) {
    Fields fields = {{"Host", "localhost:8800"}};
    if (!row.site.empty()) fields.add("Sec-Fetch-Site", row.site);
    if (!row.mode.empty()) fields.add("Sec-Fetch-Mode", row.mode);
    if (!row.destination.empty()) fields.add("Sec-Fetch-Dest", row.destination);
    if (!row.origin.empty()) fields.add("Origin", row.origin);
    EXPECT_EQ(ask("GET", "/a.txt", fields).head.status, row.status)
        << row.site << " " << row.mode << " " << row.destination;
  }
}

TEST_F(LocalGuardTest, GivesTheCookieForTheNewestLinkOnce) {
  const std::string old = guard_->make_login_target();
  const std::string link = guard_->make_login_target();
  const Fields host = {{"Host", "localhost:8800"}};
  EXPECT_EQ(ask("GET", old, host).head.status, 403);
  EXPECT_EQ(ask("HEAD", link, host).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/login?key=", host).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/login", host).head.status, 403);
  const Response response = ask("GET", link, host);
  EXPECT_EQ(response.head.status, 303);
  EXPECT_EQ(location(response), "/");
  const std::string cookie(response.head.fields.get("Set-Cookie").value_or(""));
  EXPECT_TRUE(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/")) << cookie;
  EXPECT_EQ(ask("GET", link, host).head.status, 403);
  // The owner who opens the used link again is simply let in.
  EXPECT_EQ(ask("GET", link, {{"Host", "localhost:8800"}, {"Cookie", cookie.substr(0, cookie.find(';'))}}).head.status,
            303);
  EXPECT_TRUE(next_.asked.empty());
}

TEST_F(LocalGuardTest, GivesTheCookieForAKeyThatWasLeftElsewhere) {
  std::string left = "elsewhere";
  GuardOptions options;
  options.takes_key = [&left](std::string_view key) { return !left.empty() && key == std::exchange(left, ""); };
  start(std::move(options));
  const std::string own = guard_->make_login_target();
  const Fields host = {{"Host", "localhost:8800"}};
  EXPECT_EQ(ask("HEAD", "/@/login?key=elsewhere", host).head.status, 403);
  const Response response = ask("GET", "/@/login?key=elsewhere", host);
  EXPECT_EQ(response.head.status, 303);
  EXPECT_TRUE(response.head.fields.contains("Set-Cookie"));
  EXPECT_EQ(ask("GET", "/@/login?key=elsewhere", host).head.status, 403);
  EXPECT_EQ(ask("GET", own, host).head.status, 303) << "the program's own link is still good";
}

TEST_F(LocalGuardTest, KeepsItsCookieToItselfAndPassesTheOthers) {
  const std::string cookie = sign_in();
  const std::string mixed = "a=1; " + cookie + "; owndir-session-88000=near; b=2";
  EXPECT_EQ(ask("GET", "/x", {{"Host", "localhost:8800"}, {"Cookie", mixed}, {"Cookie", cookie}}).head.status, 200);
  const std::vector<std::string> whole = {"a=1; owndir-session-88000=near; b=2"};
  EXPECT_EQ(next_.cookies, whole);
  const Fields write = {{"Host", "localhost:8800"}, {"Origin", "http://localhost:8800"}, {"Cookie", cookie}};
  EXPECT_EQ(ask("POST", "/x", write).head.status, 200);
  EXPECT_EQ(open_socket("/s", write), 101);
  EXPECT_EQ(next_.cookies, whole) << "neither of them had another";
}

TEST_F(LocalGuardTest, KnowsNoAppsUnlessItIsToldTo) {
  EXPECT_EQ(ask("GET", "/", {{"Host", "files.localhost:8800"}}).head.status, 421);
  EXPECT_EQ(ask("GET", "/@/app/files", {{"Host", "localhost:8800"}, {"Cookie", sign_in()}}).head.status, 200);
}

TEST_F(LocalGuardTest, SignsABrowserInAtAnAppOnceItIsSignedInHere) {
  GuardOptions options;
  options.apps = true;
  start(options);
  const std::string cookie = sign_in();
  EXPECT_EQ(ask("GET", "/@/app/files", {{"Host", "localhost:8800"}}).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/app/no%20name", {{"Host", "localhost:8800"}, {"Cookie", cookie}}).head.status, 404);
  const std::string link = location(ask("GET", "/@/app/files", {{"Host", "localhost:8800"}, {"Cookie", cookie}}));
  const std::string there = "http://files.localhost:8800";
  ASSERT_TRUE(link.starts_with(there + "/@/login?key=")) << link;
  const Fields app = {{"Host", "files.localhost:8800"}};
  const Response response = ask("GET", link.substr(there.size()), app);
  EXPECT_EQ(response.head.status, 303);
  EXPECT_TRUE(response.head.fields.contains("Set-Cookie"));
  EXPECT_EQ(ask("GET", link.substr(there.size()), app).head.status, 403) << "once";
  const std::string origin = "http://files.localhost:8800";
  EXPECT_EQ(ask("POST", "/", {{"Host", "files.localhost:8800"}, {"Origin", origin}}).head.status, 403);
  const Fields write = {{"Host", "files.localhost:8800"}, {"Origin", origin}, {"Cookie", cookie}};
  EXPECT_EQ(ask("POST", "/", write).head.status, 200);
  EXPECT_EQ(open_socket("/", write), 101);
  const Fields foreign = {
      {"Host", "files.localhost:8800"}, {"Origin", "http://other.localhost:8800"}, {"Cookie", cookie}};
  EXPECT_EQ(ask("POST", "/", foreign).head.status, 403);
  EXPECT_EQ(ask("GET", "/", {{"Host", "files.localhost:8800"}, {"Sec-Fetch-Site", "cross-site"}}).head.status, 403);
  for (const char* host :
       {"files.localhost:8801", "files.localhost", "-x.localhost:8800", "a.b.localhost:8800", "localhost.:8800"})
    EXPECT_EQ(ask("GET", "/", {{"Host", host}}).head.status, 421) << host;
}

TEST_F(LocalGuardTest, LeavesTheDocumentsOfAppsAlone) {
  GuardOptions options;
  options.apps = true;
  start(options);
  const Fields navigation = {{"Host", "FILES.localhost:8800"},
                             {"Sec-Fetch-Site", "same-origin"},
                             {"Sec-Fetch-Mode", "navigate"},
                             {"Sec-Fetch-Dest", "document"}};
  for (const char* target : {"/docs/a.html", "/@/view/00/a.html", "/@/app/files"})
    EXPECT_EQ(ask("GET", target, navigation).head.status, 200) << target;
}

TEST_F(LocalGuardTest, ShowsDocumentsOfTheFolderWhereTheirOwnPicturesLoad) {
  const Fields navigation = {{"Host", "localhost:8800"},
                             {"Sec-Fetch-Site", "same-origin"},
                             {"Sec-Fetch-Mode", "navigate"},
                             {"Sec-Fetch-Dest", "document"}};
  const Fields picture = {{"Host", "localhost:8800"},
                          {"Sec-Fetch-Site", "cross-site"},
                          {"Sec-Fetch-Mode", "no-cors"},
                          {"Sec-Fetch-Dest", "image"}};
  const Fields script = {{"Host", "localhost:8800"},
                         {"Sec-Fetch-Site", "cross-site"},
                         {"Sec-Fetch-Mode", "cors"},
                         {"Sec-Fetch-Dest", "empty"},
                         {"Origin", "null"}};
  EXPECT_EQ(ask("GET", "/docs/a.txt", navigation).head.status, 200);
  const Response led = ask("GET", "/docs/sub/a%20b.html?q", navigation);
  EXPECT_EQ(led.head.status, 303);
  const std::string view = location(led);
  ASSERT_TRUE(view.starts_with("/@/view/") && view.ends_with("/docs/sub/a%20b.html?q")) << view;
  const std::string base = view.substr(0, view.find("/docs/"));

  EXPECT_EQ(ask("GET", view, navigation).head.status, 200);
  const Response shown = ask("GET", base + "/docs/pic.jpg", picture);
  EXPECT_EQ(shown.head.status, 200);
  EXPECT_EQ(shown.head.fields.get("Cross-Origin-Resource-Policy"), "cross-origin");
  EXPECT_EQ(next_.asked.back(), "GET /docs/pic.jpg");

  next_.asked.clear();
  EXPECT_EQ(ask("GET", base + "/docs/pic.jpg", script).head.status, 403);
  EXPECT_EQ(ask("GET", base + "/other/pic.jpg", picture).head.status, 403);
  EXPECT_EQ(ask("GET", base + "/top.jpg", picture).head.status, 403);
  EXPECT_EQ(ask("GET", base + "/@/list/docs/", picture).head.status, 404);
  EXPECT_EQ(ask("GET", base + "/%40/list/docs/", picture).head.status, 404);
  EXPECT_EQ(ask("GET", base + "/docs/../other/pic.jpg", picture).head.status, 404);
  EXPECT_EQ(ask("GET", "/@/view/00000000000000000000000000000000/docs/pic.jpg", picture).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/view//docs/pic.jpg", picture).head.status, 403);
  EXPECT_EQ(ask("GET", "/@/view/", picture).head.status, 404);
  EXPECT_EQ(ask("GET", "/docs/pic.jpg", picture).head.status, 403);
  EXPECT_EQ(ask("POST", base + "/docs/pic.jpg", picture).head.status, 403);
  EXPECT_TRUE(next_.asked.empty());

  // A link out of a view to what is no document leads back to the plain address.
  EXPECT_EQ(location(ask("GET", base + "/docs/", navigation)), "/docs/");
  EXPECT_EQ(location(ask("GET", base + "/", navigation)), "/");
  EXPECT_EQ(location(ask("GET", "/@/view/0123/docs/a.html?q", navigation)), "/docs/a.html?q");
  EXPECT_EQ(location(ask("GET", "/@/view/0123//evil.example/x", navigation)), "/evil.example/x");
}

TEST_F(LocalGuardTest, OpensTheWholeFolderToADocumentAtItsTop) {
  const Response led = ask("GET", "/index.html",
                           {{"Host", "localhost:8800"},
                            {"Sec-Fetch-Site", "none"},
                            {"Sec-Fetch-Mode", "navigate"},
                            {"Sec-Fetch-Dest", "document"}});
  const std::string view = location(led);
  const std::string base = view.substr(0, view.rfind('/'));
  EXPECT_EQ(ask("GET", base + "/any/pic.jpg",
                {{"Host", "localhost:8800"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}})
                .head.status,
            200);
}

}  // namespace
}  // namespace owndir::gateway
