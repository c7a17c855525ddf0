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
Taken take(std::string_view wire, std::size_t step, bool head_request = false, HeadLimits limits = {}) {
  ResponseReader reader(head_request, limits);
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

TEST(ResponseReader, TakesWhatBrowsersTakeInPiecesOfAnySizeOnlyWhereItIsToldTo) {
  const struct {
    const char* wire;
    std::uint16_t status;
    exchange::Fields fields;
    const char* body;
  } cases[] = {
      {"HTTP/1.1 200 OK\nX: a\nContent-Length: 2\n\nhi", 200, {{"X", "a"}, {"Content-Length", "2"}}, "hi"},
      {"HTTP/1.0 280 HELLO\r\nX: a\nY: b\r\n\nhi", 280, {{"X", "a"}, {"Y", "b"}}, "hi"},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n", 200, {}, "hi"},
      {"HTTP/1.1 200 OK\r\nX: \x0b\x0c\r\nno field\r\nA B: c\r\nY : d\r\n\r\nhi",
       200,
       {{"X", "\x0b\x0c"}, {"Y", "d"}},
       "hi"},
      {"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\n\t\r\nno field\r\n of course\r\n\r\nhi", 200, {{"X", "a b"}}, "hi"},
      {"HTTP/1.1 103 Early\n\nHTTP/1.1 699 OUT OF RANGE\n\nhi", 699, {}, "hi"},
  };
  for (const auto& [wire, status, fields, body] : cases)
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
      const Taken taken = take(wire, step, false, {.as_browsers = true});
      EXPECT_EQ(taken.fault, "") << wire;
      EXPECT_EQ(taken.status, status) << wire;
      EXPECT_EQ(taken.fields, fields) << wire;
      EXPECT_EQ(taken.body, body) << wire;
      EXPECT_NE(take(wire, step).fault, "") << wire;
    }
}

TEST(ResponseReader, AHeadOfWholeLinesMayEndWithTheConnectionByBrowsersRules) {
  const struct {
    const char* wire;
    bool good;
  } cases[] = {{"HTTP/1.1 200 OK\nX: a\n", true},     {"HTTP/1.1 200 OK\r\nX: a\r\n", true},
               {"HTTP/1.1 200 OK\r\nX: a", false},    {"HTTP/1.1 200 OK", false},
               {"HTTP/1.1 100 Continue\r\n", false},  {"HTTP/1.1 101 Switching\r\n", false},
               {"HTTP/1.1 103 Early\r\n\r\n", false}, {"", false}};
  for (const auto& [wire, good] : cases)
    for (const bool as_browsers : {true, false}) {
      ResponseReader reader(false, {.as_browsers = as_browsers}, true);
      std::string_view rest = wire;
      ASSERT_FALSE(reader.take_head(rest).value_or(std::nullopt)) << wire;
      const auto head = reader.take_head(rest, true);
      EXPECT_EQ(head && *head, good && as_browsers) << wire;
      if (!head || !*head) continue;
      EXPECT_FALSE(reader.can_be_reused()) << wire;
      EXPECT_TRUE(reader.finish()) << wire;
    }
  ResponseReader reader(false, {.as_browsers = true});
  std::string_view rest = "HTTP/1.1 200 OK\nContent-Length: 1\n";
  EXPECT_TRUE(*reader.take_head(rest, true));
  EXPECT_FALSE(reader.finish()) << "a body that was promised is missing";
}

TEST(ResponseReader, BrowsersRulesDoNotReachAsFarAsWhatTwoParsersWouldReadDifferently) {
  using namespace std::string_literals;
  for (const std::string& wire :
       {"HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n"s, "HTTP/1.1 200 OK\r\r\nX: a\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n"s, "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"s, "HTTP/1.1 200 O\x01K\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n X: a\r\n\r\n"s, "\nHTTP/1.1 200 OK\r\n\r\n"s, "HTTP/1.1 99 OK\r\n\r\n"s,
        "HTTP/1.1 1000 OK\r\n\r\n"s, "HTTP/1.1 20 OK\r\n\r\n"s, "HTTP/2.0 200 OK\r\n\r\n"s,
        "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\nx"s, "HTTP/1.1 200 OK\nContent-Length: 1\n 2\n\nx"s,
        "HTTP/1.1 200 OK\nContent-Length: 1\x0b\n\nx"s,
        "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\n1\r\nx\r\n0\r\n\r\n"s,
        "HTTP/1.1 200 OK\nTransfer-Encoding: \x0b"
        "chunked\n\n0\r\n\r\n"s})
    for (const std::size_t step : {std::size_t{1}, std::size_t{4096}})
      EXPECT_NE(take(wire, step, false, {.as_browsers = true}).fault, "") << wire;
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
  const HeadLimits limits{.as_browsers = true};
  EXPECT_NE(take("HTTP/1.1 200 OK\nX: a\n" + std::string(70'000, ' '), 4096, false, limits).fault, "");
  std::string folded = "HTTP/1.1 200 OK\nX: a\n";
  while (folded.size() < 60'000) folded += " " + std::string(200, 'a') + "\n";
  EXPECT_NE(take(folded + "\n", 4096, false, limits).fault, "") << "a value beyond its limit, by folding";
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
