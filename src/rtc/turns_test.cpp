#include "rtc/turns.hpp"

#include <gmock/gmock.h>

#include <utility>

namespace owndir::rtc {
namespace {

using testing::ElementsAre;

constexpr std::size_t kBig = 64 * 1024;
constexpr std::size_t kWindow = 256 * 1024;

class TurnsTest : public testing::Test {
 protected:
  void push(std::uint16_t channel, std::size_t size) {
    turns.push({Link::Outgoing::Kind::message, channel, std::vector<std::uint8_t>(size)}, now);
  }
  /// The channels of those that leave while there is room, each counted as under way.
  std::vector<int> leave(std::size_t held, std::size_t most = kWindow) {
    std::vector<int> out;
    while (const auto item = turns.next(held, most)) {
      held += item->bytes.size();
      out.push_back(item->channel);
    }
    return out;
  }

  Turns turns{4};
  std::int64_t now = 1'000'000;
};

TEST_F(TurnsTest, ChannelsWithLargeMessagesTakeTurns) {
  for (int i = 0; i < 2; ++i) push(1, kBig);
  for (int i = 0; i < 2; ++i) push(3, kBig);
  EXPECT_THAT(leave(0), ElementsAre(1, 3, 1, 3));
  EXPECT_TRUE(turns.empty());
}

TEST_F(TurnsTest, SmallMessagesGoAheadOfLargeOnesEvenWhenTheWindowIsFull) {
  for (int i = 0; i < 8; ++i) push(1, kBig);
  push(2, 100);
  push(2, 1000);
  EXPECT_THAT(leave(kWindow), ElementsAre(2, 2));
  EXPECT_TRUE(turns.empty(2));
  EXPECT_FALSE(turns.empty(1));
}

TEST_F(TurnsTest, NoMessageOvertakesAnotherOfItsChannel) {
  push(1, kBig);
  push(1, 100);
  EXPECT_THAT(leave(kWindow), ElementsAre());
  EXPECT_EQ(turns.next(0, kWindow)->bytes.size(), kBig);
  EXPECT_EQ(turns.next(kWindow, kWindow)->bytes.size(), 100U);
}

TEST_F(TurnsTest, SmallMessagesWithoutEndDoNotKeepALargeOneFromItsTurn) {
  push(1, kBig);
  std::size_t ahead = 0;
  for (push(2, Turns::kSmall);; push(2, Turns::kSmall)) {
    const auto item = turns.next(kWindow, kWindow);
    ASSERT_TRUE(item);
    if (item->channel == 1) break;
    ahead += item->bytes.size();
  }
  EXPECT_EQ(ahead, Turns::kAhead);
}

TEST_F(TurnsTest, SmallMessagesHaveABoundToo) {
  push(2, 100);
  EXPECT_THAT(leave(kWindow + Turns::kAhead), ElementsAre());
}

TEST_F(TurnsTest, TheWindowIsNarrowWhileSmallMessagesComeOrGoBesideLargeOnes) {
  EXPECT_EQ(turns.least_window(now), Turns::kWindow);
  push(1, kBig);
  turns.note(2, 100, now);
  EXPECT_EQ(turns.least_window(now), Turns::kNarrow);
  EXPECT_EQ(turns.least_window(now + Turns::kLatelyMs), Turns::kWindow) << "it is over when no more come";
}

TEST_F(TurnsTest, SmallMessagesOfTheLargeOnesChannelOrAloneDoNotNarrowTheWindow) {
  turns.note(2, 100, now);
  EXPECT_EQ(turns.least_window(now), Turns::kWindow) << "nothing large beside it";
  push(1, kBig);
  turns.note(1, 10, now);
  EXPECT_EQ(turns.least_window(now), Turns::kWindow) << "as credit for the large ones is";
  now += Turns::kLatelyMs;
  turns.note(2, 100, now);
  EXPECT_EQ(turns.least_window(now), Turns::kWindow) << "the large ones are gone";
}

TEST_F(TurnsTest, ForgetsWhatWaitsOnAChannelThatIsReset) {
  push(1, kBig);
  push(2, kBig);
  turns.clear(1);
  EXPECT_TRUE(turns.empty(1));
  EXPECT_THAT(leave(0), ElementsAre(2));
  EXPECT_TRUE(turns.empty());
}

}  // namespace
}  // namespace owndir::rtc
