#include "gateway/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "gateway/conditions.hpp"
#include "gateway/test_gateway.hpp"

namespace owndir::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(GatewayTest, ServesAFileWithItsTypeAndValidators) {
  const Answer answer = ask("/a%20b.txt");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.field("Content-Length"), "5");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
  EXPECT_EQ(answer.field("Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_FALSE(answer.field("ETag").empty());
  EXPECT_TRUE(parse_http_date(answer.field("Last-Modified")).has_value());
  EXPECT_TRUE(parse_http_date(answer.field("Date")).has_value());
  const Answer head = ask("/a%20b.txt", {}, "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), "5");
  EXPECT_EQ(head.field("Content-Type"), answer.field("Content-Type"));
}

TEST_F(GatewayTest, ReadsLargeFilesPieceByPiece) {
  std::string large;
  for (int i = 0; i < 30'000; ++i) large += std::to_string(i) + ",";
  folder_.write("large.bin", large);
  EXPECT_EQ(ask("/large.bin").body, large);
  const Answer part = ask("/large.bin", {{"Range", "bytes=100000-100099"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, large.substr(100000, 100));
}

TEST_F(GatewayTest, NeverEndsAFileEarlyThatWasCutMeanwhile) {
  folder_.write("large.bin", std::string(200'000, 'x'));
  before_body = [this] { std::filesystem::resize_file(folder_.path() / "large.bin", 100'000); };
  const Answer answer = ask("/large.bin");
  EXPECT_EQ(answer.field("Content-Length"), "200000");
  EXPECT_TRUE(answer.body_broke);
}

/// A file is kept a moment after its last change.
class KeptFiles : public GatewayTest {
 protected:
  void ask_until_kept(const std::string& target) {
    const int before = answered_now;
    for (int tries = 0; tries < 2000 && answered_now == before; ++tries) {
      ask(target);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_GT(answered_now, before);
    answered_now = 0;
  }
};

TEST_F(KeptFiles, AreAnsweredAtOnceAsOthersAre) {
  ask_until_kept("/a%20b.txt");
  EXPECT_EQ(ask("/a%20b.txt").body, "hello");
  EXPECT_EQ(ask("/a%20b.txt", {{"Range", "bytes=1-2"}}).body, "el");
  EXPECT_NE(ask("/a%20b.txt", {{"Range", "bytes=0-0,4-4"}}).body.find("\r\n\r\nh\r\n"), std::string::npos);
  const std::string etag = ask("/a%20b.txt").field("ETag");
  EXPECT_EQ(ask("/a%20b.txt", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(answered_now, 5);
  EXPECT_EQ(ask("/a%20b.txt?download").field("Content-Disposition").substr(0, 10), "attachment");
  EXPECT_EQ(answered_now, 5);
}

TEST_F(KeptFiles, AreNeverWhatTheyWere) {
  const auto path = folder_.path() / "photos/pic.jpg";
  ask_until_kept("/photos/pic.jpg");
  folder_.write("photos/pic.jpg", "JPEG");  // as long as before
  EXPECT_EQ(ask("/photos/pic.jpg").body, "JPEG");
  ask_until_kept("/photos/pic.jpg");
  folder_.write("photos/new", "gepj");
  std::filesystem::rename(folder_.path() / "photos/new", path);
  EXPECT_EQ(ask("/photos/pic.jpg").body, "gepj");
  ask_until_kept("/photos/pic.jpg");
  std::filesystem::rename(path, folder_.path() / "elsewhere");
  EXPECT_EQ(ask("/photos/pic.jpg").status, 404);
  std::filesystem::create_symlink("/etc/hostname", path);
  EXPECT_EQ(ask("/photos/pic.jpg").status, 403);
  EXPECT_EQ(answered_now, 0);
}

TEST_F(KeptFiles, AreBounded) {
  for (int i = 0; i < 300; ++i) folder_.write("n" + std::to_string(i), std::string(60'000, 'n'));
  ask_until_kept("/n299");
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 300; ++i) EXPECT_EQ(ask("/n" + std::to_string(i)).body.size(), 60'000u);
  EXPECT_LT(answered_now, 300);  // 18 MB do not fit
}

TEST_F(GatewayTest, RefusesWhatIsNotAPathInTheFolder) {
  ::mkfifo((folder_.path() / "pipe").c_str(), 0600);
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "outside");
  std::filesystem::create_symlink("/etc", folder_.path() / "etc");
  std::filesystem::create_symlink("../../../../etc/passwd", folder_.path() / "up");
  std::filesystem::create_symlink("loop", folder_.path() / "loop");
  std::filesystem::create_symlink("a b.txt", folder_.path() / "inside");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder_.path() / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  const std::vector<std::pair<std::string, int>> table = {
      {"/inside", 200},
      {"/nothing", 404},
      {"/a%20b.txt/", 404},
      {"/a%20b.txt/x", 404},
      {"/a%2520b.txt", 404},
      {"/outside", 403},
      {"/etc/passwd", 403},
      {"/up", 403},
      {"/loop", 403},
      {"/pipe", 403},
      {"/socket", 403},
      {"/../etc/passwd", 403},
      {"/photos/../a%20b.txt", 403},
      {"/%2e%2e/etc/passwd", 403},
      {"/photos/%2e%2E/x", 403},
      {"/photos%2fpic.jpg", 400},
      {"/..%2fetc%2fpasswd", 400},
      {"/a%00b", 400},
      {"/a%zz", 400},
      {"/a%2", 400},
      {"/" + std::string(300, 'a'), 414},
      {"/./photos//pic.jpg", 200},
      {"/.stfolder", 404},
      {"/photos/.stversions/x", 404},
      {"/.owndir/.wrtc-proxy/", 404},
      {"/.owndir/%2ewrtc-proxy/x", 404},
      {"/.OWNDIR/.Wrtc-Proxy/x", 404},
      {"/@/list/.owndir/.wrtc-proxy/", 404},
      {"/@/list/../", 403},
      {"/@/nothing", 404},
      {"/@/", 404},
      {"/@", 404},
      {"/%40/info", 200},
  };
  folder_.write(".stfolder/x", "");
  folder_.write("photos/.stversions/x", "");
  folder_.write(".owndir/.wrtc-proxy/x", "");
  for (const auto& [target, status] : table) EXPECT_EQ(ask(target).status, status) << target;
}

TEST_F(GatewayTest, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"}) {
    const Answer answer = ask("/a%20b.txt", {}, method);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.field("Allow"), "GET, HEAD");
  }
}

TEST_F(GatewayTest, EvaluatesPreconditionsInTheirOrder) {
  const Answer first = ask("/a%20b.txt");
  const std::string etag = first.field("ETag");
  const std::string date = first.field("Last-Modified");
  const std::string past = "Sun, 06 Nov 1994 08:49:37 GMT";
  struct Row {
    Fields fields;
    int status;
  };
  const std::vector<Row> table = {
      {{{"If-Match", etag}}, 200},
      {{{"If-Match", "*"}}, 200},
      {{{"If-Match", "\"x\", " + etag}}, 200},
      {{{"If-Match", "\"x\""}}, 412},
      {{{"If-Match", "W/" + etag}}, 412},
      {{{"If-Match", etag}, {"If-Unmodified-Since", past}}, 200},
      {{{"If-Unmodified-Since", past}}, 412},
      {{{"If-Unmodified-Since", date}}, 200},
      {{{"If-Unmodified-Since", "yesterday"}}, 200},
      {{{"If-None-Match", etag}}, 304},
      {{{"If-None-Match", "W/" + etag}}, 304},
      {{{"If-None-Match", "*"}}, 304},
      {{{"If-None-Match", "\"x\""}, {"If-None-Match", etag}}, 304},
      {{{"If-None-Match", "\"x\""}}, 200},
      {{{"If-None-Match", "\"x\""}, {"If-Modified-Since", date}}, 200},
      {{{"If-Modified-Since", date}}, 304},
      {{{"If-Modified-Since", past}}, 200},
      {{{"If-Match", "\"x\""}, {"If-None-Match", etag}}, 412},
      {{{"If-Match", etag}, {"If-None-Match", etag}}, 304},
      {{{"Range", "bytes=0-1"}, {"If-None-Match", etag}}, 304},
      {{{"Range", "bytes=0-1"}, {"If-Range", etag}}, 206},
      {{{"Range", "bytes=0-1"}, {"If-Range", "W/" + etag}}, 200},
      {{{"Range", "bytes=0-1"}, {"If-Range", "\"x\""}}, 200},
      {{{"Range", "bytes=0-1"}, {"If-Range", date}}, 206},
      {{{"Range", "bytes=0-1"}, {"If-Range", past}}, 200},
      {{{"Range", "bytes=9-"}, {"If-Range", "\"x\""}}, 200},
      {{{"Range", "bytes=9-"}, {"If-Range", etag}}, 416},
  };
  for (const Row& row : table) {
    std::string shown;
    for (const auto& field : row.fields) shown += field.name + ": " + field.value + "; ";
    EXPECT_EQ(ask("/a%20b.txt", row.fields).status, row.status) << shown;
  }
}

TEST_F(GatewayTest, AnswersSingleAndSeveralRanges) {
  folder_.write("digits", "0123456789");
  const Answer one = ask("/digits", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(one.status, 206);
  EXPECT_EQ(one.body, "234");
  EXPECT_EQ(one.field("Content-Range"), "bytes 2-4/10");
  const Answer several = ask("/digits", {{"Range", "bytes=7-8, 0-1"}});
  EXPECT_EQ(several.status, 206);
  const std::string boundary =
      several.field("Content-Type").substr(std::string("multipart/byteranges; boundary=").size());
  EXPECT_EQ(
      several.body,
      "--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 7-8/10\r\n\r\n78\r\n--" +
          boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--" +
          boundary + "--\r\n");
  EXPECT_EQ(several.field("Content-Length"), std::to_string(several.body.size()));
  const Answer none = ask("/digits", {{"Range", "bytes=10-"}});
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.field("Content-Range"), "bytes */10");
  EXPECT_EQ(ask("/digits", {{"Range", "bytes=2-4"}}, "HEAD").status, 200);
}

TEST_F(GatewayTest, SandboxesActiveDocumentsOfTheFolder) {
  folder_.write("x.svg", "<svg/>");
  folder_.write("x.xhtml", "<html/>");
  folder_.write("x.xml", "<a/>");
  for (const char* target : {"/photos/page.html", "/x.svg", "/x.xhtml", "/x.xml"}) {
    const std::string policy = ask(target).field("Content-Security-Policy");
    EXPECT_EQ(policy.substr(0, 7), "sandbox") << target;
    EXPECT_THAT(policy, Not(HasSubstr("allow-same-origin")));
  }
  EXPECT_EQ(ask("/a%20b.txt").field("Content-Security-Policy"), "");
}

TEST_F(GatewayTest, NamesDownloadsExactly) {
  folder_.write("Ünïcode \"q\".txt", "x");
  EXPECT_EQ(ask("/%C3%9Cn%C3%AFcode%20%22q%22.txt?x=1&download").field("Content-Disposition"),
            "attachment; filename=\"_n_code _q_.txt\"; filename*=UTF-8''%C3%9Cn%C3%AFcode%20%22q%22.txt");
}

TEST_F(GatewayTest, LeadsADirectoryToItsSlashAndKeepsTheQuery) {
  folder_.write("a:b/c", "");
  const Answer answer = ask("/photos?x=1");
  EXPECT_EQ(answer.status, 308);
  EXPECT_EQ(answer.field("Location"), "photos/?x=1");
  EXPECT_EQ(ask("/a:b").field("Location"), "a%3Ab/");
}

TEST_F(GatewayTest, ListsAsJson) {
  folder_.write("list/b10.TXT", "12345");
  folder_.write("list/b9.txt", "");
  folder_.write("list/sub/x", "");
  folder_.write("list/.stfolder/x", "");
  folder_.write("list/bad\xff\n", "");
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "list/outside");
  std::filesystem::create_symlink("b10.TXT", folder_.path() / "list/link.txt");
  std::filesystem::create_symlink("not here", folder_.path() / "list/nothing");
  ::mkfifo((folder_.path() / "list/pipe").c_str(), 0600);
  const Answer answer = ask("/list/", {{"Accept", "application/json"}});
  EXPECT_EQ(answer.field("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(answer.field("Vary"), "Accept");
  auto json = nlohmann::json::parse(answer.body);
  for (auto& entry : json["entries"]) {
    EXPECT_GT(entry["mtime"].get<std::int64_t>(), 1'600'000'000'000);
    entry.erase("mtime");
  }
  const auto expected = nlohmann::json::parse(R"({"path":"/list/","total":8,"truncated":false,"entries":[
      {"name":"sub","href":"sub/","type":"directory","size":0,"mime":""},
      {"name":"b9.txt","href":"b9.txt","type":"file","size":0,"mime":"text/plain"},
      {"name":"b10.TXT","href":"b10.TXT","type":"file","size":5,"mime":"text/plain"},
      {"name":"bad\ufffd\n","href":"bad%FF%0A","type":"file","size":0,"mime":""},
      {"name":"link.txt","href":"link.txt","type":"file","size":5,"mime":"text/plain"},
      {"name":"nothing","href":"nothing","type":"other","size":0,"mime":"","obstacle":"broken"},
      {"name":"outside","href":"outside","type":"other","size":0,"mime":"","obstacle":"outside"},
      {"name":"pipe","href":"pipe","type":"other","size":0,"mime":"","obstacle":"special"}]})");
  EXPECT_EQ(json, expected);
  EXPECT_EQ(ask("/@/list/list/").body, answer.body);
  EXPECT_EQ(ask("/@/list/list").body, answer.body);
  EXPECT_EQ(ask("/@/list/a%20b.txt").status, 404);
  EXPECT_EQ(ask("/list/bad%FF%0A").status, 200);
}

TEST_F(GatewayTest, BoundsAListingAndSaysSo) {
  options_.listing_entries = 2;
  for (int i = 0; i < 5; ++i) folder_.write("many/" + std::to_string(i), "");
  const auto json = nlohmann::json::parse(ask("/@/list/many/").body);
  EXPECT_EQ(json["entries"].size(), 2U);
  EXPECT_EQ(json["total"], 5);
  EXPECT_EQ(json["truncated"], true);
  EXPECT_THAT(ask("/many/").body, HasSubstr("5 entries are in this folder; the first 2 are shown"));
}

TEST_F(GatewayTest, KeepsAssetsForEverOnlyUnderTheirHash) {
  const std::string page = ask("/").body;
  const std::size_t at = page.find("/@/assets/directory-");
  ASSERT_NE(at, std::string::npos);
  const std::string url = page.substr(at, page.find('"', at) - at);
  const Answer hashed = ask(url);
  EXPECT_EQ(hashed.status, 200);
  EXPECT_THAT(hashed.field("Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(hashed.field("Content-Type"), "text/css; charset=utf-8");
  const Answer plain = ask("/@/assets/directory.css");
  EXPECT_EQ(plain.body, hashed.body);
  EXPECT_EQ(plain.field("Cache-Control"), "no-cache");
  EXPECT_EQ(ask("/@/assets/directory.css", {{"If-None-Match", plain.field("ETag")}}).status, 304);
  EXPECT_EQ(ask("/@/assets/directory-0000000000000000.css").status, 404);
}

TEST_F(GatewayTest, ServesTheBuiltSiteOnlyFromTheServersOwnCopy) {
  options_.site_file = [](std::string_view path) -> std::optional<std::string_view> {
    if (path == "index.html") return "<ours>";
    if (path == "page-0123456789abcdef.js") return "ours()";
    return std::nullopt;
  };
  folder_.write(".owndir/.dist/index.html", "<theirs>");
  folder_.write(".owndir/.dist/evil.html", "<theirs>");
  const Answer index = ask("/.owndir/.dist/index.html");
  EXPECT_EQ(index.body, "<ours>");
  EXPECT_EQ(index.field("Cache-Control"), "no-cache");
  EXPECT_EQ(index.field("Content-Security-Policy"), "");
  EXPECT_EQ(ask("/.owndir/.dist/").body, "<ours>");
  EXPECT_EQ(ask("/.owndir/.dist").field("Location"), ".dist/");
  EXPECT_THAT(ask("/.owndir/.dist/page-0123456789abcdef.js").field("Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(ask("/.owndir/.dist/evil.html").status, 404);
  EXPECT_EQ(ask("/.owndir/").status, 200);
}

TEST_F(GatewayTest, TellsItsNameAndVersion) {
  const auto info = nlohmann::json::parse(ask("/@/info").body);
  EXPECT_EQ(info["name"], "Anna's <folder>");
  EXPECT_EQ(info["version"], OWNDIR_VERSION);
}

}  // namespace
}  // namespace owndir::gateway
