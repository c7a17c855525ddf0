// The gateway's pure functions, as tables.

#include <gtest/gtest.h>

#include "base/media_type.hpp"
#include "gateway/conditions.hpp"
#include "gateway/listing.hpp"
#include "gateway/ranges.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

TEST(Ranges, FollowTheTable) {
  using Kind = RangeSet::Kind;
  struct Row {
    std::string field;
    std::uint64_t size;
    Kind kind;
    std::vector<Range> parts;
  };
  std::string many = "bytes=0-0";
  for (int i = 0; i < 64; ++i) many += ",0-0";
  const std::vector<Row> table = {
      {"bytes=0-0", 10, Kind::partial, {{0, 0}}},
      {"BYTES=0-", 10, Kind::partial, {{0, 9}}},
      {"bytes=-3", 10, Kind::partial, {{7, 9}}},
      {"bytes=-30", 10, Kind::partial, {{0, 9}}},
      {"bytes=5-99", 10, Kind::partial, {{5, 9}}},
      {"bytes=5-99999999999999999999999", 10, Kind::partial, {{5, 9}}},
      {"bytes= 1-2 ,, 5-6", 10, Kind::partial, {{1, 2}, {5, 6}}},
      {"bytes=5-6,1-2", 10, Kind::partial, {{5, 6}, {1, 2}}},
      {"bytes=1-4,3-6", 10, Kind::partial, {{1, 6}}},
      {"bytes=3-4,1-2", 10, Kind::partial, {{1, 4}}},
      {"bytes=0-1,4-5,8-9,1-8", 10, Kind::partial, {{0, 9}}},
      {"bytes=0-1,20-30", 10, Kind::partial, {{0, 1}}},
      {"bytes=10-", 10, Kind::unsatisfiable, {}},
      {"bytes=-0", 10, Kind::unsatisfiable, {}},
      {"bytes=0-", 0, Kind::unsatisfiable, {}},
      {"bytes=-1", 0, Kind::unsatisfiable, {}},
      {"bytes=99999999999999999999999-", 10, Kind::unsatisfiable, {}},
      {"bytes=4-2", 10, Kind::whole, {}},
      {"bytes=", 10, Kind::whole, {}},
      {"bytes=-", 10, Kind::whole, {}},
      {"bytes=a-b", 10, Kind::whole, {}},
      {"bytes=1", 10, Kind::whole, {}},
      {"bytes=1-2-3", 10, Kind::whole, {}},
      {"bytes=+1-2", 10, Kind::whole, {}},
      {"bytes=1-2,x", 10, Kind::whole, {}},
      {"lines=1-2", 10, Kind::whole, {}},
      {"", 10, Kind::whole, {}},
      {many, 10, Kind::whole, {}},
  };
  for (const Row& row : table) {
    const RangeSet set = parse_ranges(row.field, row.size);
    EXPECT_EQ(set.kind, row.kind) << row.field;
    EXPECT_EQ(set.parts, row.parts) << row.field;
  }
}

TEST(HttpDate, GoesBothWays) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date(http_date(0)), 0);
  EXPECT_EQ(parse_http_date(http_date(4102444799)), 4102444799);
  EXPECT_EQ(parse_http_date(http_date(951782400)), 951782400);  // 29 February
  for (const char* bad :
       {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(bad).has_value()) << bad;
}

TEST(MediaType, FollowsTheTable) {
  const std::vector<std::pair<std::string, std::string>> table = {{"a.txt", "text/plain; charset=utf-8"},
                                                                  {"a.HTML", "text/html; charset=utf-8"},
                                                                  {"a/b.c/x.wasm", "application/wasm"},
                                                                  {"a.woff2", "font/woff2"},
                                                                  {"a.pdf", "application/pdf"},
                                                                  {"a.md", "text/markdown; charset=utf-8"},
                                                                  {"a.tar.gz", "application/gzip"},
                                                                  {"README", "text/plain; charset=utf-8"},
                                                                  {"a.mp4", "video/mp4"},
                                                                  {"a.webm", "video/webm"},
                                                                  {"a.7z", "application/x-7z-compressed"},
                                                                  {"a.zst", "application/zstd"},
                                                                  {"a.3gp", "video/3gpp"},
                                                                  {".bashrc", ""},
                                                                  {"a.", ""},
                                                                  {"a", ""},
                                                                  {"a.unknownextension12345", ""},
                                                                  {"a.js", "text/javascript; charset=utf-8"},
                                                                  {"a.jpeg", "image/jpeg"},
                                                                  {"a.mjs", "text/javascript; charset=utf-8"}};
  for (const auto& [name, type] : table) EXPECT_EQ(media_type(name), type) << name;
  EXPECT_EQ(sniffed_media_type("plain\ntext \xc3\xa4"), "text/plain; charset=utf-8");
  EXPECT_EQ(sniffed_media_type(std::string_view("a\0b", 3)), "application/octet-stream");
  EXPECT_EQ(sniffed_media_type(""), "application/octet-stream");
}

TEST(NaturalOrder, IsWhatPeopleExpect) {
  const std::vector<std::string> sorted = {"",    "1",   "2", "10",      "a",      "A1",       "a2",
                                           "a2b", "a10", "b", "file 01", "file 2", "file 010", "z"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j)
      EXPECT_EQ(natural_less(sorted[i], sorted[j]), i < j) << sorted[i] << " " << sorted[j];
  }
  EXPECT_NE(natural_less("a01", "a1"), natural_less("a1", "a01"));  // a total order
}

TEST(Utf8, ReplacesWhatIsNot) {
  const std::string bad = "\xef\xbf\xbd";
  const std::vector<std::pair<std::string, std::string>> table = {
      {"aä€😀", "aä€😀"},
      {"\xff", bad},
      {"\xc3", bad},
      {"\xc0\x80", bad + bad},
      {"\xed\xa0\x80", bad + bad + bad},
      {"\xf4\x90\x80\x80", bad + bad + bad + bad},
      {"a\xe2\x82", "a" + bad + bad},
  };
  for (const auto& [bytes, text] : table) EXPECT_EQ(to_utf8(bytes), text);
}

TEST(Target, IsDecodedExactlyOnce) {
  const auto target = parse_target("/a%2520b/%C3%A4/?x=%41&flag&y=");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path.str(), "a%20b/ä");
  EXPECT_TRUE(target->directory);
  EXPECT_EQ(target->parameter("x"), "A");
  EXPECT_EQ(target->parameter("flag"), "");
  EXPECT_TRUE(target->has_parameter("y"));
  EXPECT_FALSE(target->has_parameter("z"));
  EXPECT_EQ(url_path(target->path, true), "/a%2520b/%C3%A4/");
}

}  // namespace
}  // namespace owndir::gateway
