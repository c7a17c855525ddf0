#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/embedded.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/utf8.hpp"

namespace owndir {
namespace {

TEST(Bytes, BecomeLowerCaseHexadecimal) {
  EXPECT_EQ(to_hex(as_bytes(std::string_view("\x00\x0f\xa5\xff", 4))), "000fa5ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Random, GivesTheAskedLengthAndNotTheSameTwice) {
  const std::string first = system_random().hex(8), second = system_random().hex(8);
  EXPECT_EQ(first.size(), 16U);
  EXPECT_NE(first, second);
}

TEST(Printable, KeepsTextFromForgingLinesOrMovingTheCursor) {
  EXPECT_EQ(printable("plain text"), "plain text");
  EXPECT_EQ(printable("a\nb\x1b[2J\\"), "a\\x0ab\\x1b[2J\\x5c");
  EXPECT_EQ(printable(std::string(200, 'x')), std::string(120, 'x') + "…");
}

TEST(Utf8, IsToldFromWhatIsNot) {
  for (const char* good : {"", "a", "plain text of more than a word", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\xb1",
                           "eight by\xc3\xa4", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff",
                          "plain text of more than a word\xe4", "12345678\xc3"})
    EXPECT_FALSE(is_utf8(bad)) << to_hex(as_bytes(bad));
  EXPECT_TRUE(is_utf8(std::string_view("\0\0", 2)));
}

TEST(Utf8, IsCutBetweenSequences) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("abcd", 3), "abc");
  EXPECT_EQ(cut_utf8("ab\xc3\xa4", 3), "ab");
  EXPECT_EQ(cut_utf8("\x80\x80\x80", 1), "");
}

TEST(Log, RefusesALevelThatIsNone) {
  EXPECT_FALSE(set_log_level("loud"));
  EXPECT_TRUE(set_log_level("off"));
  EXPECT_TRUE(set_log_level("info"));
}

TEST(Error, SaysContextThenMessage) {
  EXPECT_EQ((Error{make_error_code(Errc::replay), "offer 1"}.to_string()), "offer 1: replayed");
  EXPECT_EQ((Error{make_error_code(Errc::replay), ""}.to_string()), "replayed");
  for (int code = 1; code <= static_cast<int>(Errc::internal); ++code)
    EXPECT_NE(errc_category().message(code), "unknown error") << code;
}

TEST(Embedded, FindsThePageAndNothingElse) {
  const auto page = embedded_file("index.html");
  ASSERT_TRUE(page);
  EXPECT_NE(page->find("<!doctype html>"), page->npos);
  EXPECT_FALSE(embedded_file("no-such-file"));
}

}  // namespace
}  // namespace owndir
