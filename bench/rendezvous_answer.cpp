// rendezvous.answer: from an offer that becomes visible in the folder to its answer in place, with real answers (a
// WebRTC peer each, no STUN); rendezvous.answer.files: the same with an Answerer that answers at once. Beside each, in
// turns, the least that any answer costs here: inotify, then write, fsync and rename. rendezvous.junk: the answer's
// time with 10,000 junk records in the directory, against a directory without. A JSON line each; arguments are prefixes
// of names, as in bench/run.mjs.
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
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "rendezvous/server.hpp"
#include "rtc/peer.hpp"
#include "wanted.hpp"

namespace {

using namespace owndir;
using namespace owndir::rendezvous;
namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr int kWaitMs = 10000;

struct InstantAnswerer final : Answerer {
  Awaitable<Result<std::string>> answer(const Offer&, std::uint64_t) override { co_return std::string(2000, 'v'); }
  void abandon(std::uint64_t) override {}
};

/// A peer for each offer, kept until it is abandoned.
struct PeerAnswerer final : Answerer {
  explicit PeerAnswerer(rtc::Engine& engine) : engine_(engine) {}
  Awaitable<Result<std::string>> answer(const Offer& offer, std::uint64_t key) override {
    auto peer = rtc::Peer::create(engine_, {});
    if (!peer) co_return fail(std::move(peer.error()));
    peers_[key] = *peer;
    Result<std::string> sdp = co_await (*peer)->accept_offer(offer.sdp);
    co_return sdp;
  }
  void abandon(std::uint64_t key) override { peers_.erase(key); }

