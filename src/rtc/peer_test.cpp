#include "rtc/peer.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "rtc/pair.hpp"

namespace owndir::rtc {
namespace {

using namespace std::chrono_literals;

template <class T>
T run(asio::io_context& io, Awaitable<T> task) {
  std::optional<T> out;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr failure, T value) {
    if (failure) std::rethrow_exception(failure);
    out = std::move(value);
  });
  io.restart();
  while (!out && io.run_one_for(30s) > 0) {
  }
  if (!out) throw std::runtime_error("the task did not end");
  return std::move(*out);
}

TEST(Peer, TwoConnectOnLoopback) {
  asio::io_context io;
  auto engine = Engine::create(io.get_executor());
  ASSERT_TRUE(engine);
  auto pair = run(io, connect_pair(**engine, **engine, {}));
  ASSERT_TRUE(pair) << pair.error().to_string();
  auto rate = run(io, measure_raw(*pair, 20000000, 262144));
  ASSERT_TRUE(rate) << rate.error().to_string();

  auto trip = run(io, measure_round_trip(*pair, 50, 100));
  ASSERT_TRUE(trip) << trip.error().to_string();

}
}  // namespace
}  // namespace owndir::rtc
