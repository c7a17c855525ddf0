#include "tunnel/connection.hpp"

#include <gtest/gtest.h>

#include "tunnel/connection_fixture.hpp"

namespace owndir::tunnel {
namespace {

using exchange::Request;
using exchange::Response;

TEST_F(ConnectionTest, ARequestWithoutBodyIsAnswered) {
  handler.answer = [](const Request& request) {
    Response response = exchange::text_response(200, request.head.method + " " + request.head.target);
    response.head.reason = "Fine by me";
    response.head.fields.add("X-Bytes", "\xe9\xff");
    return response;
  };
  connect();
  const Fetched got = fetch("GET", "/a?b");
  EXPECT_EQ(got.head.status, 200);
  EXPECT_EQ(got.head.reason, "Fine by me");
  EXPECT_EQ(got.head.fields.get("x-bytes"), "\xe9\xff");
  EXPECT_EQ(got.body, "GET /a?b");
}

}  // namespace
}  // namespace owndir::tunnel
