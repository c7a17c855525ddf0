#include "rtc/channel.hpp"

#include <gmock/gmock.h>

#include "rtc/test_support.hpp"

namespace owndir::rtc {
namespace {

using testing::ElementsAre;

constexpr std::size_t kMaxBuffered = 1000;
constexpr std::size_t kMaxMessage = 500;

/// One channel over a link whose transport side is played by the test.
class ChannelTest : public testing::Test, protected Link::Receiver {
 protected:
  ChannelTest() {
    link->start([this] { ++wakes; }, receiver);
  }

  void receive(Link::Incoming item) override {
    if (item.kind == Link::Incoming::Kind::message) channel->received(std::move(item.bytes));
  }
  void buffered_low(int) override { channel->buffered_low(); }

  /// Lets all that is posted happen.
  void settle() {
    io.restart();
    io.poll();
  }
  void arrive(std::string_view text) { link->deliver({Link::Incoming::Kind::message, 0, {text.begin(), text.end()}}); }
  exchange::MessageChannel::Events recording() {
    exchange::MessageChannel::Events events;
    events.on_open = [this] { seen.emplace_back("open"); };
    events.on_message = [this](Bytes message) { seen.push_back("message " + std::string(as_text(message))); };
    events.on_buffered_low = [this] { seen.emplace_back("low"); };
    events.on_closed = [this](const Error& error) { seen.push_back("closed " + error.code.message()); };
    return events;
  }
  Result<void> send(std::size_t size) { return channel->send(Bytes(size)); }

  asio::io_context io;
  const std::shared_ptr<Link::Receiver> receiver{static_cast<Link::Receiver*>(this), [](Link::Receiver*) {}};
  std::shared_ptr<Link> link = std::make_shared<Link>(io.get_executor(), 1);
  std::shared_ptr<Channel> channel = std::make_shared<Channel>(io.get_executor(), link, 0, kMaxBuffered);
  std::vector<std::string> seen;
  int wakes = 0;
};

TEST_F(ChannelTest, TellsOfItsOpeningOnceAndNeverInsideACall) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  EXPECT_TRUE(seen.empty());
  settle();
  channel->set_events(recording());
  settle();
  EXPECT_THAT(seen, ElementsAre("open"));
}

TEST_F(ChannelTest, KeepsWhatCameBeforeTheEventsInOrder) {
  channel->opened(kMaxMessage);
  arrive("one");
  settle();
  arrive("two");
  channel->set_events(recording());
  arrive("three");
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "message one", "message two", "message three"));
}

TEST_F(ChannelTest, ClosesWhenNobodyReadsTooMuch) {
  channel->opened(kMaxMessage);
  for (int i = 0; i < 5; ++i) {
    link->deliver({Link::Incoming::Kind::message, 0, std::vector<std::uint8_t>(1024 * 1024)});
  }
  settle();
  EXPECT_FALSE(channel->is_open());
  const auto sent = send(1);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(Errc::limit));
  std::vector<Link::Outgoing> out;
  link->take(out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].kind, Link::Outgoing::Kind::close);
}

TEST_F(ChannelTest, RefusesToSendBeforeItIsOpenAndBeyondItsLimits) {
  EXPECT_TRUE(send(1).error().is(Errc::closed));
  channel->opened(kMaxMessage);
  EXPECT_TRUE(send(kMaxMessage + 1).error().is(Errc::too_large));
  EXPECT_TRUE(send(kMaxMessage));
  EXPECT_TRUE(send(kMaxMessage));
  EXPECT_EQ(channel->buffered_amount(), kMaxBuffered);
  EXPECT_TRUE(send(1).error().is(Errc::limit));
  EXPECT_EQ(channel->buffered_amount(), kMaxBuffered);
  EXPECT_EQ(wakes, 1) << "one task for the whole batch";
}

