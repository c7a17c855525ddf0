#pragma once
// For the tests of this layer only: coroutines run to their end, files of the repository.

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

#include "base/async.hpp"

namespace owndir::rtc {

/// Runs `task` on `io` and gives its value; throws after 60 s.
template <class T>
T run(asio::io_context& io, Awaitable<T> task) {
  std::optional<T> out;
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& thrown, T value) {
    failure = thrown;
    out = std::move(value);
  });
  io.restart();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!out && std::chrono::steady_clock::now() < end) io.run_one_for(std::chrono::seconds(1));
  if (failure) std::rethrow_exception(failure);
  if (!out) throw std::runtime_error("the task did not end in 60 s");
  return std::move(*out);
}

inline void run(asio::io_context& io, Awaitable<void> task) {
  bool done = false;
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr&) { done = true; });
  io.restart();
  while (!done && io.run_one_for(std::chrono::seconds(60)) > 0) {
  }
  if (!done) throw std::runtime_error("the task did not end in 60 s");
}

/// Runs `io` until `condition` holds; false after `limit`.
inline bool run_until(asio::io_context& io, const std::function<bool()>& condition,
                      std::chrono::steady_clock::duration limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto work = asio::make_work_guard(io);
  io.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    io.run_one_for(std::chrono::milliseconds(20));
  }
  return true;
}

/// A file below the repository's root.
inline std::string repository_file(const std::string& name) {
  std::ifstream in(std::string(OWNDIR_SOURCE_DIR) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace owndir::rtc
