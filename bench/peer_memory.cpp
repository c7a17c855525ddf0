// The memory of a connected, idle peer: 200 of ours, and 200 of libwebrtc used directly, each kind in a process of its
// own, both with five channels. One JSON line.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "bare_libwebrtc.hpp"
#include "rtc/pair.hpp"
#include "wanted.hpp"

namespace {

constexpr int kPairs = 100;
constexpr int kChannels = 5;

double resident_kib() {
  malloc_trim(0);
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

double per_peer(double before, double after) {
  return (after - before) / (2 * kPairs);
}

double ours() {
  boost::asio::io_context io;
  auto engine = std::move(*owndir::rtc::Engine::create(io.get_executor()));
  std::vector<owndir::rtc::Pair> pairs;
  const auto add = [&] {
    bool done = false;
    boost::asio::co_spawn(io, owndir::rtc::connect_pair(*engine, *engine, {}),
                          [&](const std::exception_ptr&, auto pair) {
                            if (!pair) std::exit(1);
                            pairs.push_back(*pair);
                            done = true;
                          });
    io.restart();
    while (!done) io.run_one();
  };
  add();  // what the first costs is of the process
  const double before = resident_kib();
  for (int i = 0; i < kPairs; ++i) add();
  return per_peer(before, resident_kib());
}

double libwebrtc() {
  bare::Factory factory;
  std::vector<std::unique_ptr<bare::End>> ends;
  const auto add = [&] {
    ends.push_back(std::make_unique<bare::End>(factory, kChannels));
    ends.push_back(std::make_unique<bare::End>(factory, kChannels));
    if (!bare::End::connect(*ends[ends.size() - 2], *ends.back())) std::exit(1);
  };
  add();
  const double before = resident_kib();
  for (int i = 0; i < kPairs; ++i) add();
  return per_peer(before, resident_kib());
}

/// The value of `measure`, taken in a child process.
double apart(double (*measure)()) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    const double value = measure();
    const bool written = write(ends[1], &value, sizeof(value)) == sizeof(value);
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  double value = 0;
  const bool got = read(ends[0], &value, sizeof(value)) == sizeof(value);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!got) std::exit(1);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (!owndir::bench::Wanted(argc, argv)("peer.memory")) return 0;
  const double own = apart(ours);
  const double bare = apart(libwebrtc);
  fmt::print(
      "{{\"name\":\"peer.memory\",\"kib_per_peer\":{:.1f},\"libwebrtc_kib\":{:.1f},\"beyond_kib\":{:.1f},\"ratio\":{:."
      "3f}}}\n",
      own, bare, own - bare, own / bare);
}
