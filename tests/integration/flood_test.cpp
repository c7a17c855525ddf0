// Floods of frames over real peers: they end the session that sends them, and nobody else's.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <optional>

#include "exchange/handler.hpp"
#include "rtc/pair.hpp"
#include "tunnel/connection.hpp"
#include "tunnel/frame.hpp"

namespace owndir {
namespace {

using namespace std::chrono_literals;
using tunnel::Frame;
using tunnel::FrameType;

constexpr auto kEnd = static_cast<std::uint8_t>(tunnel::Flag::end);

template <class T>
T run(asio::io_context& io, Awaitable<T> task) {
  std::optional<T> out;
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr&, T value) { out = std::move(value); });
  io.restart();
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!out && std::chrono::steady_clock::now() < end) io.run_one_for(1s);
  if (!out) throw std::runtime_error("not done in 60 s");
  return std::move(*out);
}

/// Answers /quick at once; anything else waits for its end.
class Handler final : public exchange::Handler {
 public:
  explicit Handler(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    if (request.head.target == "/quick") co_return exchange::text_response(200, "quick");
    ++alive;
    const std::shared_ptr<int> count(&alive, [](int* value) { --*value; });
    Notifier never(executor_);
    co_await never.wait();
    co_return fail(Errc::cancelled);
  }
  int alive = 0;

 private:
  asio::any_io_executor executor_;
};

/// Sends all of `frames` over a bare channel, as fast as it takes them.
class Flooder : public std::enable_shared_from_this<Flooder> {
 public:
  Flooder(const rtc::Pair& pair, std::deque<Bytes> frames)
      : control_(pair.offerer->channels().at(0)),
        channel_(pair.offerer->channels().at(1)),
        frames_(std::move(frames)) {}
  void start() {
    exchange::MessageChannel::Events events;
    events.on_buffered_low = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pour();
    };
    events.on_message = [](const Bytes&) {};
    channel_->set_buffered_low_threshold(1024);
    channel_->set_events(std::move(events));
    ASSERT_TRUE(control_->send(tunnel::encode_simple(Frame{{FrameType::hello, 0, 0}, tunnel::Hello{}}, {})));
    pour();
  }

 private:
  void pour() {
    for (; !frames_.empty(); frames_.pop_front()) {
      if (!channel_->send(frames_.front())) return;
    }
  }

  std::shared_ptr<exchange::MessageChannel> control_, channel_;
  std::deque<Bytes> frames_;
};

class Flood : public testing::Test {
 protected:
  rtc::Pair connect() {
    Result<rtc::Pair> pair = run(io, rtc::connect_pair(*away, *home, {}));
    if (!pair) throw std::runtime_error(pair.error().to_string());
    return *pair;
  }
  std::shared_ptr<tunnel::Connection> serve(const rtc::Pair& pair) {
    tunnel::ConnectionOptions options;
    options.role = tunnel::Role::server;
    options.handler = &handler;
    return tunnel::Connection::start(io.get_executor(), pair.answerer->channels(), options);
  }
  /// The status of a request of `client`, 0 without an answer.
  static Awaitable<int> ask(std::shared_ptr<tunnel::Connection> client) {
    exchange::Request request;
    request.head = {"GET", "/quick", {{"Host", "localhost"}}};
    const Result<exchange::Response> answer = co_await client->handle(std::move(request));
    co_return answer ? answer->head.status : 0;
  }
  /// `frames` from one peer end its session with Errc::limit, while another's requests are answered.
  void expect_only_the_flooder_gone(std::deque<Bytes> frames) {
    const rtc::Pair honest = connect();
    const std::shared_ptr<tunnel::Connection> server = serve(honest);
    const auto client = tunnel::Connection::start(io.get_executor(), honest.offerer->channels(), {});
    const rtc::Pair hostile = connect();
    const std::shared_ptr<tunnel::Connection> flooded = serve(hostile);
    const auto flooder = std::make_shared<Flooder>(hostile, std::move(frames));
    flooder->start();
    int answered = 0;
    while (!flooded->is_closed() && answered < 10'000) {
      ASSERT_EQ(run(io, ask(client)), 200);
      ++answered;
    }
    ASSERT_TRUE(flooded->is_closed());
    EXPECT_TRUE(run(io, flooded->closed()).is(Errc::limit));
    EXPECT_EQ(handler.alive, 0);
    EXPECT_EQ(run(io, ask(client)), 200);
    EXPECT_FALSE(server->is_closed());
    // Whoever was thrown out may come again.
    const rtc::Pair later = connect();
    const std::shared_ptr<tunnel::Connection> again = serve(later);
    const auto returned = tunnel::Connection::start(io.get_executor(), later.offerer->channels(), {});
    EXPECT_EQ(run(io, ask(returned)), 200);
  }
  static Bytes request(tunnel::ExchangeId id) {
    const exchange::RequestHead head{"GET", "/slow", {{"Host", "localhost"}}};
    return tunnel::encode_simple(Frame{{FrameType::request, kEnd, id}, head}, {});
  }
  static Bytes reset(tunnel::ExchangeId id) {
    return tunnel::encode_simple(Frame{{FrameType::reset, 0, id}, tunnel::Reset{tunnel::Code::cancelled, {}}}, {});
  }

  asio::io_context io;
  std::unique_ptr<rtc::Engine> home = std::move(*rtc::Engine::create(io.get_executor()));
  std::unique_ptr<rtc::Engine> away = std::move(*rtc::Engine::create(io.get_executor()));
  Handler handler{io.get_executor()};
};

// Far beyond what a second allows, so that a slow machine meets the limit too.
constexpr tunnel::ExchangeId kMany = 100'000;

TEST_F(Flood, OfOpensEndsItsOwnSession) {
  std::deque<Bytes> frames;
  for (tunnel::ExchangeId id = 1; id <= kMany; ++id) frames.push_back(request(id));
  expect_only_the_flooder_gone(std::move(frames));
}

TEST_F(Flood, OfOpensAndResetsEndsItsOwnSession) {
  std::deque<Bytes> frames;
  for (tunnel::ExchangeId id = 1; id <= kMany; ++id) {
    frames.push_back(request(id));
    frames.push_back(reset(id));
  }
  expect_only_the_flooder_gone(std::move(frames));
}

}  // namespace
}  // namespace owndir
