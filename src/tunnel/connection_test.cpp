// Two ends in one process: what a user of Connection sees.
#include "tunnel/connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tunnel/connection_fixture.hpp"
#include "tunnel/frame.hpp"

namespace owndir::tunnel {
namespace {

using exchange::Body;
using exchange::Request;
using exchange::Response;

exchange::Response with_body(Body body) {
  Response response;
  response.body = std::move(body);
  return response;
}

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

Awaitable<Result<Response>> echo(Request request) {
  Response response;
  response.body = std::move(request.body);
  co_return response;
}

TEST_F(ConnectionTest, BodiesStreamBothWaysInBoundedMemory) {
  handler.serve = echo;
  connect();
  constexpr std::uint64_t kSize = 64 << 20;
  auto body = std::make_unique<GeneratedBody>(kSize);
  const auto given = body->given;
  Result<Response> response = run(ask(client, request_to("/", std::move(body))));
  ASSERT_TRUE(response);
  std::uint64_t taken = 0;
  std::uint64_t most = 0;
  bool same = true;
  while (taken < kSize) {
    const Result<Bytes> piece = run(response->body->read(100'000));
    ASSERT_TRUE(piece && !piece->empty());
    for (const std::byte byte : *piece) same = same && byte == body_byte(taken++);
    most = std::max(most, *given - taken);
  }
  EXPECT_TRUE(same);
  EXPECT_TRUE(run(response->body->read(1))->empty());
  EXPECT_LT(most, 2 * Limits().max_credit + (4U << 20)) << "two windows and what the channels hold";
}

TEST_F(ConnectionTest, ManyExchangesRunAtOnce) {
  handler.serve = echo;
  connect();
  std::vector<Awaitable<Fetched>> tasks;
  for (int i = 0; i < 300; ++i) {
    auto body = std::make_unique<GeneratedBody>(static_cast<std::uint64_t>(i) * 1000);
    tasks.push_back(fetch_on(client, request_to("/" + std::to_string(i), std::move(body)), 1 << 20));
  }
  std::size_t bytes = 0;
  for (const Fetched& fetched : run_all(std::move(tasks))) {
    EXPECT_FALSE(fetched.error);
    bytes += fetched.body.size();
  }
  EXPECT_EQ(bytes, 1000U * 299 * 300 / 2);
  settle();
  EXPECT_EQ(server->stats().exchanges_active, 0U);
  EXPECT_EQ(server->stats().exchanges_opened, 300U);
  EXPECT_EQ(server->stats().body_bytes_received, bytes);
}

TEST_F(ConnectionTest, AReaderThatNeverReadsCostsItsWindowAndStopsNobody) {
  std::shared_ptr<std::uint64_t> given;
  handler.answer = [&](const Request& request) {
    if (request.head.target != "/big") return exchange::text_response(200, "small");
    auto body = std::make_unique<GeneratedBody>(1ULL << 40);
    given = body->given;
    return with_body(std::move(body));
  };
  connect();
  Result<Response> stalled = run(ask(client, request_to("/big")));
  ASSERT_TRUE(stalled);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fetch("GET", "/small").body, "small");
  settle();
  EXPECT_EQ(*given, Limits().initial_credit);
  stalled->body.reset();
  settle();
  EXPECT_EQ(server->stats().exchanges_active, 0U);
}

TEST_F(ConnectionTest, ABodyGoesInShortPiecesWhileOtherExchangesBegin) {
  struct Still final : Clock {
    SteadyTime at{std::chrono::hours(1)};
    SteadyTime steady() const override { return at; }
    WallTime wall() const override { return {}; }
  };
  static Still still;  // the fixture's end looks at it too
  constexpr std::size_t kHeld = 4UL << 20;
  handler.answer = [&](const Request& request) {
    if (request.head.target == "/small") return exchange::text_response(200, "small");
    return with_body(std::make_unique<GeneratedBody>(kHeld));
  };
  server_options.clock = &still;
  connect();
  std::size_t largest = 0;
  link->on_deliver = [&](std::size_t, bool from_second, const Bytes& message) {
    if (from_second) largest = std::max(largest, message.size());
    return true;
  };
  Result<Response> response = run(ask(client, request_to("/big")));
  ASSERT_TRUE(response);
  settle();
  const std::size_t alone = std::exchange(largest, 0);
  EXPECT_EQ(alone, kFrameHeader + server_options.data_piece);
  EXPECT_EQ(fetch("GET", "/small").body, "small");
  const Checked beside = run(check(std::move(response->body)));
  EXPECT_TRUE(beside.same && beside.bytes == kHeld);
  EXPECT_LE(largest, alone / 4 + kFrameHeader);
  still.at += std::chrono::seconds(1);
  EXPECT_EQ(fetch("GET", "/big").body.size(), kHeld);
  EXPECT_EQ(largest, alone);
}

TEST_F(ConnectionTest, RequestsWaitForRoomInTheirOrder) {
  server_options.limits.max_exchanges = 4;
  std::vector<std::string> order;
  handler.answer = [&](const Request& request) {
    order.push_back(request.head.target);
    return exchange::text_response(200, "x");
  };
  connect();
  std::vector<Awaitable<Fetched>> tasks;
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back("/" + std::to_string(i));
    tasks.push_back(fetch_on(client, request_to(expected.back()), 10));
  }
  for (const Fetched& fetched : run_all(std::move(tasks))) EXPECT_EQ(fetched.body, "x");
  std::sort(order.begin(), order.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(order, expected);
}

TEST_F(ConnectionTest, TheQueueForRoomIsBounded) {
  server_options.limits.max_exchanges = 1;
  handler.answer = [&](const Request&) { return with_body(std::make_unique<SilentBody>(io.get_executor())); };
  connect();
  TaskGroup group(io.get_executor());
  int limited = 0;
  const auto one = [](std::shared_ptr<Connection> on, int& count) -> Awaitable<void> {
    Request request = request_to("/");
    const Result<Response> response = co_await on->handle(std::move(request));
    if (!response && response.error().is(Errc::limit)) ++count;
  };
  for (int i = 0; i < 1 + 1024 + 7; ++i) group.spawn("test", one(client, limited));
  settle();
  EXPECT_EQ(limited, 7);
  client->close(Error{make_error_code(Errc::cancelled), "enough"});
  run(client->closed());
  settle();
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(ConnectionTest, HeadRequestsHaveNoBody) {
  handler.answer = [](const Request&) { return exchange::text_response(200, "five!"); };
  connect();
  const Fetched got = fetch("HEAD", "/");
  EXPECT_EQ(got.head.fields.get("content-length"), "5");
  EXPECT_EQ(got.body, "");
  EXPECT_FALSE(got.error);
}

TEST_F(ConnectionTest, AHandlerWithoutAnswerBecomes502) {
  handler.serve = [](Request request) -> Awaitable<Result<Response>> {
    if (request.head.target == "/throw") throw std::runtime_error("a bug");
    co_return fail(Errc::internal, "no upstream");
  };
  connect();
  for (const char* target : {"/fail", "/throw"}) EXPECT_EQ(fetch("GET", target).head.status, 502);
}

TEST_F(ConnectionTest, AHeadThatMayNotBeSentBecomes502) {
  handler.answer = [](const Request&) {
    Response response = exchange::text_response(200, "x");
    response.head.fields.add("Evil", "a\r\nb: c");
    return response;
  };
  connect();
  EXPECT_EQ(fetch("GET", "/").head.status, 502);
}

TEST_F(ConnectionTest, ARequestHeadThatMayNotBeSentIsTheCallersError) {
  connect();
  const Fetched got = fetch("GET", "/a b");
  ASSERT_TRUE(got.error);
  EXPECT_TRUE(got.error->is(Errc::malformed));
  const Fetched large = fetch("GET", "/", {}, {{"a", std::string(50000, 'v')}});
  EXPECT_TRUE(large.error->is(Errc::too_large));
  EXPECT_EQ(handler.calls, 0);
}

TEST_F(ConnectionTest, AResponseBodyThatBreaksOffIsNotAShorterOne) {
  handler.answer = [](const Request&) {
    auto body = std::make_unique<GeneratedBody>(1'000'000);
    body->fail_at = 500'000;
    return with_body(std::move(body));
  };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  const Checked checked = run(check(std::move(response->body)));
  EXPECT_TRUE(checked.error);
  EXPECT_TRUE(checked.same);
}

TEST_F(ConnectionTest, ARequestBodyThatBreaksOffIsNotAShorterOne) {
  std::optional<Checked> seen;
  int reading = 0;
  handler.serve = [&](Request request) -> Awaitable<Result<Response>> {
    const std::shared_ptr<int> count(&++reading, [](int* value) { --*value; });
    exchange::Body body = std::move(request.body);
    const Checked checked = co_await check_body(std::move(body), 1000);
    seen = checked;
    co_return fail(Errc::closed, "incomplete");
  };
  connect();
  auto body = std::make_unique<GeneratedBody>(1'000'000);
  body->fail_at = 500'000;
  const Fetched got = fetch("POST", "/", std::move(body));
  EXPECT_TRUE(got.error);
  EXPECT_TRUE(until([&] { return reading == 0; }));
  EXPECT_EQ(handler.calls, 1);
  EXPECT_TRUE(!seen || seen->error);
}

TEST_F(ConnectionTest, ABodyOfAnotherLengthThanAnnouncedBreaksTheExchange) {
  handler.answer = [](const Request& request) {
    auto body = std::make_unique<GeneratedBody>(request.head.target == "/short" ? 99'999 : 100'001);
    Response response = with_body(std::move(body));
    response.head.fields = {{"Content-Length", "100000"}};
    return response;
  };
  connect();
  EXPECT_TRUE(fetch("GET", "/short").error);
  EXPECT_TRUE(fetch("GET", "/long").error);
}

TEST_F(ConnectionTest, AnEarlyAnswerEndsTheUpload) {
  handler.serve = [](Request) -> Awaitable<Result<Response>> { co_return exchange::text_response(403, "no"); };
  connect();
  auto body = std::make_unique<GeneratedBody>(1ULL << 40);
  const auto gone = body->gone;
  const Fetched got = fetch("PUT", "/", std::move(body));
  EXPECT_EQ(got.head.status, 403);
  EXPECT_EQ(got.body, "no");
  EXPECT_FALSE(got.error);
  EXPECT_TRUE(until([&] { return *gone; }));
  EXPECT_EQ(client->stats().exchanges_active, 0U);
}

TEST_F(ConnectionTest, ACancelledCallResetsItsExchange) {
  std::shared_ptr<bool> handler_gone;
  handler.serve = [&](Request) -> Awaitable<Result<Response>> {
    SilentBody silent(io.get_executor());
    handler_gone = silent.gone;
    co_await silent.read(1);
    co_return fail(Errc::internal);
  };
  connect();
  TaskGroup group(io.get_executor());
  const auto one = [](std::shared_ptr<Connection> on) -> Awaitable<void> {
    Request request = request_to("/");
    co_await on->handle(std::move(request));
  };
  const auto task = group.spawn("test", one(client));
  EXPECT_TRUE(until([&] { return handler_gone != nullptr; }));
  EXPECT_FALSE(*handler_gone);
  group.cancel(task);
  EXPECT_TRUE(until([&] { return *handler_gone; }));
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(client->stats().exchanges_active, 0U);
}

TEST_F(ConnectionTest, DroppingAResponseBodyFreesItsSource) {
  std::shared_ptr<bool> gone;
  handler.answer = [&](const Request&) {
    auto body = std::make_unique<SilentBody>(io.get_executor());
    gone = body->gone;
    return with_body(std::move(body));
  };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  ASSERT_TRUE(response && response->body);
  EXPECT_FALSE(*gone);
  response->body.reset();
  EXPECT_TRUE(until([&] { return *gone; }));
}

TEST_F(ConnectionTest, ASourceThatGivesNothingKeepsNobodyWaiting) {
  handler.answer = [&](const Request& request) {
    if (request.head.target == "/silent") return with_body(std::make_unique<SilentBody>(io.get_executor()));
    return with_body(std::make_unique<GeneratedBody>(3'000'000));
  };
  connect();
  std::vector<Response> silent;
  for (int i = 0; i < 100; ++i) {
    Result<Response> response = run(ask(client, request_to("/silent")));
    ASSERT_TRUE(response);
    silent.push_back(std::move(*response));
  }
  std::vector<Awaitable<Fetched>> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(fetch_on(client, request_to("/"), 4 << 20));
  for (const Fetched& fetched : run_all(std::move(tasks))) EXPECT_EQ(fetched.body.size(), 3'000'000U);
}

TEST_F(ConnectionTest, ShuttingDownLetsOpenExchangesFinish) {
  handler.answer = [](const Request&) { return with_body(std::make_unique<GeneratedBody>(5'000'000)); };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  ASSERT_TRUE(response);
  TaskGroup group(io.get_executor());
  const auto down = [](std::shared_ptr<Connection> on) -> Awaitable<void> {
    co_await on->shut_down(std::chrono::seconds(30));
  };
  group.spawn("test", down(server));
  settle();
  const Fetched late = fetch("GET", "/late");
  ASSERT_TRUE(late.error);
  EXPECT_TRUE(late.error->is(Errc::closed));
  EXPECT_NE(late.error->context.find("may be repeated"), std::string::npos);
  const Checked checked = run(check(std::move(response->body)));
  EXPECT_EQ(checked.bytes, 5'000'000U);
  EXPECT_FALSE(checked.error);
  EXPECT_TRUE(run(client->closed()).is(Errc::closed));
  EXPECT_TRUE(run(server->closed()).is(Errc::closed));
  EXPECT_TRUE(until([&] { return group.size() == 0; }));
}

TEST_F(ConnectionTest, ShuttingDownDoesNotWaitForEver) {
  handler.answer = [&](const Request&) { return with_body(std::make_unique<SilentBody>(io.get_executor())); };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  TaskGroup group(io.get_executor());
  const auto down = [](std::shared_ptr<Connection> on) -> Awaitable<void> {
    co_await on->shut_down(std::chrono::milliseconds(20));
  };
  group.spawn("test", down(server));
  EXPECT_TRUE(run(client->closed()).is(Errc::closed));
  EXPECT_TRUE(run(check(std::move(response->body))).error);
  EXPECT_TRUE(until([&] { return group.size() == 0; }));
}

TEST_F(ConnectionTest, LettingGoOfAConnectionEndsIt) {
  handler.answer = [&](const Request&) { return with_body(std::make_unique<SilentBody>(io.get_executor())); };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  client.reset();
  EXPECT_TRUE(run(check(std::move(response->body))).error);
  EXPECT_TRUE(run(server->closed()).is(Errc::closed));
}

}  // namespace
}  // namespace owndir::tunnel
