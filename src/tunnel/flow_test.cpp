#include "tunnel/flow.hpp"

#include <gtest/gtest.h>

namespace owndir::tunnel {
namespace {

TEST(ReceiveWindow, StaysAsItIsForAReaderThatLeavesMuchLying) {
  ReceiveBudget budget(1000);
  ReceiveWindow window(budget, 100, 800);
  EXPECT_TRUE(window.receive(100));
  EXPECT_EQ(window.consume(24), 0U);
  EXPECT_EQ(window.consume(1), 25U) << "a quarter is taken, the rest lies: the window is filled up, not doubled";
  EXPECT_EQ(window.window(), 100U);
  EXPECT_EQ(budget.used(), 100U);
}

TEST(ReceiveWindow, GrowsForAReaderThatKeepsUpAsFarAsTheBudgetGoes) {
  ReceiveBudget budget(350);
  ReceiveWindow window(budget, 100, 800);
  EXPECT_TRUE(window.receive(60));
  EXPECT_EQ(window.consume(60), 160U);
  EXPECT_EQ(window.window(), 200U);
  EXPECT_TRUE(window.receive(200));
  EXPECT_EQ(window.consume(200), 200U) << "400 would pass the budget, as would more";
  EXPECT_EQ(budget.used(), 200U);
}

TEST(ReceiveWindow, GivesEverythingBack) {
  ReceiveBudget budget(1000);
  {
    ReceiveWindow window(budget, 100, 800);
    EXPECT_TRUE(window.receive(30));
    EXPECT_FALSE(window.receive(71));
    window.finish();
    EXPECT_EQ(budget.used(), 30U);
    EXPECT_EQ(window.consume(10), 0U);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(RateLimit, GivesABurstAndThenOnlyItsRate) {
  SteadyTime now{std::chrono::hours(1)};
  RateLimit rate(10, now);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.take(now));
  EXPECT_FALSE(rate.take(now));
  now += std::chrono::milliseconds(101);
  EXPECT_TRUE(rate.take(now));
  EXPECT_FALSE(rate.take(now));
  now += std::chrono::hours(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rate.take(now));
  EXPECT_FALSE(rate.take(now)) << "no more than the burst is saved up";
}

}  // namespace
}  // namespace owndir::tunnel
