// rendezvous.answer: from an offer that becomes visible in the folder to its answer in place, with an Answerer that
// answers at once; beside it, in turns, the least that any answer costs here: inotify, then write, fsync and rename.
// One JSON line.
#include <fmt/core.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "rendezvous/server.hpp"

namespace {

using namespace owndir;
using namespace owndir::rendezvous;
namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int kOffers = 200;
constexpr int kWaitMs = 10000;

struct InstantAnswerer final : Answerer {
  Awaitable<Result<std::string>> answer(const Offer&, std::uint64_t) override { co_return std::string(2000, 'v'); }
  void abandon(std::uint64_t) override {}
};

std::string id_of(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

/// Waits for a rename of a name with this beginning into the watched directory.
class Appearance {
 public:
  explicit Appearance(const fs::path& directory) : fd_(::inotify_init1(IN_CLOEXEC)) {
    if (fd_ < 0 || ::inotify_add_watch(fd_, directory.c_str(), IN_MOVED_TO) < 0) throw std::runtime_error("inotify");
  }
  ~Appearance() { ::close(fd_); }
  Appearance(const Appearance&) = delete;
  Appearance& operator=(const Appearance&) = delete;

  void wait(std::string_view beginning) {
    alignas(inotify_event) char buffer[65536];
    for (;;) {
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, kWaitMs) <= 0) throw std::runtime_error("no answer in time");
      const ssize_t size = ::read(fd_, buffer, sizeof buffer);
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        at += static_cast<ssize_t>(sizeof *event + event->len);
        if (event->len > 0 && std::string_view(event->name).starts_with(beginning)) return;
      }
    }
  }

 private:
  int fd_;
};

void deliver(const fs::path& path, const std::string& bytes) {
  const fs::path temporary = path.parent_path() / ("." + path.filename().string() + ".tmp");
  std::ofstream(temporary, std::ios::binary) << bytes;
  fs::rename(temporary, path);
}

double median(std::vector<double> values, double at = 0.5) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * at)];
}

double milliseconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

/// The bare loop: what it sees appear, it answers by write, fsync and rename, as often as it is asked to.
void answer_barely(const fs::path& directory, int count) {
  Appearance offers(directory);
  const auto folder = RootedFolder::open(directory);
  for (int i = 0; i < count; ++i) {
    offers.wait("bare-offer-");
    const auto written = write_file_atomically(*folder, "bare-answer-" + std::to_string(i), std::string(2500, 'v'));
    if (!written) throw std::runtime_error(written.error().to_string());
  }
}

Awaitable<void> start(const RootedFolder& folder, asio::thread_pool& files, Answerer& answerer, std::string state,
                      std::unique_ptr<Server>& server) {
  ServerOptions options;
  options.name = "bench";
  options.state_directory = std::move(state);
  options.limits.answers_per_second = 100000;
  options.limits.pending_per_client = 100000;
  options.limits.pending_total = 100000;
  auto started = co_await Server::start(folder, files, answerer, std::move(options));
  if (!started) throw std::runtime_error(started.error().to_string());
  server = std::move(*started);
}

Awaitable<void> stop(std::unique_ptr<Server>& server) {
  co_await server->stop();
}

void run(const fs::path& work) {
  fs::create_directories(work / "folder");
  fs::create_directories(work / "state");
  asio::io_context network(1);
  asio::thread_pool files(2);
  const auto folder = RootedFolder::open(work / "folder");
  InstantAnswerer answerer;
  std::unique_ptr<Server> server;
  const auto rethrow = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(network, start(*folder, files, answerer, work / "state", server), rethrow);
  while (!server) network.run_one();
  auto busy = asio::make_work_guard(network);
  std::thread network_thread([&] { network.run(); });

  const fs::path directory = work / "folder" / kDirectory;
  std::thread bare_thread([&] { answer_barely(directory, kOffers); });
  Appearance appearance(directory);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  std::vector<double> answers, bare;
  for (int i = 0; i < kOffers; ++i) {
    const Offer offer{id_of(1),
                      id_of(1000 + static_cast<std::uint64_t>(i)),
                      id_of(2000000 + static_cast<std::uint64_t>(i)),
                      0,
                      600,
                      "bench",
                      std::nullopt,
                      std::string(2000, 'v')};
    auto begin = SteadyClock::now();
    deliver(directory / name_of(offer), serialize(offer));
    appearance.wait("answer-" + offer.client + "-" + offer.offer);
    answers.push_back(milliseconds_since(begin));
    begin = SteadyClock::now();
    deliver(directory / ("bare-offer-" + std::to_string(i)), std::string(2500, 'v'));
    appearance.wait("bare-answer-" + std::to_string(i));
    bare.push_back(milliseconds_since(begin));
  }
  bare_thread.join();
  asio::co_spawn(network, stop(server), [&](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
    busy.reset();
  });
  network_thread.join();
  files.join();
  fmt::print(
      "{{\"name\":\"rendezvous.answer\",\"offers\":{},\"median_ms\":{:.2f},\"p99_ms\":{:.2f},\"fsync_ms\":{:.2f},"
      "\"ratio\":{:.2f}}}\n",
      kOffers, median(answers), median(answers, 0.99), median(bare), median(answers) / median(bare));
}

}  // namespace

int main() {
  set_log_level("warn");
  std::string work = (fs::temp_directory_path() / "owndir-bench-XXXXXX").string();
  if (::mkdtemp(work.data()) == nullptr) return 1;
  int code = 0;
  try {
    run(work);
  } catch (const std::exception& error) {
    fmt::print(stderr, "rendezvous_answer: {}\n", error.what());
    code = 1;
  }
  fs::remove_all(work);
  return code;
}
