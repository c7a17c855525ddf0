#pragma once
// Runs blocking file work on the pool and brings the result back to the network thread. Owned by a driver, used on the
// network thread. After `close` (and after destruction) results are dropped, so that callbacks may capture the owner.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "base/async.hpp"

namespace owndir::rendezvous {

class FileJobs {
 public:
  FileJobs(const asio::any_io_executor& network, asio::thread_pool& pool)
      : pool_(pool), state_(std::make_shared<State>(network)) {}
  ~FileJobs() { close(); }
  FileJobs(const FileJobs&) = delete;
  FileJobs& operator=(const FileJobs&) = delete;

  /// `job()` on the pool, then `done(result)` on the network thread. The job owns what it touches.
  template <class Job, class Done>
  void run(Job job, Done done) {
    ++state_->running;
    auto guard = asio::make_work_guard(state_->network);
    asio::post(pool_,
               [state = state_, guard = std::move(guard), job = std::move(job), done = std::move(done)]() mutable {
                 auto result = job();
                 asio::post(state->network, [state, done = std::move(done), result = std::move(result)]() mutable {
                   --state->running;
                   if (!state->closed) done(std::move(result));
                   state->ended.notify();
                 });
               });
  }

  std::size_t running() const { return state_->running; }
  void close() { state_->closed = true; }

  /// Waits until no job runs. A file system that hangs must not hang a stop: the owner bounds the wait by cancelling.
  Awaitable<void> drain() {
    const auto state = state_;
    while (state->running > 0 && co_await state->ended.wait()) {
    }
  }

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : network(executor), ended(executor) {}
    asio::any_io_executor network;
    Notifier ended;
    std::size_t running = 0;
    bool closed = false;
  };
  asio::thread_pool& pool_;
  std::shared_ptr<State> state_;
};

}  // namespace owndir::rendezvous
