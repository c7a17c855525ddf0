// The tunnel against the raw channel under it: two processes, joined by two peers, one with bare channels and one with
// a tunnel, measured in turns in one run. JSON lines; arguments are prefixes of names, as in bench/run.mjs.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "bulk.hpp"
#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"
#include "wanted.hpp"

namespace {

using namespace owndir;
using Clocked = std::chrono::steady_clock;

constexpr std::size_t kMessage = 256 * 1024;
constexpr std::size_t kHigh =
    1024 * 1024;  // what the bare end keeps in its channel, as the tunnel does; more is no faster
constexpr std::uint64_t kSample = 32ULL << 20;
constexpr int kRounds = 8;  // 256 MiB in all
constexpr int kGets = 2000;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_tunnel: {}\n", why);
  std::_Exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().to_string());
  return std::move(*result);
}

void must(Result<void> result) {
  if (!result) give_up(result.error().to_string());
}

/// Descriptions over a socket pair, each with its length before it.
void write_text(int fd, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  if (write(fd, &size, sizeof size) != sizeof size || write(fd, text.data(), size) != static_cast<ssize_t>(size))
    give_up("cannot write to the other process");
}
std::string read_text(int fd) {
  std::uint32_t size = 0;
  if (recv(fd, &size, sizeof size, MSG_WAITALL) != sizeof size) give_up("the other process is gone");
  std::string text(size, '\0');
  if (recv(fd, text.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) give_up("the other process is gone");
  return text;
}

/// The near end of a bare channel: asks the other one, and waits for what comes.
class NearEnd final : public bench::RawEnd {
 public:
  NearEnd(asio::any_io_executor executor, std::shared_ptr<exchange::MessageChannel> channel)
      : RawEnd(std::move(channel), kHigh, kHigh / 2), changed_(executor) {}

  Awaitable<void> opened() {
    while (!is_open()) co_await changed_.wait();
  }
  void ask(std::string command, std::size_t size = 0) {
    command.resize(std::max(size, command.size()), ' ');
    if (!send_text(command)) give_up("a raw channel takes nothing");
  }
  Awaitable<void> received(std::uint64_t bytes) {
    awaited_ = bytes;
    while (awaited_ > 0) co_await changed_.wait();
  }

 private:
  void on_open() override { changed_.notify(); }
  void take(const Bytes& message) override {
    awaited_ -= std::min<std::uint64_t>(awaited_, message.size());
    if (awaited_ == 0) changed_.notify();
  }

  Notifier changed_;
  std::uint64_t awaited_ = 0;
};

template <class T>
T run(asio::io_context& io, Awaitable<Result<T>> task) {
  std::optional<Result<T>> out;
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& thrown, Result<T> value) {
    if (thrown) give_up("an exception");
    out = std::move(value);
    io.stop();
  });
  io.restart();
  const auto work = asio::make_work_guard(io);
  io.run();
  return must(std::move(*out));
}

[[noreturn]] void far_end(int fd) {
  asio::io_context io(1);
  const auto engine = must(rtc::Engine::create(io.get_executor()));
  std::vector<std::shared_ptr<rtc::Peer>> peers;
  for (std::size_t i = 0; i < 2; ++i) {
    peers.push_back(must(rtc::Peer::create(*engine, {})));
    write_text(fd, run(io, peers[i]->accept_offer(read_text(fd))));
  }
  const bench::RawEcho raw(peers[0]->channels().at(1), kHigh, kHigh / 2);
  bench::BulkHandler handler(kMessage);
  tunnel::ConnectionOptions options;
  options.role = tunnel::Role::server;
  options.handler = &handler;
  options.data_piece = kMessage;
  const auto connection = tunnel::Connection::start(io.get_executor(), peers[1]->channels(), options);
  const auto work = asio::make_work_guard(io);
  io.restart();
  io.run();
  std::_Exit(0);
}

struct Near {
  NearEnd& raw;
  tunnel::Connection& tunnel;
};

double since(Clocked::time_point start) {
  return std::chrono::duration<double>(Clocked::now() - start).count();
}

