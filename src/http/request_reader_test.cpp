#include "http/request_reader.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace owndir::http {
namespace {

using namespace std::string_literals;

struct Refused {
  std::string input;
  std::uint16_t status;
  std::string says;
};

TEST(RequestReader, RefusesWhatTwoParsersCouldReadDifferently) {
  const std::vector<Refused> table = {
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400,
       "more than one Content-Length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nx", 400, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
       "Transfer-Encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "chunked"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501, "chunked"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
       "chunked\r\n\r\n",
       400, ""},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400, ""},
      {"GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "more than one Host"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "not a host name"},
      {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "not a host name"},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "not a host name"},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "different hosts"},
      {"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not a path"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not a path"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not a path"},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "OPTIONS"},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501, "no proxy"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", 400, "folded"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tfolded\r\n\r\n", 400, "folded"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"},
      {"GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400, "CR LF"},
      {"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400, "CR LF"},
      {"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", 400, "lone CR"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400, "NUL"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01"
       "b\r\n\r\n",
       400, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, ""},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
      {"GET /\r\n\r\n", 400, ""},
      {"\x16\x03\x01\x02", 400, "http://"},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417, "100-continue"},
      {"GET /" + std::string(17000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "too long"},
      {"GET /" + std::string(17000, 'a'), 414, "too long"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(50000, 'a') + "\r\n\r\n", 431, "too long"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(70000, 'a'), 431, "too long"},
      {"GET / HTTP/1.1\r\nHost: a\r\n" + std::string(300, 'x') + ": a\r\n\r\n", 431, "too long"},
  };
  for (const Refused& row : table) {
    RequestReader reader;
    std::string_view input = row.input;
    const auto taken = reader.take_head(input);
    SCOPED_TRACE(row.input.substr(0, 90));
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().status, row.status) << taken.error().text;
    EXPECT_NE(taken.error().text.find(row.says), std::string::npos) << taken.error().text;
  }
}

TEST(RequestReader, RefusesTooManyFields) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 256; ++i) head += "X: 1\r\n";
  head += "\r\n";
  RequestReader reader;
  std::string_view input = head;
  const auto taken = reader.take_head(input);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().status, 431);
}

TEST(RequestReader, KeepsOrderCaseDuplicatesAndForeignBytesOfFields) {
  const std::string raw =
      "GET /p?q=%20 HTTP/1.1\r\nhOST: a:1\r\nX-b: 1\r\nAccept: */*\r\nx-B:  2 \r\nX-Raw: \xff\xe4\r\nX-b:\r\n\r\nrest";
  RequestReader reader;
  std::string_view input = raw;
  const auto taken = reader.take_head(input);
  ASSERT_TRUE(taken.has_value() && taken->has_value());
  const exchange::Fields expected = {{"hOST", "a:1"}, {"X-b", "1"},          {"Accept", "*/*"},
                                     {"x-B", "2"},    {"X-Raw", "\xff\xe4"}, {"X-b", ""}};
  EXPECT_EQ((*taken)->head.fields, expected);
  EXPECT_EQ((*taken)->head.target, "/p?q=%20");
  EXPECT_EQ(input, "rest");
  EXPECT_TRUE((*taken)->keep_alive);
  EXPECT_FALSE((*taken)->has_body);
}

TEST(RequestReader, RemovesWhatBelongsToTheConnectionOnly) {
  const std::string raw =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, host, content-length\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: "
      "trailers\r\n"
      "Upgrade: h2c\r\nProxy-Connection: x\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n";
  RequestReader reader;
  std::string_view input = raw;
  const auto taken = reader.take_head(input);
  ASSERT_TRUE(taken.has_value() && taken->has_value());
  const exchange::Fields expected = {{"Host", "a"}, {"X-End", "2"}, {"Content-Length", "0"}};
  EXPECT_EQ((*taken)->head.fields, expected);
  EXPECT_FALSE((*taken)->keep_alive);
  EXPECT_FALSE((*taken)->websocket);
}

