// The native client that bench/tunnel.mjs measures with, once on bare data channels and once through a tunnel:
//   near_end raw | tunnel     writes a line with an offer (a JSON string), reads one with the answer, says
//   {"ready":true}
// Then each line in is a command, and each line out what it took (milliseconds, medians in microseconds):
//   {"do":"bulk","way":"download"|"upload","bytes":N,"streams":S}
//   {"do":"gets","count":N,"in_flight":K}      1 KiB each; raw: as many round trips of the same sizes
//   {"do":"fair","way":W,"bytes":N}            1 KiB each, one after the other, beside a transfer of N (tunnel)
//   {"do":"slow","readers":R,"bytes":N}        a download of N beside R that are opened and never read (tunnel)
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bulk.hpp"
#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace {

using namespace owndir;
using nlohmann::json;
using Clocked = std::chrono::steady_clock;

constexpr std::size_t kMessage = 64 * 1024;
constexpr std::size_t kSmall = 1024;
constexpr std::uint64_t kEndless = 1ULL << 30;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "near_end: {}\n", why);
  std::_Exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().to_string());
  return std::move(*result);
}

double since(Clocked::time_point start) {
  return std::chrono::duration<double, std::milli>(Clocked::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

exchange::Request get(std::uint64_t bytes) {
  exchange::Request request;
  request.head = {"GET", "/" + std::to_string(bytes), {{"Host", "localhost"}, {"Accept", "*/*"}}};
  return request;
}

/// Several coroutines and the wait for the last of them.
class Crowd {
 public:
  explicit Crowd(const asio::any_io_executor& executor) : tasks_(executor), changed_(executor) {}
  void add(Awaitable<void> task) {
    ++running_;
    tasks_.spawn("near end", run(std::move(task)));
  }
  bool idle() const { return running_ == 0; }
  Awaitable<void> over() {
    while (!idle()) co_await changed_.wait();
  }

 private:
  Awaitable<void> run(Awaitable<void> task) {
    co_await std::move(task);
    --running_;
    changed_.notify();
  }

  TaskGroup tasks_;
  Notifier changed_;
  int running_ = 0;
};

/// Does what the commands say, over one kind of connection.
class Client {
 public:
  virtual ~Client() = default;
  virtual Awaitable<void> ready() = 0;
  virtual Awaitable<void> bulk(bool download, std::uint64_t bytes, int streams) = 0;
  /// Gives the time of each.
  virtual Awaitable<std::vector<double>> gets(int count, int in_flight) = 0;
  virtual Awaitable<json> other(json command) {
    give_up("no such command: " + command.dump());
    co_return json();
  }
};

class TunnelClient final : public Client {
 public:
  TunnelClient(asio::any_io_executor executor, const std::vector<std::shared_ptr<exchange::MessageChannel>>& channels)
      : executor_(executor), connection_(tunnel::Connection::start(executor, channels, {})) {}

  Awaitable<void> ready() override {
    const Result<void> result = co_await connection_->ready();
    if (!result) give_up(result.error().to_string());
  }

  Awaitable<void> bulk(bool download, std::uint64_t bytes, int streams) override {
    Crowd crowd(executor_);
    for (int i = 0; i < streams; ++i) crowd.add(one(download, bytes / static_cast<std::uint64_t>(streams)));
    co_await crowd.over();
  }

  Awaitable<std::vector<double>> gets(int count, int in_flight) override {
    std::vector<double> times;
    Crowd crowd(executor_);
    int left = count;
    for (int i = 0; i < in_flight; ++i) crowd.add(some_gets(left, times));
    co_await crowd.over();
    co_return times;
  }

  Awaitable<json> other(json command) override {
    const std::uint64_t bytes = command.at("bytes");
    const std::string what = command.at("do");
    if (what == "fair") co_return co_await fair(command.value("way", "download") == "download", bytes);
    if (what == "slow") co_return co_await slow(command.at("readers"), bytes);
    give_up("no such command: " + what);
  }

 private:
  Awaitable<void> one(bool download, std::uint64_t bytes) {
    exchange::Request request = get(download ? bytes : 0);
    if (!download) {
      request.head.method = "POST";
      request.body = std::make_unique<bench::Filler>(bytes);
    }
    const std::uint64_t got = co_await fetch(std::move(request));
    if (download && got != bytes) give_up("a short body");
  }

  /// Asks and reads to the end; gives the number of body bytes.
  Awaitable<std::uint64_t> fetch(exchange::Request request) {
    Result<exchange::Response> answer = co_await connection_->handle(std::move(request));
    exchange::Response response = must(std::move(answer));
    std::uint64_t bytes = 0;
    while (response.body) {
      Result<Bytes> read = co_await response.body->read(kMessage);
      const Bytes piece = must(std::move(read));
      if (piece.empty()) break;
      bytes += piece.size();
    }
    co_return bytes;
  }

  Awaitable<void> some_gets(int& left, std::vector<double>& times) {
    while (left-- > 0) {
      const auto start = Clocked::now();
      exchange::Request request = get(kSmall);
      const std::uint64_t bytes = co_await fetch(std::move(request));
      if (bytes != kSmall) give_up("a short body");
      times.push_back(since(start));
    }
  }

  Awaitable<json> fair(bool download, std::uint64_t bytes) {
    Crowd crowd(executor_);
    std::vector<double> times;
    const auto start = Clocked::now();
    crowd.add(one(download, bytes));
    while (!crowd.idle()) {
      int left = 1;
      co_await some_gets(left, times);
    }
    co_return json{{"us", median(times) * 1000}, {"gets", times.size()}, {"ms", since(start)}};
  }

  Awaitable<json> slow(int readers, std::uint64_t bytes) {
    std::vector<exchange::Response> unread;
    for (int i = 0; i < readers; ++i) {
      exchange::Request request = get(kEndless);
      Result<exchange::Response> answer = co_await connection_->handle(std::move(request));
      unread.push_back(must(std::move(answer)));
    }
    const auto start = Clocked::now();
    co_await one(true, bytes);
    co_return json{{"ms", since(start)}};
  }

  asio::any_io_executor executor_;
  std::shared_ptr<tunnel::Connection> connection_;
};

class RawClient final : public Client, private bench::RawEnd {
 public:
  RawClient(const asio::any_io_executor& executor, std::shared_ptr<exchange::MessageChannel> channel)
      : RawEnd(std::move(channel), SIZE_MAX, 1024 * 1024), changed_(executor) {}

  Awaitable<void> ready() override {
    while (!is_open()) co_await changed_.wait();
  }

  Awaitable<void> bulk(bool download, std::uint64_t bytes, int) override {
    ask(download ? fmt::format("get {} {}", bytes, kMessage) : fmt::format("put {}", bytes));
    if (!download) send_bulk(bytes, kMessage);
    awaited_ = download ? bytes : 4;
    while (awaited_ > 0) co_await changed_.wait();
  }

  Awaitable<std::vector<double>> gets(int count, int in_flight) override {
    times_.clear();
    to_ask_ = count;
    for (int i = 0; i < in_flight; ++i) ask_one();
    while (times_.size() < static_cast<std::size_t>(count)) co_await changed_.wait();
    co_return times_;
  }

 private:
  void ask(std::string command) {
    command.resize(std::max<std::size_t>(100, command.size()), ' ');  // as long as a small request
    if (!send_text(command)) give_up("a raw channel takes nothing");
  }
  void ask_one() {
    if (to_ask_-- <= 0) return;
    asked_.push_back(Clocked::now());
    ask(fmt::format("echo {}", kSmall));
  }
  void on_open() override { changed_.notify(); }
  void take(const Bytes& message) override {
    if (!asked_.empty()) {
      times_.push_back(since(asked_.front()));
      asked_.pop_front();
      ask_one();
    }
    awaited_ -= std::min<std::uint64_t>(awaited_, message.size());
    if (awaited_ == 0) changed_.notify();
  }

  Notifier changed_;
  std::uint64_t awaited_ = 0;
  std::deque<Clocked::time_point> asked_;
  std::vector<double> times_;
  int to_ask_ = 0;
};

class Lines {
 public:
  explicit Lines(const asio::any_io_executor& executor) : input_(executor, 0) {}
  Awaitable<json> next() {
    const std::size_t size =
        co_await asio::async_read_until(input_, asio::dynamic_buffer(text_), '\n', asio::use_awaitable);
    const json line = json::parse(std::string_view(text_).substr(0, size));
    text_.erase(0, size);
    co_return line;
  }

 private:
  asio::posix::stream_descriptor input_;
  std::string text_;
};

Awaitable<json> carry_out(Client& client, json command) {
  const std::string what = command.at("do");
  const auto start = Clocked::now();
  if (what == "bulk") {
    const bool download = command.at("way") == "download";
    co_await client.bulk(download, command.at("bytes"), command.at("streams"));
    co_return json{{"ms", since(start)}};
  }
  if (what == "gets") {
    const std::vector<double> times = co_await client.gets(command.at("count"), command.at("in_flight"));
    co_return json{{"ms", since(start)}, {"us", median(times) * 1000}};
  }
  co_return co_await client.other(std::move(command));
}

void say(const json& line) {
  std::cout << line.dump() << std::endl;
}

Awaitable<void> run(asio::any_io_executor executor, rtc::Engine& engine, bool tunnel) {
  Result<std::shared_ptr<rtc::Peer>> created = rtc::Peer::create(engine, {});
  const std::shared_ptr<rtc::Peer> peer = must(std::move(created));
  Result<std::string> offer = co_await peer->make_offer();
  say(must(std::move(offer)));
  std::unique_ptr<Client> client;
  if (tunnel) {
    client = std::make_unique<TunnelClient>(executor, peer->channels());
  } else {
    client = std::make_unique<RawClient>(executor, peer->channels().at(1));
  }
  Lines lines(executor);
  const json answer = co_await lines.next();
  const Result<void> accepted = co_await peer->accept_answer(answer.get<std::string>());
  if (!accepted) give_up(accepted.error().to_string());
  co_await client->ready();
  say({{"ready", true}});
  for (;;) {
    json command = co_await lines.next();
    const json result = co_await carry_out(*client, std::move(command));
    say(result);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view mode = count == 2 ? arguments[1] : "";
  if (mode != "raw" && mode != "tunnel") {
    std::cerr << "usage: near_end raw|tunnel\n";
    return 2;
  }
  asio::io_context context(1);
  const auto engine = must(rtc::Engine::create(context.get_executor()));
  TaskGroup tasks(context.get_executor());
  tasks.spawn("near end", run(context.get_executor(), *engine, mode == "tunnel"));
  while (tasks.size() > 0) context.run_one();
  std::_Exit(0);  // the input is at its end
}
