#pragma once
// Coroutines on Boost.Asio, and the group that owns them. Every coroutine of the project runs on the one network thread
// (the thread that runs the io_context) and belongs to a TaskGroup; nothing is detached.
//
// g++ 12.2 miscompiles some coroutines: bind aggregates and capturing lambdas to a named local before `co_await`, and
// never make a capturing lambda a coroutine.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include "base/result.hpp"

namespace owndir {

namespace asio = boost::asio;

template <class T>
using Awaitable = asio::awaitable<T>;

/// Owns coroutines. Network thread only. `stop` asks each one to end (asio cancellation, total) and waits until all
/// have; it may be awaited once. The destructor requires that the group is empty or that its io_context never runs
/// again. An exception that leaves a task is logged and ends that task only.
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  using TaskId = std::uint64_t;

  /// Starts `task`; it is dropped unstarted when the group is stopping. `name` is a literal for the log.
  TaskId spawn(const char* name, Awaitable<void> task);
  /// Asks all tasks to end, without waiting.
  void cancel();
  /// Asks one task to end, without waiting; nothing when it has ended.
  void cancel(TaskId task);
  /// cancel, then waits for the last one.
  Awaitable<void> stop();
  std::size_t size() const;
  bool stopping() const;

 private:
  struct State;
  static Awaitable<void> shielded(std::shared_ptr<State> state, TaskId id, Awaitable<void> task);
  std::shared_ptr<State> state_;
};

/// Waits; false when cancelled before the time was over.
Awaitable<bool> sleep_for(std::chrono::steady_clock::duration duration);

/// A condition that coroutines of one thread wait for: `notify` wakes all that wait now.
class Notifier {
 public:
  explicit Notifier(const asio::any_io_executor& executor) : timer_(executor) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  }
  /// Returns after the next `notify`, or when the coroutine is cancelled (then false).
  Awaitable<bool> wait();
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace owndir
