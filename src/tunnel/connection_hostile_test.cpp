// What may go wrong with the other end, or be done by it on purpose.
#include <gtest/gtest.h>

#include <random>

#include "tunnel/connection_fixture.hpp"
#include "tunnel/frame.hpp"

namespace owndir::tunnel {
namespace {

using exchange::Request;
using exchange::Response;
using HostileTest = ConnectionTest;

Response silent(asio::io_context& io) {
  Response response;
  response.body = std::make_unique<SilentBody>(io.get_executor());
  return response;
}

Bytes request_frame(ExchangeId id, bool end) {
  const Frame frame{{FrameType::request, static_cast<std::uint8_t>(end ? 1 : 0), id},
                    exchange::RequestHead{end ? "GET" : "POST", "/", {}}};
  return encode_simple(frame, Limits());
}
Bytes reset_frame(ExchangeId id) {
  return encode_simple({{FrameType::reset, 0, id}, Reset{}}, Limits());
}
Bytes data_frame(ExchangeId id, std::size_t size) {
  const Bytes payload(size);
  return encode_simple({{FrameType::data, 0, id}, Payload{payload}}, Limits());
}

TEST_F(HostileTest, ThePeersDeathFailsEverythingAtOnce) {
  handler.answer = [&](const Request& request) {
    if (request.head.target == "/silent") return silent(io);
    Response response;
    response.body = std::make_unique<GeneratedBody>(1ULL << 40);
    return response;
  };
  connect();
  Result<Response> waiting = run(ask(client, request_to("/silent")));
  Result<Response> flowing = run(ask(client, request_to("/flowing")));
  EXPECT_TRUE(run(flowing->body->read(1000)));
  link->cut();
  EXPECT_TRUE(run(client->closed()).is(Errc::closed));
  EXPECT_TRUE(run(server->closed()).is(Errc::closed));
  EXPECT_TRUE(run(check(std::move(waiting->body))).error);
  EXPECT_TRUE(run(check(std::move(flowing->body))).error);
  EXPECT_TRUE(fetch("GET", "/").error->is(Errc::closed));
}

TEST_F(HostileTest, APeerThatFallsSilentIsFoundOut) {
  client_options.limits.ping_after_ms = 20;
  client_options.limits.dead_after_ms = 60;
  handler.answer = [&](const Request&) { return silent(io); };
  connect();
  Result<Response> response = run(ask(client, request_to("/")));
  link->hold(true);
  EXPECT_TRUE(run(client->closed()).is(Errc::timeout));
  EXPECT_TRUE(run(check(std::move(response->body))).error);
  link->hold(false);
}

TEST_F(HostileTest, AnIdleConnectionStaysUp) {
  client_options.limits.ping_after_ms = 5;
  client_options.limits.dead_after_ms = 10'000;
  handler.answer = [](const Request&) { return exchange::text_response(200, "x"); };
  int pings = 0;
  connect();
  link->on_deliver = [&](std::size_t channel, bool from_second, Bytes& message) {
    pings += channel == 0 && !from_second && message[0] == static_cast<std::byte>(FrameType::ping) ? 1 : 0;
    return true;
  };
  EXPECT_TRUE(until([&] { return pings >= 3; }));
  EXPECT_EQ(fetch("GET", "/").body, "x");
}

TEST_F(HostileTest, AReceiverThatGivesNoCreditLosesItsExchangeOnly) {
  server_options.limits.stall_ms = 30;
  handler.answer = [](const Request& request) {
    Response response;
    response.body = std::make_unique<GeneratedBody>(request.head.target == "/big" ? 1U << 30 : 1000);
    return response;
  };
  connect();
  Result<Response> stalled = run(ask(client, request_to("/big")));
  EXPECT_TRUE(until([&] { return server->stats().exchanges_active == 0; }));
  const Checked checked = run(check(std::move(stalled->body)));
  EXPECT_TRUE(checked.error && checked.error->is(Errc::timeout));
  EXPECT_EQ(fetch("GET", "/small").body.size(), 1000U);
}

/// A clock that stands still, so that nothing is earned back meanwhile.
class StoppedClock final : public Clock {
 public:
  SteadyTime steady() const override { return SteadyTime{std::chrono::hours(1)}; }
  WallTime wall() const override { return {}; }
};

TEST_F(HostileTest, OpeningAndResettingWithoutEndIsStopped) {
  static const StoppedClock stopped;
  server_options.clock = &stopped;
  server_options.limits.opens_per_second = 50;
  int alive = 0;
  handler.serve = [&](Request) -> Awaitable<Result<Response>> {
    SilentBody never(io.get_executor());
    ++alive;
    const std::shared_ptr<int> count(&alive, [](int* value) { --*value; });
    co_await never.read(1);
    co_return fail(Errc::cancelled);
  };
  connect();
  for (ExchangeId id = 1; id <= 100; ++id) {
    link->inject(1, false, request_frame(id, true));
    link->inject(1, false, reset_frame(id));
  }
  EXPECT_TRUE(run(server->closed()).is(Errc::limit));
  EXPECT_EQ(handler.calls, 51);
  EXPECT_EQ(alive, 0);
}

TEST_F(HostileTest, MoreThanItsCreditBreaksTheExchangeOnly) {
  handler.serve = [&](Request request) -> Awaitable<Result<Response>> {
    if (request.head.method == "GET") co_return exchange::text_response(200, "x");
    SilentBody never(io.get_executor());
    co_await never.read(1);  // and the body stays unread
    co_return fail(Errc::cancelled);
  };
  connect();
  bool reset = false;
  link->on_deliver = [&](std::size_t channel, bool from_second, Bytes& message) {
    const bool ours = channel == 4 && from_second && message[0] == static_cast<std::byte>(FrameType::reset);
    reset = reset || ours;
    return !(channel == 4 && from_second);  // the honest client knows nothing of exchange 900
  };
  link->inject(4, false, request_frame(900, false));
  for (int i = 0; i < 3; ++i) link->inject(4, false, data_frame(900, 100'000));
  EXPECT_TRUE(until([&] { return reset; }));
  EXPECT_EQ(fetch("GET", "/").body, "x");
}

TEST_F(HostileTest, TooManyAtOnceAreRefusedAndTheRestGoesOn) {
  server_options.limits.max_exchanges = 3;
  handler.answer = [&](const Request& request) {
    return request.head.target == "/" ? silent(io) : exchange::text_response(200, "x");
  };
  connect();
  int refused = 0;
  link->on_deliver = [&](std::size_t channel, bool from_second, Bytes& message) {
    refused += channel == 4 && from_second && message[0] == static_cast<std::byte>(FrameType::reset) ? 1 : 0;
    return !(channel == 4 && from_second);
  };
  for (ExchangeId id = 900; id < 910; ++id) link->inject(4, false, request_frame(id, true));
  EXPECT_TRUE(until([&] { return refused == 7; }));
  EXPECT_EQ(server->stats().exchanges_active, 3U);
}

TEST_F(HostileTest, APeerThatTakesNoFramesIsDropped) {
  testing::LinkOptions small;
  small.max_buffered = 300 * 1024;
  server_options.limits.opens_per_second = 10'000'000;
  server_options.limits.max_exchanges = 8;
  handler.answer = [](const Request&) { return exchange::text_response(200, "x"); };
  connect(small);
  link->block_second = true;  // no pong ever leaves the server's channel
  const Bytes ping = encode_simple({{FrameType::ping, 0, 0}, Opaque{}}, Limits());
  EXPECT_TRUE(until([&] {
    for (int i = 0; i < 20000; ++i) link->inject(0, false, ping);
    io.poll();
    return server->is_closed();
  }));
  EXPECT_TRUE(run(server->closed()).is(Errc::limit));
}

TEST_F(HostileTest, FramesOutOfTheBlueHurtNobodyElse) {
  std::mt19937 random(20261123);
  const auto byte = [&] { return static_cast<std::byte>(random() & 0xff); };
  int survived = 0;
  for (int round = 0; round < 300; ++round) {
    Rig other(io);
    other.handler.answer = [](const Request&) { return exchange::text_response(200, "x"); };
    other.connect({});
    for (int i = 0; i < 20; ++i) {
      static constexpr int kTypes[] = {1, 2, 3, 4, 16, 17, 18, 19, 20, 32, 33, 34, 35, 36, 99};
      Bytes frame = {static_cast<std::byte>(kTypes[random() % std::size(kTypes)]),
                     static_cast<std::byte>(random() % 8),
                     std::byte{0},
                     std::byte{0},
                     std::byte{0},
                     static_cast<std::byte>(random() % 4)};
      for (std::size_t n = random() % 40; n > 0; --n) frame.push_back(byte());
      other.link->inject(random() % 5, random() % 2 == 0, std::move(frame));
    }
    settle();
    survived += other.server->is_closed() ? 0 : 1;
  }
  EXPECT_LT(survived, 300);
}

/// What each exchange of the schedule does is decided by its number, the same at both ends.
struct Plan {
  explicit Plan(unsigned number) {
    std::mt19937 random(number * 7919 + 1);
    upload = random() % 3 == 0 ? random() % 700'000 : 0;
    download = random() % 2 == 0 ? random() % 900'000 : random() % 3000;
    piece = 1 + random() % 50'000;
    drop_at = random() % 4 == 0 ? static_cast<std::int64_t>(random() % 300'000) : -1;
    break_at = random() % 8 == 0 ? std::optional<std::uint64_t>(random() % 400'000) : std::nullopt;
    announced = random() % 2 == 0;
  }
  std::uint64_t upload;
  std::uint64_t download;
  std::size_t piece;
  std::int64_t drop_at;                   ///< the client lets go of the response
  std::optional<std::uint64_t> break_at;  ///< the response breaks off
  bool announced;
};

Awaitable<Result<Response>> follow_plan(Request request) {
  const Plan plan(static_cast<unsigned>(std::stoul(request.head.target.substr(1))));
  exchange::Body upload = std::move(request.body);
  const auto received = co_await check_body(std::move(upload), plan.piece);
  if (received.error) co_return fail(*received.error);
  Response response;
  response.head.fields = {{"X-Upload", std::to_string(received.bytes) + (received.same ? " same" : " different")}};
  auto body = std::make_unique<GeneratedBody>(plan.download, plan.piece);
  if (plan.announced) response.head.fields.add("Content-Length", std::to_string(plan.download));
  body->fail_at = plan.break_at;
  response.body = std::move(body);
  co_return response;
}

/// "" when everything was as planned.
Awaitable<std::string> carry_out(std::shared_ptr<Connection> on, unsigned number) {
  const Plan plan(number);
  exchange::Body upload;
  if (plan.upload > 0) upload = std::make_unique<GeneratedBody>(plan.upload, plan.piece);
  Request request;
  request.head = {"POST", "/" + std::to_string(number), {}};
  request.body = std::move(upload);
  Result<Response> response = co_await on->handle(std::move(request));
  if (!response) co_return "no response: " + response.error().to_string();
  if (response->head.fields.get("x-upload") != std::to_string(plan.upload) + " same") co_return "upload differs";
  std::uint64_t taken = 0;
  while (response->body) {
    if (plan.drop_at >= 0 && taken >= static_cast<std::uint64_t>(plan.drop_at)) co_return "";
    const Result<Bytes> piece = co_await response->body->read(plan.piece);
    if (!piece) co_return plan.break_at ? "" : "broke off: " + piece.error().to_string();
    if (piece->empty()) break;
    for (const std::byte byte : *piece)
      if (byte != body_byte(taken++)) co_return "download differs";
  }
  const bool cut = plan.break_at && *plan.break_at < plan.download;
  co_return taken == plan.download && !cut ? "" : "ended after " + std::to_string(taken);
}

TEST_F(HostileTest, ARandomScheduleArrivesAsItWasSent) {
  for (const unsigned seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    Rig other(io);
    testing::LinkOptions options;
    options.seed = seed;
    options.burst = 1 + seed * 3;
    options.max_message = seed == 2 ? 5000 : 256 * 1024;
    options.max_buffered = seed == 3 ? 300 * 1024 : 2 << 20;
    for (ConnectionOptions* end : {&other.client_options, &other.server_options}) {
      end->limits.initial_credit = std::uint64_t{30'000} * seed;
      end->limits.max_credit = 200'000;
      end->limits.receive_budget = 3'000'000;
      end->limits.max_exchanges = 20;
    }
    other.handler.serve = follow_plan;
    other.connect(options);
    std::vector<Awaitable<std::string>> tasks;
    for (unsigned number = 0; number < 150; ++number) tasks.push_back(carry_out(other.client, number + seed * 1000));
    for (const std::string& verdict : run_all(std::move(tasks))) EXPECT_EQ(verdict, "");
    EXPECT_TRUE(until(
        [&] { return other.client->stats().exchanges_active == 0 && other.server->stats().exchanges_active == 0; }));
    EXPECT_FALSE(other.client->is_closed());
  }
}

}  // namespace
}  // namespace owndir::tunnel
