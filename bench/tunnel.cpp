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
#include <charconv>
#include <cstdlib>

#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace {

using namespace owndir;
using Clocked = std::chrono::steady_clock;

constexpr std::size_t kMessage = 256 * 1024;
constexpr std::size_t kHigh =
    1024 * 1024;  // what the bare end keeps in its channel, as the tunnel does; more is no faster
constexpr std::uint64_t kSample = 32ULL << 20;
constexpr int kRounds = 5;
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

class Filler final : public exchange::BodySource {
 public:
  explicit Filler(std::uint64_t length) : length_(length), left_(length) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, limit));
    left_ -= size;
    co_return Bytes(size, std::byte{7});
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::uint64_t length_;
  std::uint64_t left_;
};

/// GET /N gives N bytes; POST counts what comes.
class BulkHandler final : public exchange::Handler {
 public:
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    std::uint64_t taken = 0;
    while (request.body) {
      Result<Bytes> piece = co_await request.body->read(kMessage);
      if (!piece) co_return fail(std::move(piece.error()));
      if (piece->empty()) break;
      taken += piece->size();
    }
    if (request.head.method == "POST") co_return exchange::text_response(200, std::to_string(taken));
    std::uint64_t length = 0;
    const std::string& target = request.head.target;
    std::from_chars(target.data() + 1, target.data() + target.size(), length);
    exchange::Response response;
    response.head.reason = "OK";
    response.head.fields = {{"Content-Length", std::to_string(length)}};
    response.body = std::make_unique<Filler>(length);
    co_return response;
  }
};

/// One end of a bare channel: sends bulk with backpressure, counts what comes.
class RawEnd {
 public:
  RawEnd(asio::any_io_executor executor, std::shared_ptr<exchange::MessageChannel> channel, bool answers)
      : changed_(std::move(executor)), channel_(std::move(channel)), answers_(answers) {
    exchange::MessageChannel::Events events;
    events.on_open = [this] { changed_.notify(); };
    events.on_message = [this](Bytes message) { take(message); };
    events.on_buffered_low = [this] { pour(); };
    channel_->set_buffered_low_threshold(kHigh / 2);
    channel_->set_events(std::move(events));
  }
  ~RawEnd() { channel_->set_events({}); }

  Awaitable<void> opened() {
    while (!channel_->is_open()) co_await changed_.wait();
  }
  void send_text(std::string text, std::size_t size) {
    text.resize(std::max(size, text.size()));
    if (!channel_->send(as_bytes(text))) give_up("a raw channel takes nothing");
  }
  void send_bulk(std::uint64_t bytes) {
    left_ = bytes;
    pour();
  }
  Awaitable<void> received(std::uint64_t bytes) {
    awaited_ = bytes;
    while (awaited_ > 0) co_await changed_.wait();
  }

 private:
  void take(const Bytes& message) {
    if (!answers_ || counting_ > 0) {
      std::uint64_t& left = answers_ ? counting_ : awaited_;
      left -= std::min<std::uint64_t>(left, message.size());
      if (left > 0) return;
      if (answers_) send_text("done", 4);
      changed_.notify();
      return;
    }
    const std::string_view text = as_text(message);
    std::uint64_t number = 0;
    std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (text[0] == 'g') send_bulk(number);
    if (text[0] == 'p') counting_ = number;
    if (text[0] == 'e') send_text("e", number);
  }
  void pour() {
    while (left_ > 0 && channel_->buffered_amount() < kHigh) {
      const std::size_t size = std::min<std::uint64_t>(left_, kMessage);
      if (!channel_->send(ByteView(piece_).first(size))) return;
      left_ -= size;
    }
  }

  Notifier changed_;
  std::shared_ptr<exchange::MessageChannel> channel_;
  bool answers_;
  Bytes piece_ = Bytes(kMessage, std::byte{7});
  std::uint64_t left_ = 0;
  std::uint64_t counting_ = 0;
  std::uint64_t awaited_ = 0;
};

template <class T>
T run(asio::io_context& io, Awaitable<Result<T>> task) {
  std::optional<Result<T>> out;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, Result<T> value) {
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
  for (int i = 0; i < 2; ++i) {
    peers.push_back(must(rtc::Peer::create(*engine, {})));
    write_text(fd, run(io, peers[i]->accept_offer(read_text(fd))));
  }
  const RawEnd raw(io.get_executor(), peers[0]->channels().at(1), true);
  BulkHandler handler;
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
  RawEnd& raw;
  tunnel::Connection& tunnel;
};

double since(Clocked::time_point start) {
  return std::chrono::duration<double>(Clocked::now() - start).count();
}

Awaitable<double> raw_download(Near& near) {
  const auto start = Clocked::now();
  near.raw.send_text("g" + std::to_string(kSample), 0);
  co_await near.raw.received(kSample);
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

Awaitable<double> raw_upload(Near& near) {
  const auto start = Clocked::now();
  near.raw.send_text("p" + std::to_string(kSample), 0);
  near.raw.send_bulk(kSample);
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
  request.body = std::make_unique<Filler>(kSample);
  (void)co_await fetch(near, std::move(request));
  co_return static_cast<double>(kSample) / 1e6 / since(start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Awaitable<double> raw_round_trip(Near& near) {
  const auto start = Clocked::now();
  near.raw.send_text("e1024 ", 100);
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

Awaitable<Result<bool>> measure(Near near, std::vector<std::string> wanted) {
  co_await near.raw.opened();
  must(co_await near.tunnel.ready());
  const auto chosen = [&](std::string_view name) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& prefix) {
             return name.substr(0, prefix.size()) == prefix;
           });
  };
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
  const std::vector<std::string> wanted(arguments + 1, arguments + count);
  static constexpr std::string_view kNames[] = {"tunnel.download.native", "tunnel.upload.native", "tunnel.get.latency"};
  const bool any = wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [](const std::string& prefix) {
                     return std::any_of(std::begin(kNames), std::end(kNames),
                                        [&](std::string_view name) { return name.substr(0, prefix.size()) == prefix; });
                   });
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
    RawEnd raw(io.get_executor(), peers[0]->channels().at(1), false);
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
