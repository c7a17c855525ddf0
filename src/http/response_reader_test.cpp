#include "http/response_reader.hpp"

#include <gtest/gtest.h>

namespace owndir::http {
namespace {

struct Taken {
  std::uint16_t status = 0;
  std::string body, fault;
  bool done = false;
  std::optional<std::uint64_t> length;
  exchange::Fields fields;
};

/// The whole of `wire` in pieces of `step` bytes, then the end of the connection.
Taken take(std::string_view wire, std::size_t step, bool head_request = false) {
  ResponseReader reader(head_request);
  Taken taken;
  std::string received;
  bool in_body = false;
  for (std::size_t at = 0; at < wire.size(); at += step) {
    received += wire.substr(at, step);
    std::string_view rest = received;
    if (!in_body) {
      const auto head = reader.take_head(rest);
      if (!head) {
        taken.fault = head.error().to_string();
        return taken;
      }
      if (*head) {
        in_body = true;
        taken.status = (*head)->status;
        taken.fields = (*head)->fields;
        taken.length = reader.content_length();
      }
    }
    if (in_body)
      if (const auto body = reader.take_body(rest, taken.body); !body) taken.fault = body.error().to_string();
    received.erase(0, received.size() - rest.size());
  }
  if (const auto finished = reader.finish(); !finished && taken.fault.empty())
    taken.fault = finished.error().to_string();
  taken.done = reader.body_done();
  return taken;
}

TEST(ResponseReader, FindsTheBodyByWhateverFramesItInPiecesOfAnySize) {
  const struct {
    const char* wire;
    std::uint16_t status;
    const char* body;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\nTrailer: x\r\n\r\n", 200,
       "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"},
      {"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
      {"HTTP/1.1 204 No Content\r\nowndir-pass: site\r\n\r\n", 204, ""},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 201 Made\r\n"
       "Content-Length: 1\r\n\r\nx",
       201, "x"},
  };
  for (const auto& [wire, status, body] : cases)
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
      const Taken taken = take(wire, step);
      EXPECT_EQ(taken.fault, "") << wire;
      EXPECT_EQ(taken.status, status) << wire;
      EXPECT_EQ(taken.body, body) << wire;
      EXPECT_TRUE(taken.done) << wire;
    }
}

TEST(ResponseReader, KeepsFieldsInOrderWithoutThoseOfTheHop) {
  const Taken taken = take(
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nset-cookie: b=2\r\n"
      "Keep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
      4096);
  const exchange::Fields expected{{"Set-Cookie", "a=1"}, {"set-cookie", "b=2"}, {"Content-Length", "0"}};
  EXPECT_EQ(taken.fields, expected);
}

TEST(ResponseReader, ExpectsNoBodyAfterHead) {
  const Taken taken = take("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 4096, true);
  EXPECT_TRUE(taken.done);
  EXPECT_EQ(taken.fault, "");
  EXPECT_EQ(taken.fields.get("content-length"), "5");
}

TEST(ResponseReader, ACutOrBrokenResponseIsAFault) {
  for (const char* wire :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello6"})
    EXPECT_NE(take(wire, 4096).fault, "") << wire;
}

TEST(ResponseReader, HeadsAreBounded) {
  EXPECT_NE(take("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'), 4096).fault, "");
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 300; ++i) many += "X: 1\r\n";
  EXPECT_NE(take(many + "\r\n", 4096).fault, "");
  std::string interim;
  for (int i = 0; i < 20; ++i) interim += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_NE(take(interim, 4096).fault, "");
}

}  // namespace
}  // namespace owndir::http