Awaitable<double> raw_download(Near& near) {
  const auto start = Clocked::now();
  near.raw.ask("get " + std::to_string(kSample) + " " + std::to_string(kMessage));
  co_await near.raw.received(kSample);
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

Awaitable<double> raw_upload(Near& near) {
  const auto start = Clocked::now();
  near.raw.ask("put " + std::to_string(kSample));
  near.raw.send_bulk(kSample, kMessage);
  co_await near.raw.received(4);
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

/// Asks and reads to the end; gives the number of body bytes.
Awaitable<std::uint64_t> fetch(Near& near, exchange::Request request) {
  exchange::Response response = must(co_await near.tunnel.handle(std::move(request)));
  std::uint64_t bytes = 0;
  while (response.body) {
    const Bytes piece = must(co_await response.body->read(kMessage));
    if (piece.empty()) break;
    bytes += piece.size();
  }
  co_return bytes;
}

exchange::Request get(std::uint64_t bytes) {
  exchange::Request request;
  request.head = {"GET", "/" + std::to_string(bytes), {{"Host", "localhost"}, {"Accept", "*/*"}}};
  return request;
}

Awaitable<double> tunnel_download(Near& near) {
  const auto start = Clocked::now();
  exchange::Request request = get(kSample);
  const std::uint64_t bytes = co_await fetch(near, std::move(request));
  if (bytes != kSample) give_up("a short body");
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

Awaitable<double> tunnel_upload(Near& near) {
  const auto start = Clocked::now();
  exchange::Request request = get(0);
  request.head.method = "POST";
  request.body = std::make_unique<bench::Filler>(kSample);
  (void)co_await fetch(near, std::move(request));
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Awaitable<double> raw_round_trip(Near& near) {
  const auto start = Clocked::now();
  near.raw.ask("echo 1024", 100);
  co_await near.raw.received(1024);
  co_return since(start) * 1e6;
}

Awaitable<double> tunnel_get(Near& near) {
  const auto start = Clocked::now();
  exchange::Request request = get(1024);
  (void)co_await fetch(near, std::move(request));
  co_return since(start) * 1e6;
}

using Measure = Awaitable<double> (*)(Near&);

struct Pair {
  double tunnel;
  double raw;
  double ratio;
};

/// Medians of rounds in turns; the ratio is the median of the rounds' ratios.
Awaitable<Pair> compare(Near& near, int rounds, Measure tunnel, Measure raw) {
  std::vector<double> tunnels;
  std::vector<double> raws;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    raws.push_back(co_await raw(near));
    tunnels.push_back(co_await tunnel(near));
    ratios.push_back(tunnels.back() / raws.back());
  }
  co_return Pair{median(tunnels), median(raws), median(ratios)};
}

Awaitable<Result<bool>> measure(Near near, bench::Wanted chosen) {
  co_await near.raw.opened();
  must(co_await near.tunnel.ready());
  static constexpr std::uint64_t kMib = kSample * kRounds >> 20;
  const auto print_rate = [](std::string_view name, const Pair& pair) {
    fmt::print(R"({{"name":"{}","mib":{},"mb_per_s":{:.1f},"raw_mb_per_s":{:.1f},"ratio":{:.3f}}})"
               "\n",
               name, kMib, pair.tunnel, pair.raw, pair.ratio);
    std::fflush(stdout);
  };
  if (chosen("tunnel.download.native")) {
    const Pair pair = co_await compare(near, kRounds, tunnel_download, raw_download);
    print_rate("tunnel.download.native", pair);
  }
  if (chosen("tunnel.upload.native")) {
    const Pair pair = co_await compare(near, kRounds, tunnel_upload, raw_upload);
    print_rate("tunnel.upload.native", pair);
  }
  if (chosen("tunnel.get.latency")) {
    const Pair pair = co_await compare(near, kGets, tunnel_get, raw_round_trip);
    fmt::print(R"({{"name":"tunnel.get.latency","gets":{},"us":{:.1f},"raw_us":{:.1f},"ratio":{:.3f}}})"
               "\n",
               kGets, pair.tunnel, pair.raw, pair.tunnel / pair.raw);
  }
  co_return true;
}

}  // namespace

int main(int count, char** arguments) {
  const bench::Wanted wanted(count, arguments);
  const bool any = wanted("tunnel.download.native") || wanted("tunnel.upload.native") || wanted("tunnel.get.latency");
  if (!any) return 0;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) give_up("no socket pair");
  const pid_t child = fork();
  if (child < 0) give_up("no second process");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    far_end(ends[1]);
  }
  {
    asio::io_context io(1);
    const auto engine = must(rtc::Engine::create(io.get_executor()));
    std::vector<std::shared_ptr<rtc::Peer>> peers;
    for (int i = 0; i < 2; ++i) {
      peers.push_back(must(rtc::Peer::create(*engine, {})));
      write_text(ends[0], run(io, peers.back()->make_offer()));
      auto accepted = peers.back()->accept_answer(read_text(ends[0]));
      const auto wait = [](Awaitable<Result<void>> task) -> Awaitable<Result<bool>> {
        must(co_await std::move(task));
        co_return true;
      };
      run(io, wait(std::move(accepted)));
    }
    NearEnd raw(io.get_executor(), peers[0]->channels().at(1));
    tunnel::ConnectionOptions options;
    options.data_piece = kMessage;
    const auto connection = tunnel::Connection::start(io.get_executor(), peers[1]->channels(), options);
    run(io, measure(Near{raw, *connection}, wanted));
    std::fflush(stdout);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return 0;
}
