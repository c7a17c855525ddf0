#pragma once
// For tests: a gateway over a temporary folder, asked and answered to the end of the body.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "gateway/gateway.hpp"
#include "gateway/test_folder.hpp"

namespace owndir::gateway {

using exchange::Fields;
using exchange::Request;
using exchange::Response;

struct Answer {
  std::uint16_t status = 0;
  Fields fields;
  std::string body;
  bool body_broke = false;

  std::string field(std::string_view name) const { return std::string(fields.get(name).value_or("")); }
};

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    options_.name = "Anna's <folder>";
    folder_.write("a b.txt", "hello");
    folder_.write("photos/page.html", "<h1>");
    folder_.write("photos/pic.jpg", "jpeg");
  }
  ~GatewayTest() override { files_.join(); }

  Answer ask(std::string target, Fields fields = {}, std::string method = "GET") {
    if (!gateway_) gateway_ = make_gateway(folder_.open(), files_, options_);
    Answer answer;
    Request request;
    request.head = {std::move(method), std::move(target), std::move(fields)};
    asio::io_context io;
    asio::co_spawn(io, run(*this, std::move(request), answer), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return answer;
  }

  static void expect_same(const Response& now, const Response& later) {
    EXPECT_EQ(now.head.status, later.head.status);
    const bool parts = now.head.fields.get("Content-Type").value_or("").starts_with("multipart/");
    if (!parts) {  // whose boundary is random
      EXPECT_EQ(now.head.fields, later.head.fields);
    }
    ASSERT_EQ(now.body == nullptr, later.body == nullptr);
    if (!now.body) return;
    const auto all = now.body->at_hand();
    const auto same = later.body->at_hand();
    ASSERT_EQ(all.has_value(), same.has_value());
    if (all) {
      EXPECT_EQ(as_text(*all), as_text(*same));
    }
  }

  static Awaitable<void> run(GatewayTest& self, Request request, Answer& answer) {
    const bool head = request.head.method == "HEAD";
    // What is answered at once must be what `handle` answers.
    const auto now = self.gateway_->answer_now(request.head);
    self.answered_now += now ? 1 : 0;
    Result<Response> response = co_await self.gateway_->handle(std::move(request));
    if (!response) co_return;
    answer.status = response->head.status;
    answer.fields = response->head.fields;
    EXPECT_TRUE(response->body == nullptr || !exchange::is_bodiless(head ? "HEAD" : "GET", answer.status));
    if (now) expect_same(*now, *response);
    if (self.before_body) self.before_body();
    while (response->body) {
      const Result<Bytes> piece = co_await response->body->read(7000);
      answer.body_broke = !piece;
      if (!piece || piece->empty()) break;
      answer.body += as_text(*piece);
    }
  }

  TestFolder folder_;
  asio::thread_pool files_{2};
  GatewayOptions options_;
  std::unique_ptr<exchange::Handler> gateway_;
  std::function<void()> before_body;
  int answered_now = 0;
};

}  // namespace owndir::gateway
