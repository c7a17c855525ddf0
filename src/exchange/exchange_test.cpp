#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <cerrno>

#include "exchange/handler.hpp"

namespace owndir::exchange {
namespace {

TEST(Fields, KeepOrderCaseAndDuplicates) {
  Fields fields = {{"B", "1"}, {"a", "2"}, {"b", "3"}, {"C", "4"}};
  EXPECT_EQ(fields.get("b"), "1");
  EXPECT_EQ(fields.get("A"), "2");
  EXPECT_FALSE(fields.get("d").has_value());
  fields.add("B", "5");
  EXPECT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields.bytes(), 10U);
  fields.set("b", "6");
  EXPECT_EQ(fields, (Fields{{"B", "6"}, {"a", "2"}, {"C", "4"}}));
  fields.set("d", "7");
  fields.remove("A");
  EXPECT_EQ(fields, (Fields{{"B", "6"}, {"C", "4"}, {"d", "7"}}));
}

TEST(Syntax, FollowsTheTables) {
  for (const char* token : {"GET", "x-b", "!#$%&'*+-.^_`|~09az"}) EXPECT_TRUE(is_token(token)) << token;
  for (const char* token : {"", "a b", "a:", "\xe4", "a\t", "(x)"}) EXPECT_FALSE(is_token(token)) << token;
  for (const char* value : {"", "a b", "\t", "\xff\x80"}) EXPECT_TRUE(is_field_value(value)) << value;
  for (const char* value : {"\r", "a\nb", "\x7f", "\x01"}) EXPECT_FALSE(is_field_value(value)) << value;
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
  for (const char* target : {"/", "/a?b=c&d", "*", "/%20", "/\xff"}) EXPECT_TRUE(is_target(target)) << target;
  for (const char* target : {"", "a", "/a b", "/a#b", "http://a/", "/\x7f", "**", "/\r"})
    EXPECT_FALSE(is_target(target)) << target;
}

TEST(Bodiless, IsByMethodAndStatus) {
  EXPECT_TRUE(is_bodiless("HEAD", 200));
  EXPECT_TRUE(is_bodiless("GET", 204));
  EXPECT_TRUE(is_bodiless("GET", 304));
  EXPECT_TRUE(is_bodiless("GET", 103));
  EXPECT_FALSE(is_bodiless("GET", 200));
  EXPECT_FALSE(is_bodiless("head", 200));
}

TEST(HttpStatus, StandsForEachKindOfError) {
  const auto status = [](std::error_code code) { return http_status(Error{code, ""}); };
  const auto system = [](int code) { return std::error_code(code, std::generic_category()); };
  EXPECT_EQ(status(make_error_code(Errc::not_found)), 404);
  EXPECT_EQ(status(make_error_code(Errc::forbidden)), 403);
  EXPECT_EQ(status(make_error_code(Errc::timeout)), 504);
  EXPECT_EQ(status(system(ENOENT)), 404);
  EXPECT_EQ(status(system(ENOTDIR)), 404);
  EXPECT_EQ(status(system(EACCES)), 403);
  EXPECT_EQ(status(system(EXDEV)), 403);
  EXPECT_EQ(status(system(ELOOP)), 403);
  EXPECT_EQ(status(system(ENAMETOOLONG)), 414);
  EXPECT_EQ(status(system(ENOSPC)), 507);
  EXPECT_EQ(status(system(EMFILE)), 503);
  EXPECT_EQ(status(system(EIO)), 500);
}

TEST(TextResponse, IsComplete) {
  const Response response = text_response(404, "no\n");
  EXPECT_EQ(response.head.reason, "Not Found");
  EXPECT_EQ(response.head.fields.get("content-length"), "3");
  EXPECT_EQ(response.head.fields.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.body->length(), 3U);
}

Result<std::string> read_now(Body body, std::size_t limit) {
  asio::io_context io;
  auto all = asio::co_spawn(io, read_all(std::move(body), limit), asio::use_future);
  io.run();
  return all.get();
}

TEST(Bodies, AreReadToTheirEndOrTheirLimit) {
  EXPECT_EQ(*read_now(nullptr, 10), "");
  EXPECT_EQ(*read_now(make_body("hello"), 5), "hello");
  EXPECT_TRUE(read_now(make_body("hello"), 4).error().is(Errc::too_large));
  EXPECT_EQ(*read_now(make_static_body("hello"), 5), "hello");
  const std::string large(200'000, 'x');
  EXPECT_EQ(*read_now(make_body(large), 1 << 20), large);
}

}  // namespace
}  // namespace owndir::exchange
