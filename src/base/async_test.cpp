#include "base/async.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace owndir {
namespace {

using std::chrono::hours;

struct Trace {
  int started = 0, ended = 0, destroyed = 0;
};

struct CountsDestruction {
  Trace& trace;
  ~CountsDestruction() { ++trace.destroyed; }
};

Awaitable<void> sleeps_for_ever(Trace& trace) {
  const CountsDestruction guard{trace};
  ++trace.started;
  co_await sleep_for(hours(1));
  ++trace.ended;
}

Awaitable<void> throws(Trace& trace) {
  ++trace.started;
  throw std::runtime_error("a fault");
  co_return;
}

Awaitable<void> stop_group(TaskGroup& group, bool& stopped) {
  co_await group.stop();
  stopped = true;
}

TEST(TaskGroup, StopCancelsEveryTaskAndWaitsForTheLast) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  Trace trace;
  for (int i = 0; i < 3; ++i) group.spawn("sleeper", sleeps_for_ever(trace));
  context.poll();
  EXPECT_EQ(trace.started, 3);
  bool stopped = false;
  asio::co_spawn(context, stop_group(group, stopped), asio::detached);
  context.run();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(trace.destroyed, 3);
}

TEST(TaskGroup, ATaskCancelledBeforeItBeginsNeverRuns) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  Trace trace;
  group.cancel(group.spawn("sleeper", sleeps_for_ever(trace)));
  context.run();
  EXPECT_EQ(trace.started, 0);
  EXPECT_EQ(group.size(), 0U);
}

Awaitable<void> cancels_itself(TaskGroup& group, const TaskGroup::TaskId& id, Trace& trace) {
  ++trace.started;
  group.cancel(id);
  co_return;
}

TEST(TaskGroup, ATaskThatIsCancelledWhileItEndsWithoutAWaitHarmsNobody) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  Trace trace;
  TaskGroup::TaskId id = 0;
  id = group.spawn("itself", cancels_itself(group, id, trace));
  context.run();
  EXPECT_EQ(trace.started, 1);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, ATaskSpawnedWhileStoppingNeverRuns) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  group.cancel();
  Trace trace;
  group.spawn("late", sleeps_for_ever(trace));
  context.run();
  EXPECT_EQ(trace.started, 0);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, AnExceptionEndsItsOwnTaskOnly) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  Trace trace;
  group.spawn("faulty", throws(trace));
  group.spawn("sleeper", sleeps_for_ever(trace));
  context.poll();
  EXPECT_EQ(trace.started, 2);
  EXPECT_EQ(group.size(), 1U);
  bool stopped = false;
  asio::co_spawn(context, stop_group(group, stopped), asio::detached);
  context.run();
  EXPECT_TRUE(stopped);
}

Awaitable<void> waits(Notifier& notifier, std::vector<bool>& results) {
  const bool notified = co_await notifier.wait();
  results.push_back(notified);
}

TEST(Notifier, WakesAllThatWaitNowAndNotThoseThatWaitLater) {
  asio::io_context context;
  Notifier notifier(context.get_executor());
  TaskGroup group(context.get_executor());
  std::vector<bool> results;
  group.spawn("first", waits(notifier, results));
  group.spawn("second", waits(notifier, results));
  context.poll();
  notifier.notify();
  context.poll();
  EXPECT_EQ(results, (std::vector<bool>{true, true}));
  context.restart();  // it ran out of work
  group.spawn("late", waits(notifier, results));
  context.poll();
  EXPECT_EQ(results.size(), 2U);
  bool stopped = false;
  asio::co_spawn(context, stop_group(group, stopped), asio::detached);
  context.run();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(results, (std::vector<bool>{true, true, false})) << "a cancelled wait says so";
}

}  // namespace
}  // namespace owndir
