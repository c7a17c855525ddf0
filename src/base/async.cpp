#include "base/async.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"

namespace owndir {

struct TaskGroup::State {
  explicit State(asio::any_io_executor e) : executor(std::move(e)), empty(executor) {
    empty.expires_at(asio::steady_timer::time_point::max());
  }
  asio::any_io_executor executor;
  asio::steady_timer empty;
  struct Task {
    asio::cancellation_signal signal;
    bool started = false;
    bool cancelled = false;
    void cancel() {
      cancelled = true;
      if (started) signal.emit(asio::cancellation_type::all);
    }
  };
  std::map<TaskId, std::unique_ptr<Task>> running;
  std::uint64_t next = 0;
  bool stopping = false;
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
TaskGroup::~TaskGroup() {
  cancel();
}

TaskGroup::TaskId TaskGroup::spawn(const char* name, Awaitable<void> task) {
  const TaskId id = state_->next++;
  if (state_->stopping) return id;
  auto& entry = state_->running[id];
  entry = std::make_unique<State::Task>();
  const asio::cancellation_slot slot = entry->signal.slot();
  auto ended = [state = state_, id, name](const std::exception_ptr& failure) {
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        if (!state->running[id]->cancelled) log("task").error("{} ended by an exception: {}", name, error.what());
      }
    }
    state->running.erase(id);
    if (state->running.empty()) state->empty.cancel();
  };
  asio::co_spawn(state_->executor, shielded(state_, id, std::move(task)),
                 asio::bind_cancellation_slot(slot, std::move(ended)));
  return id;
}

void TaskGroup::cancel() {
  state_->stopping = true;
  // A task may end, and so leave the map, while its signal is emitted: walk by key.
  for (TaskId id = 0; id < state_->next; ++id) {
    const auto found = state_->running.lower_bound(id);
    if (found == state_->running.end()) break;
    id = found->first;
    found->second->cancel();
  }
}

void TaskGroup::cancel(TaskId task) {
  const auto found = state_->running.find(task);
  if (found != state_->running.end()) found->second->cancel();
}

/// Between co_spawn and the task, because the coroutine inside co_spawn (Boost 1.81) itself throws, out of
/// io_context::run, when it is cancelled before the task begins or while one that never waited ends.
Awaitable<void> TaskGroup::shielded(std::shared_ptr<State> state, TaskId id, Awaitable<void> task) {
  const auto entry = state->running.find(id);
  if (entry == state->running.end() || entry->second->cancelled) co_return;
  entry->second->started = true;
  std::exception_ptr failure;
  try {
    co_await std::move(task);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  if (failure) std::rethrow_exception(failure);
}

Awaitable<void> TaskGroup::stop() {
  const auto state = state_;
  cancel();
  while (!state->running.empty()) {
    co_await state->empty.async_wait(asio::as_tuple(asio::use_awaitable));
    state->empty.expires_at(asio::steady_timer::time_point::max());
  }
}

std::size_t TaskGroup::size() const {
  return state_->running.size();
}
bool TaskGroup::stopping() const {
  return state_->stopping;
}

Awaitable<bool> sleep_for(std::chrono::steady_clock::duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

Awaitable<bool> Notifier::wait() {
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
  co_return cancelled == asio::cancellation_type::none;
}

}  // namespace owndir
