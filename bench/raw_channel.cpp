// The raw data channel: rtc against libwebrtc used directly, in one run. JSON lines.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "bare_libwebrtc.hpp"
#include "rtc/pair.hpp"
#include "wanted.hpp"

namespace {

using owndir::Awaitable;
using owndir::Errc;
using owndir::Result;
namespace asio = boost::asio;
namespace ours = owndir::rtc;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Runs `task` and gives its value, or ends the program with its error.
template <class T>
T run(asio::io_context& io, Awaitable<Result<T>> task) {
  Result<T> out = owndir::fail(Errc::internal);
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr&, Result<T> value) {
    out = std::move(value);
    io.stop();
  });
  io.restart();
  auto work = asio::make_work_guard(io);
  io.run();
  if (!out) {
    fmt::print(stderr, "{}\n", out.error().to_string());
    std::exit(1);
  }
  return std::move(*out);
}

struct Sample {
  double rate = 0, cpu_per_gb = 0;
};

template <class Task>
Sample sample(double gigabytes, Task task) {
  const double before = cpu_seconds();
  const double rate = task();
  return {rate, (cpu_seconds() - before) / gigabytes};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const owndir::bench::Wanted wanted(argc, argv);
  if (!wanted("rtc.raw_channel") && !wanted("rtc.round_trip")) return 0;
  constexpr int kRounds = 5;
  constexpr std::uint64_t kBytes = 100'000'000;
  asio::io_context io;
  auto one = std::move(*ours::Engine::create(io.get_executor()));
  auto two = std::move(*ours::Engine::create(io.get_executor()));
  const ours::Pair pair = run(io, ours::connect_pair(*one, *two, {}));
  bare::Factory from, to;
  bare::End sender(from), receiver(to);
  if (!bare::End::connect(sender, receiver)) return 1;

  for (const std::size_t size : {std::size_t{256} * 1024, std::size_t{16} * 1024}) {
    std::vector<double> own, theirs, ratio, our_cpu, their_cpu;
    for (int i = 0; i < kRounds; ++i) {
      const Sample a =
          sample(kBytes / 1e9, [&] { return run(io, ours::measure_raw(pair, kBytes, size)).megabytes_per_second; });
      const Sample b = sample(kBytes / 1e9, [&] { return bare::Flood::run(from, sender, receiver, kBytes, size); });
      own.push_back(a.rate);
      theirs.push_back(b.rate);
      ratio.push_back(a.rate / b.rate);
      our_cpu.push_back(a.cpu_per_gb);
      their_cpu.push_back(b.cpu_per_gb);
    }
    fmt::print(
        "{{\"name\":\"rtc.raw_channel\",\"message\":{},\"mb_s\":{:.1f},\"libwebrtc_mb_s\":{:.1f},\"ratio\":{:.3f},"
        "\"cpu_s_per_gb\":{:.1f},\"libwebrtc_cpu_s_per_gb\":{:.1f}}}\n",
        size, median(own), median(theirs), median(ratio), median(our_cpu), median(their_cpu));
    std::fflush(stdout);
  }
  fmt::print("{{\"name\":\"rtc.round_trip\",\"bytes\":100,\"median_us\":{:.1f}}}\n",
             run(io, ours::measure_round_trip(pair, 2000, 100)));
}
