#include "http/response_plan.hpp"

#include <gtest/gtest.h>

namespace owndir::http {
namespace {

class Stream final : public exchange::BodySource {
 public:
  Awaitable<Result<Bytes>> read(std::size_t) override { co_return Bytes(); }
};

exchange::Response with(std::uint16_t status, exchange::Fields fields, exchange::Body body) {
  exchange::Response response;
  response.head = {status, "Any Words", std::move(fields)};
  response.body = std::move(body);
  return response;
}

TEST(ResponsePlan, KeepsReasonOrderCaseAndDuplicates) {
  const auto response = with(299, {{"x-B", "1"}, {"A", "\xff"}, {"x-b", "2"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}},
                             exchange::make_body("hi"));
  const auto plan = plan_response(response, "GET", true, true);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->head,
            "HTTP/1.1 299 Any Words\r\nx-B: 1\r\nA: \xff\r\nx-b: 2\r\nSet-Cookie: a\r\nSet-Cookie: "
            "b\r\nContent-Length: 2\r\n\r\n");
  EXPECT_FALSE(plan->close);
}

TEST(ResponsePlan, ChoosesHowTheBodyEnds) {
  const auto stream = with(200, {}, std::make_unique<Stream>());
  const auto chunked = plan_response(stream, "GET", true, true);
  EXPECT_TRUE(chunked->chunked && !chunked->close);
  const auto old = plan_response(stream, "GET", false, true);
  EXPECT_TRUE(!old->chunked && old->close);
  EXPECT_NE(old->head.find("Connection: close"), std::string::npos);
  const auto declared =
      plan_response(with(200, {{"content-length", "7"}}, std::make_unique<Stream>()), "GET", true, true);
  EXPECT_EQ(declared->length, 7U);
  const auto none = plan_response(with(200, {}, nullptr), "GET", true, true);
  EXPECT_NE(none->head.find("Content-Length: 0\r\n"), std::string::npos);
}

TEST(ResponsePlan, GivesNoBodyWhereHttpHasNone) {
  for (const auto& [method, status] :
       std::vector<std::pair<std::string, std::uint16_t>>{{"HEAD", 200}, {"GET", 204}, {"GET", 304}}) {
    const auto plan =
        plan_response(with(status, {{"Content-Length", "5"}}, exchange::make_body("hello")), method, true, true);
    ASSERT_TRUE(plan.has_value());
    EXPECT_FALSE(plan->with_body);
    EXPECT_EQ(plan->head.find("Transfer-Encoding"), std::string::npos);
    EXPECT_EQ(plan->head.find("Content-Length: 5") != std::string::npos, status != 204);
  }
}

TEST(ResponsePlan, RemovesHopByHopFields) {
  const auto plan = plan_response(
      with(200, {{"Connection", "x-hop"}, {"X-Hop", "1"}, {"Transfer-Encoding", "chunked"}, {"Upgrade", "a"}}, nullptr),
      "GET", true, true);
  EXPECT_EQ(plan->head, "HTTP/1.1 200 Any Words\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponsePlan, RefusesWhatCannotBeWritten) {
  EXPECT_FALSE(plan_response(with(200, {{"A", "x\r\nB: y"}}, nullptr), "GET", true, true));
  EXPECT_FALSE(plan_response(with(200, {{"A b", "x"}}, nullptr), "GET", true, true));
  EXPECT_FALSE(plan_response(with(100, {}, nullptr), "GET", true, true));
  EXPECT_FALSE(plan_response(with(200, {{"Content-Length", "3"}}, exchange::make_body("hello")), "GET", true, true));
  EXPECT_FALSE(plan_response(
      with(200, {{"Content-Length", "5"}, {"Content-Length", "5"}}, exchange::make_body("hello")), "GET", true, true));
  EXPECT_FALSE(plan_response(with(200, {{"Content-Length", "five"}}, exchange::make_body("hello")), "GET", true, true));
  auto split = with(200, {}, nullptr);
  split.head.reason = "a\r\nB: c";
  EXPECT_FALSE(plan_response(split, "GET", true, true));
}

}  // namespace
}  // namespace owndir::http
