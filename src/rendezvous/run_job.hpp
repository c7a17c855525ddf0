#pragma once
// One blocking call on the pool, awaited on the network thread. A cancelled wait leaves the call running; its result is
// dropped.

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <optional>
#include <utility>

#include "rendezvous/file_jobs.hpp"

namespace owndir::rendezvous {

template <class T, class Job>
Awaitable<T> run_job(asio::thread_pool& pool, Job job) {
  const asio::any_io_executor network = co_await asio::this_coro::executor;
  FileJobs jobs(network, pool);
  std::optional<T> result;
  jobs.run(std::move(job), [&result](T value) { result.emplace(std::move(value)); });
  while (!result) {
    const bool woken = co_await jobs.wait();
    if (!woken) break;
  }
  if (!result) throw boost::system::system_error(asio::error::operation_aborted);
  co_return std::move(*result);
}

}  // namespace owndir::rendezvous
