#pragma once
// Runs blocking work on a thread pool and resumes the coroutine on its own thread. The work is never interrupted: a
// cancelled coroutine ends after it. The pool must be joined before the coroutine's io_context is destroyed.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

#include "base/async.hpp"

namespace owndir {

template <class Work>
Awaitable<std::invoke_result_t<Work&>> run_blocking(asio::thread_pool& pool, Work work) {
  using Value = std::invoke_result_t<Work&>;
  auto start = [&pool, &work](auto handler) {
    auto back = asio::make_work_guard(asio::get_associated_executor(handler));
    // `work` lives in the frame of the coroutine, which stays suspended until the handler runs.
    asio::post(pool, [&work, back = std::move(back), handler = std::move(handler)]() mutable {
      Value value = work();
      const auto executor = back.get_executor();
      asio::post(executor, [value = std::move(value), handler = std::move(handler)]() mutable {
        std::move(handler)(std::move(value));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(start, asio::use_awaitable);
}

}  // namespace owndir
