// The localhost side as it runs: socket, guard, gateway, folder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/gateway.hpp"
#include "gateway/local_guard.hpp"
#include "gateway/test_folder.hpp"
#include "http/test_socket_client.hpp"

namespace owndir::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Says one word.
class Greeting final : public exchange::SocketSession {
 public:
  Awaitable<void> run(exchange::WebSocket& socket) override {
    exchange::SocketMessage hello{true, to_bytes("hello")};
    co_await socket.send(std::move(hello));
  }
};

class LocalStack : public ::testing::Test {
 protected:
  LocalStack() {
    folder_.write("a.txt", "hello");
    GatewayOptions options;
    options.name = "Home";
    options.folder_session = [] { return std::make_unique<Greeting>(); };
    gateway_ = make_gateway(folder_.open(), files_, options);
    GuardOptions guard;
    guard.hosts = {"127.0.0.1"};
    guard_ = LocalGuard::create(*gateway_, guard);
    http::ServerLimits limits;
    limits.body_piece = 16384;
    server_ = std::make_unique<http::TestServer>(*guard_, limits);
    guard_->set_port(server_->port());
  }
  ~LocalStack() override {
    server_->stop();
    files_.join();
  }

  std::string get(std::string_view target, std::string_view fields = "Connection: close\r\n") {
    http::RawClient client(server_->port(), 4096);
    client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: " + host() + "\r\n" + std::string(fields) + "\r\n");
    return client.read_to_end();
  }
  /// The head of the answer to a request for a WebSocket.
  std::string open_socket(http::RawClient& client, std::string_view target, std::string_view origin,
                          std::string_view cookie) {
    std::string fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    if (!origin.empty()) fields.append("Origin: ").append(origin).append("\r\n");
    if (!cookie.empty()) fields.append("Cookie: ").append(cookie).append("\r\n");
    client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: " + host() + "\r\n" + fields +
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    return client.read_until("\r\n\r\n");
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }

  TestFolder folder_;
  asio::thread_pool files_{2};
  std::unique_ptr<exchange::Handler> gateway_;
  std::unique_ptr<LocalGuard> guard_;
  std::unique_ptr<http::TestServer> server_;
};

TEST_F(LocalStack, ServesTheFolder) {
  EXPECT_THAT(get("/a.txt"), ::testing::AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), ::testing::EndsWith("\r\n\r\nhello")));
  EXPECT_THAT(get("/"), HasSubstr("<a href=\"a.txt\">"));
  EXPECT_THAT(get("http://" + host() + "/a.txt"), StartsWith("HTTP/1.1 200"));
}

TEST_F(LocalStack, AnswersManyRequestsOfOneConnectionWithWhatIsThereThen) {
  http::RawClient client(server_->port());
  const std::string request = "GET /a.txt HTTP/1.1\r\nHost: " + host() + "\r\n\r\n";
  std::string many;
  for (int i = 0; i < 200; ++i) many += request;
  client.send(many);
  for (int i = 0; i < 200; ++i) {
    const std::string answer = client.read_until("\r\n\r\nhello");
    ASSERT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    ASSERT_EQ(answer.find("HTTP/1.1", 1), answer.npos);
  }
  folder_.write("a.txt", "HELLO");
  client.send(request);
  EXPECT_THAT(client.read_until("\r\n\r\nHELLO"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(get("/a.txt", "Sec-Fetch-Site: cross-site\r\nConnection: close\r\n"), StartsWith("HTTP/1.1 403"));
}

TEST_F(LocalStack, SendsLargeFilesAndTheirRangesWhole) {
  std::string content;
  for (int i = 0; content.size() < 3'000'000; ++i) content += std::to_string(i) + "\n";
  folder_.write("large.txt", content);
  const auto body = [](const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); };
  EXPECT_TRUE(body(get("/large.txt")) == content);
  EXPECT_TRUE(body(get("/large.txt", "Range: bytes=1000001-2999999\r\nConnection: close\r\n")) ==
              content.substr(1'000'001, 1'999'999));
  const std::string parts = get("/large.txt", "Range: bytes=5-700000,900000-1900000\r\nConnection: close\r\n");
  EXPECT_THAT(parts, HasSubstr(content.substr(5, 699'996) + "\r\n--owndir-"));
  EXPECT_THAT(parts, HasSubstr("\r\n\r\n" + content.substr(900'000, 1'000'001) + "\r\n--owndir-"));
}

TEST_F(LocalStack, RefusesARebindingHostInEitherForm) {
  http::RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: evil.example:" + std::to_string(server_->port()) +
              "\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(get("http://evil.example/a.txt"), StartsWith("HTTP/1.1 400"));
}

TEST_F(LocalStack, HidesNoSecondRequestInAFirst) {
  http::RawClient client(server_->port());
  client.send("POST / HTTP/1.1\r\nHost: " + host() +
              "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: " +
              host() + "\r\n\r\n");
  const std::string response = client.read_to_end();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(response.find("hello"), std::string::npos);
}

TEST_F(LocalStack, ResetsTheConnectionWhenAFileIsCutWhileItIsSent) {
  folder_.write("large.bin", std::string(32 << 20, 'x'));
  http::RawClient client(server_->port(), 4096);
  client.send("GET /large.bin HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 33554432\r\n"));
  std::filesystem::resize_file(folder_.path() / "large.bin", 1000);
  const std::string body = client.read_to_end();
  EXPECT_TRUE(client.was_reset());
  EXPECT_LT(body.size(), 32U << 20);
}

TEST_F(LocalStack, OpensAWebSocketForItsOwnSignedInPageOnly) {
  const std::string link = get(guard_->make_login_target());
  const std::size_t from = link.find("Set-Cookie: ") + 12;
  const std::string cookie = link.substr(from, link.find(';', from) - from), origin = "http://" + host();
  const auto ask = [&](std::string_view target, std::string_view page, std::string_view presented) {
    http::RawClient client(server_->port());
    return open_socket(client, target, page, presented);
  };
  EXPECT_THAT(ask("/@/fs", origin, ""), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("/@/fs", "", cookie), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("/@/fs", "null", cookie), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("/@/fs", "http://evil.example", cookie), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask("/a.txt", origin, cookie), StartsWith("HTTP/1.1 404 "));
  http::RawClient client(server_->port());
  EXPECT_THAT(open_socket(client, "/@/fs", origin, cookie), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(client.read_bytes(7), http::server_frame(http::kText, "hello"));
}

TEST_F(LocalStack, LetsABrowserInByTheLinkOnce) {
  const std::string link = guard_->make_login_target();
  const std::string response = get(link);
  EXPECT_THAT(response, StartsWith("HTTP/1.1 303"));
  EXPECT_THAT(response, HasSubstr("Set-Cookie: owndir-session-"));
  EXPECT_THAT(get(link), StartsWith("HTTP/1.1 403"));
}

}  // namespace
}  // namespace owndir::gateway