 private:
  rtc::Engine& engine_;
  std::map<std::uint64_t, std::shared_ptr<rtc::Peer>> peers_;
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
void answer_barely(Appearance& offers, const fs::path& directory, int count) {
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

Awaitable<void> make_offer(rtc::Peer& peer, std::string& sdp) {
  auto made = co_await peer.make_offer();
  if (!made) throw std::runtime_error(made.error().to_string());
  sdp = std::move(*made);
}

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

/// A server on a folder of its own, its network thread, and what appears in its handshake directory.
class Served {
 public:
  Served(asio::io_context& network, asio::thread_pool& files, const fs::path& work, Answerer& answerer)
      : network_(network), directory_(work / "folder" / kDirectory) {
    fs::create_directories(work / "folder");
    fs::create_directories(work / "state");
    folder_.emplace(std::move(*RootedFolder::open(work / "folder")));
    asio::co_spawn(network, start(*folder_, files, answerer, work / "state", server_), rethrow);
    while (!server_) network.run_one();
    appearance_ = std::make_unique<Appearance>(directory_);
    thread_ = std::thread([this] { network_.run(); });
  }
  ~Served() {
    asio::co_spawn(network_, stop(server_), [this](const std::exception_ptr& failure) {
      rethrow(failure);
      busy_.reset();
      network_.stop();
    });
    thread_.join();
    network_.restart();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  const fs::path& directory() const { return directory_; }
  Appearance& appearance() { return *appearance_; }

  /// Milliseconds from the offer's rename into the directory to its answer's.
  double answer(std::uint64_t number, const std::string& sdp) {
    const Offer offer{id_of(1), id_of(1000 + number), id_of(2000000 + number), 0, 600, "bench", std::nullopt, sdp};
    const auto begin = SteadyClock::now();
    deliver(directory_ / name_of(offer), serialize(offer));
    appearance_->wait("answer-" + offer.client + "-" + offer.offer);
    return milliseconds_since(begin);
  }

 private:
  asio::io_context& network_;
  const fs::path directory_;
  std::optional<RootedFolder> folder_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Appearance> appearance_;
  asio::executor_work_guard<asio::io_context::executor_type> busy_ = asio::make_work_guard(network_);
  std::thread thread_;
};

/// `count` offers with this SDP, each answered by the server and, in turn, by the bare loop.
void measure(const char* name, asio::io_context& network, asio::thread_pool& files, const fs::path& work,
             Answerer& answerer, const std::string& sdp, int count) {
  Served served(network, files, work, answerer);
  const fs::path& directory = served.directory();
  Appearance bare_offers(directory);
  std::thread bare_thread([&] { answer_barely(bare_offers, directory, count); });
  std::vector<double> answers, bare;
  for (int i = 0; i < count; ++i) {
    answers.push_back(served.answer(static_cast<std::uint64_t>(i), sdp));
    const auto begin = SteadyClock::now();
    deliver(directory / ("bare-offer-" + std::to_string(i)), sdp);
    served.appearance().wait("bare-answer-" + std::to_string(i));
    bare.push_back(milliseconds_since(begin));
  }
  bare_thread.join();
  constexpr const char* kLine =
      "{{\"name\":\"{}\",\"offers\":{},\"median_ms\":{:.2f},\"p99_ms\":{:.2f},\"fsync_ms\":{:.2f},\"ratio\":{:.2f}}}\n";
  fmt::print(kLine, name, count, median(answers), median(answers, 0.99), median(bare), median(answers) / median(bare));
}

/// What anyone who may write into the folder can leave there: half of them cut short, half of them too large.
void put_junk(const fs::path& directory, unsigned count) {
  fs::create_directories(directory);
  for (unsigned i = 0; i < count; ++i) {
    const fs::path path = directory / fmt::format("offer-{:016x}-{:016x}.json", 0xbad0000U + i, i);
    std::ofstream(path, std::ios::binary)
        << (i % 2 == 0 ? std::string(R"({"v":1,"type":"offer")") : std::string(20'000, '['));
  }
}

/// Two servers, each with its own threads, one of them on a directory full of junk; offers to both in turns, the first
/// as soon as the servers run.
void measure_junk(const fs::path& work, int count) {
  constexpr unsigned kJunk = 10'000;
  const std::string sdp(2000, 'v');
  asio::io_context clean_network(1), full_network(1);
  asio::thread_pool clean_files(2), full_files(2);
  InstantAnswerer answerer;
  put_junk(work / "full" / "folder" / kDirectory, kJunk);
  std::vector<double> clean, full;
  {
    Served clean_server(clean_network, clean_files, work / "clean", answerer);
    Served full_server(full_network, full_files, work / "full", answerer);
    for (int i = 0; i < count; ++i) {
      full.push_back(full_server.answer(static_cast<std::uint64_t>(i), sdp));
      clean.push_back(clean_server.answer(static_cast<std::uint64_t>(i), sdp));
    }
  }
  clean_files.join();
  full_files.join();
  constexpr const char* kLine =
      R"({{"name":"rendezvous.junk","junk":{},"offers":{},"first_ms":{:.2f},"median_ms":{:.2f},"max_ms":{:.2f},)"
      R"("without_ms":{:.2f},"ratio":{:.2f}}})"
      "\n";
  const double first = full.front();
  fmt::print(kLine, kJunk, count, first, median(full), median(full, 1), median(clean), median(full) / median(clean));
}

void run_answers(const fs::path& work) {
  asio::io_context network(1);
  asio::thread_pool files(2);
  InstantAnswerer instant;
  measure("rendezvous.answer.files", network, files, work / "files", instant, std::string(2000, 'v'), 200);

  auto engine = rtc::Engine::create(network.get_executor());
  if (!engine) throw std::runtime_error(engine.error().to_string());
  auto offerer = rtc::Peer::create(**engine, {});
  if (!offerer) throw std::runtime_error(offerer.error().to_string());
  std::string sdp;
  asio::co_spawn(network, make_offer(**offerer, sdp), rethrow);
  while (sdp.empty()) network.run_one();
  {
    PeerAnswerer peers(**engine);
    measure("rendezvous.answer", network, files, work / "peers", peers, sdp, 50);
  }
  offerer->reset();
  network.poll();
  files.join();
}

}  // namespace

int main(int count, char** arguments) {
  const bench::Wanted chosen(count, arguments);
  set_log_level("error");  // each piece of junk is refused with a warning
  std::string work = (fs::temp_directory_path() / "owndir-bench-XXXXXX").string();
  if (::mkdtemp(work.data()) == nullptr) return 1;
  int code = 0;
  try {
    if (chosen("rendezvous.answer")) run_answers(work);
    if (chosen("rendezvous.junk")) measure_junk(work, 200);
  } catch (const std::exception& error) {
    fmt::print(stderr, "rendezvous_answer: {}\n", error.what());
    code = 1;
  }
  fs::remove_all(work);
  return code;
}