TEST_F(ChannelTest, TellsOnceWhenTheBufferHasDrainedToTheThreshold) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  settle();
  channel->set_buffered_low_threshold(200);
  ASSERT_TRUE(send(500));
  ASSERT_TRUE(send(100));
  link->set_sent(0, 399);
  settle();
  EXPECT_THAT(seen, ElementsAre("open"));
  link->set_sent(0, 400);
  link->set_sent(0, 600);
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "low"));
  EXPECT_EQ(channel->buffered_amount(), 0U);
}

TEST_F(ChannelTest, AsksAgainWhenItFilledUpBeforeTheTelling) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  settle();
  ASSERT_TRUE(send(500));
  link->set_sent(0, 500);
  ASSERT_TRUE(send(300));
  settle();
  EXPECT_THAT(seen, ElementsAre("open"));
  link->set_sent(0, 800);
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "low"));
}

TEST_F(ChannelTest, ARaisedThresholdCounts) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  ASSERT_TRUE(send(500));
  settle();
  channel->set_buffered_low_threshold(500);
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "low"));
}

TEST_F(ChannelTest, SendsAnEmptyMessageAsOne) {
  channel->opened(kMaxMessage);
  ASSERT_TRUE(send(0));
  std::vector<Link::Outgoing> out;
  link->take(out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].kind, Link::Outgoing::Kind::empty);
}

TEST_F(ChannelTest, ClosingTellsOnceAndDropsWhatComesLater) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  settle();
  channel->close();
  channel->close();
  EXPECT_THAT(seen, ElementsAre("open"));
  arrive("late");
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "closed " + make_error_code(Errc::closed).message()));
  EXPECT_TRUE(send(1).error().is(Errc::closed));
}

TEST_F(ChannelTest, DeliversWhatCameBeforeTheEndAndThenTheEnd) {
  channel->opened(kMaxMessage);
  arrive("last words");
  settle();
  channel->ended(Error{make_error_code(Errc::protocol), ""});
  channel->set_events(recording());
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "message last words", "closed " + make_error_code(Errc::protocol).message()));
}

TEST_F(ChannelTest, DetachedItSaysNothing) {
  channel->opened(kMaxMessage);
  channel->set_events(recording());
  settle();
  arrive("queued");
  channel->set_events({});
  settle();
  arrive("dropped");
  channel->close();
  settle();
  EXPECT_THAT(seen, ElementsAre("open"));
}

TEST_F(ChannelTest, ACallbackMayDetachAndCloseIt) {
  channel->opened(kMaxMessage);
  auto events = recording();
  events.on_message = [this](const Bytes&) {
    seen.emplace_back("message");
    channel->set_events({});
    channel->close();
  };
  channel->set_events(std::move(events));
  arrive("one");
  arrive("two");
  settle();
  EXPECT_THAT(seen, ElementsAre("open", "message"));
}

TEST(Link, ReportsCongestionUntilTheNetworkThreadHasCaughtUp) {
  asio::io_context io;
  const auto link = std::make_shared<Link>(io.get_executor(), 1);
  link->start([] {}, {});
  for (std::size_t i = 0; i <= LinkLimits::kInbox; i += 1024 * 1024) {
    link->deliver({Link::Incoming::Kind::message, 0, std::vector<std::uint8_t>(1024 * 1024)});
  }
  EXPECT_TRUE(link->congested());
  io.poll();
  EXPECT_FALSE(link->congested());
}

TEST(Link, StoppedItDeliversNothingAndLeavesTheLastMessagesToBeSent) {
  asio::io_context io;
  const auto link = std::make_shared<Link>(io.get_executor(), 1);
  int wakes = 0;
  link->start([&] { ++wakes; }, {});
  link->push({Link::Outgoing::Kind::message, 0, {1}});
  link->stop();
  link->push({Link::Outgoing::Kind::message, 0, {2}});
  std::vector<Link::Outgoing> out;
  link->take(out);
  EXPECT_EQ(out.size(), 1U);
  EXPECT_EQ(wakes, 1);
}

}  // namespace
}  // namespace owndir::rtc