TEST(RequestReader, KeepsControlsInValuesByBrowsersRulesAndNowhereElse) {
  const HeadLimits limits{.as_browsers = true};
  const std::string raw = "GET / HTTP/1.1\r\nHost: a\r\nX: \x0b\x0c \x01:\x7f\r\nY:\x1f\r\nZ: plain\r\n\r\n";
  RequestReader reader(limits);
  std::string_view input = raw;
  const auto taken = reader.take_head(input);
  ASSERT_TRUE(taken.has_value() && taken->has_value());
  const exchange::Fields expected = {{"Host", "a"}, {"X", "\x0b\x0c \x01:\x7f"}, {"Y", "\x1f"}, {"Z", "plain"}};
  EXPECT_EQ((*taken)->head.fields, expected);
  for (const std::string& hostile :
       {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"s, "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n"s,
        "GET / HTTP/1.1\r\nHost: a\x0b\r\n\r\n"s, "GET / HTTP/1.1\r\nHost: a\r\nX\x0b: b\r\n\r\n"s,
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\x0b: folded\r\n\r\n"s,
        "GET / HTTP/1.1\r\nHost: a\nX: \x01\r\n\r\n"s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\x0b\r\n\r\nx"s,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n"s,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x01\r\n\r\n"s}) {
    RequestReader strict(limits);
    std::string_view rest = hostile;
    EXPECT_FALSE(strict.take_head(rest).has_value()) << hostile;
  }
}

TEST(RequestReader, ReducesAbsoluteFormToOriginForm) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"http://a:1/x?y", "/x?y"}, {"HTTP://A:1", "/"}, {"http://a:1?q", "/?q"}, {"/plain", "/plain"}};
  for (const auto& [target, expected] : table) {
    const std::string raw = "GET " + target + " HTTP/1.1\r\nHost: a:1\r\n\r\n";
    RequestReader reader;
    std::string_view input = raw;
    const auto taken = reader.take_head(input);
    ASSERT_TRUE(taken.has_value() && taken->has_value()) << target;
    EXPECT_EQ((*taken)->head.target, expected);
  }
}

TEST(RequestReader, ReadsTheSameInEveryFragmentation) {
  const std::string raw =
      "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4;x=\"y\"\r\nwiki\r\n5\r\npedia\r\n0\r\nTrailer: t\r\n\r\n"
      "POST /empty HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t step = 1; step < raw.size(); ++step) {
    RequestReader reader;
    std::string buffer;
    std::string body;
    std::vector<std::string> targets;
    bool in_body = false;
    for (std::size_t at = 0; at < raw.size(); at += step) {
      buffer += raw.substr(at, step);
      for (bool progress = true; progress;) {
        std::string_view input = buffer;
        if (in_body) {
          ASSERT_TRUE(reader.take_body(input, body));
          in_body = !reader.body_done();
          progress = !in_body;
        } else {
          const auto taken = reader.take_head(input);
          ASSERT_TRUE(taken.has_value()) << taken.error().text;
          progress = taken->has_value();
          if (progress) {
            targets.push_back((*taken)->head.target);
            EXPECT_FALSE((*taken)->head.fields.contains("Transfer-Encoding"));
            in_body = (*taken)->has_body;
          }
        }
        buffer.erase(0, buffer.size() - input.size());
      }
    }
    EXPECT_EQ(targets, (std::vector<std::string>{"/a", "/empty", "/b"})) << step;
    EXPECT_EQ(body, "wikipedia") << step;
  }
}

TEST(RequestReader, RefusesBrokenChunks) {
  for (const std::string chunk :
       {"zz\r\n", "-1\r\n", "4\r\nwikiX\r\n", "ffffffffffffffffff\r\n", "\r\n", " 4\r\nwiki\r\n", "4\nwiki"}) {
    const std::string raw =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n    ";
    RequestReader reader;
    std::string_view input = raw;
    ASSERT_TRUE(reader.take_head(input).has_value());
    std::string body;
    EXPECT_FALSE(reader.take_body(input, body) && reader.body_done()) << chunk;
  }
}

}  // namespace
}  // namespace owndir::http
