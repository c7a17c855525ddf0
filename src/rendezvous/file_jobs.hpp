#pragma once
// Runs blocking file work on the pool and brings the result back to the network thread. A driver owns one and each part
// of it a child, which shares the count of what runs. Network thread. After `close` (and after destruction) results are
// dropped, so that callbacks may capture the owner.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <utility>

#include "base/async.hpp"

namespace owndir::rendezvous {

class FileJobs {
 public:
  FileJobs(const asio::any_io_executor& network, asio::thread_pool& pool)
      : pool_(pool), shared_(std::make_shared<Shared>(network)) {}
  explicit FileJobs(const FileJobs* parent) : pool_(parent->pool_), shared_(parent->shared_) {}
  ~FileJobs() { close(); }
  FileJobs(const FileJobs&) = delete;
  FileJobs& operator=(const FileJobs&) = delete;

  /// `job()` on the pool, then `done(result)` on the network thread. The job owns what it touches.
  template <class Job, class Done>
  void run(Job job, Done done) {
    ++shared_->running;
    auto guard = asio::make_work_guard(shared_->network);
    asio::post(pool_, [shared = shared_, closed = closed_, guard = std::move(guard), job = std::move(job),
                       done = std::move(done)]() mutable {
      auto result = job();
      asio::post(shared->network, [shared, closed, done = std::move(done), result = std::move(result)]() mutable {
        --shared->running;
        if (!*closed) done(std::move(result));
        shared->ended.notify();
      });
    });
  }

  const asio::any_io_executor& network() const { return shared_->network; }
  void close() { *closed_ = true; }

  /// With all that share the count.
  std::size_t running() const { return shared_->running; }
  /// Returns when a job ended, or the coroutine is cancelled (then false).
  Awaitable<bool> wait() { return shared_->ended.wait(); }
  /// Makes `wait` return.
  void wake() { shared_->ended.notify(); }

 private:
  struct Shared {
    explicit Shared(const asio::any_io_executor& executor) : network(executor), ended(executor) {}
    asio::any_io_executor network;
    Notifier ended;
    std::size_t running = 0;
  };
  asio::thread_pool& pool_;
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
};

}  // namespace owndir::rendezvous
