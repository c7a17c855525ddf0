// The call that goes on: sub. A TreeWatcher works on a file thread, a step at a time; its events go out in batches.
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <nlohmann/json.hpp>

#include "base/blocking.hpp"
#include "base/utf8.hpp"
#include "fsnode/connection.hpp"
#include "fsnode/discarded.hpp"
#include "fsnode/tree_watcher.hpp"

namespace owndir::fsnode {
namespace {

constexpr std::size_t kStep = 2000;         ///< entries looked at in one piece of work
constexpr std::size_t kBatch = 256 * 1024;  ///< bytes of one message, about

struct KindRow {
  std::string_view name;
  unsigned bit;
};
const KindRow& row_of(Change::Kind kind) {
  static constexpr KindRow kRows[] = {
      {"add", event::kAdd},       {"addDir", event::kAddDir},       {"change", event::kChange},
      {"unlink", event::kUnlink}, {"unlinkDir", event::kUnlinkDir}, {"raw", event::kRaw},
      {"error", event::kError}};
  return kRows[static_cast<std::size_t>(kind)];
}

std::string event_json(const Change& change) {
  std::string json = "[\"";
  json.append(row_of(change.kind).name).append("\",\"").append(change.path).append("\"");
  switch (change.kind) {
    case Change::Kind::add:
    case Change::Kind::add_dir:
    case Change::Kind::change:
      json += ',';
      append_json(json, change.info);
      break;
    case Change::Kind::error: json.append(",").append(nlohmann::json(to_utf8(change.text)).dump()); break;
    case Change::Kind::unlink:
    case Change::Kind::unlink_dir:
    case Change::Kind::raw: break;
  }
  return json + "]";
}

/// The events that were asked for, as the values of as many messages as it takes.
std::vector<std::string> batches(const std::vector<Change>& changes, unsigned wanted, std::uint64_t most) {
  std::vector<std::string> lists;
  std::size_t in_last = 0;
  for (const Change& change : changes) {
    if ((row_of(change.kind).bit & wanted) == 0) continue;
    if (lists.empty() || in_last == most || lists.back().size() > kBatch) {
      lists.emplace_back("[");
      in_last = 0;
    }
    if (in_last++ > 0) lists.back() += ',';
    lists.back() += event_json(change);
  }
  for (std::string& list : lists) list += ']';
  return lists;
}

/// Wakes a call when the system has something to tell, or after a time. Its callbacks hold what they touch.
class Bell {
 public:
  Bell(const asio::any_io_executor& executor, CallPointer call, int fd)
      : timer_(executor), descriptor_(executor), call_(std::move(call)) {
    const int own = fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own >= 0) descriptor_.assign(own);
  }

  void arm(std::chrono::milliseconds patience) {
    *rung_ = false;
    timer_.expires_after(patience);
    const auto ring = [call = call_, rung = rung_](const boost::system::error_code& error) {
      if (error) return;
      *rung = true;
      call->wake.notify();
    };
    timer_.async_wait(ring);
    if (descriptor_.is_open() && !std::exchange(*waiting_, true)) {
      descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                             [ring, waiting = waiting_](const boost::system::error_code& error) {
                               *waiting = false;
                               ring(error);
                             });
    }
  }
  bool rung() const { return *rung_; }

 private:
  asio::steady_timer timer_;
  asio::posix::stream_descriptor descriptor_;
  CallPointer call_;
  std::shared_ptr<bool> rung_ = std::make_shared<bool>(false);
  std::shared_ptr<bool> waiting_ = std::make_shared<bool>(false);
};

WatchOptions watch_options(const Call& call, const EngineOptions& engine) {
  WatchOptions options;
  options.paths = call.paths;
  options.depth = call.depth;
  options.tell_initial = !call.ignore_initial;
  options.tell_raw = (call.events & event::kRaw) != 0;
  options.limit = engine.limits.watched;
  options.inotify = engine.inotify;
  options.most_watches = engine.most_watches;
  options.stale_s = engine.limits.upload_kept_s;
  options.poll_interval = engine.poll_interval;
  options.rescan_interval = engine.rescan_interval;
  return options;
}

}  // namespace

Awaitable<Answer> Connection::sub(CallPointer call) {
  const Call& asked = call->call;
  Discarded<TreeWatcher> watcher(engine_.files(), TreeWatcher(engine_.tree(), watch_options(asked, engine_.options())));
  Bell bell(executor_, call, watcher->fd());
  bool ready = false;
  while (!call->failure) {
    std::vector<Change> changes;
    const auto step = [&watcher, &changes] { return watcher->step(kStep, changes); };
    const Result<bool> more = co_await run_blocking(engine_.files(), step);
    if (!more) co_return fail(more.error());
    std::vector<std::string> lists = batches(changes, asked.events, limits_.part - 1);
    if (!*more && !std::exchange(ready, true)) {
      constexpr std::string_view kReadyEvent = R"(["ready",""])";
      if (lists.empty())
        lists.push_back("[" + std::string(kReadyEvent) + "]");
      else
        lists.back().replace(lists.back().size() - 1, 1, "," + std::string(kReadyEvent) + "]");
    }
    for (const std::string& list : lists) {
      exchange::SocketMessage text{true, to_bytes(message(asked.id, "events", list))};
      const bool sent = co_await outbox_.put(std::move(text));
      if (!sent) co_return fail(Errc::closed);
      if (call->failure) break;
    }
    if (*more) continue;
    bell.arm(watcher->patience());
    while (!call->failure && !bell.rung()) {
      const bool woken = co_await call->wake.wait();
      if (!woken) co_return fail(Errc::closed);
    }
    // What comes in a burst is told once.
    if (call->failure) break;
    const bool settled = co_await sleep_for(engine_.options().settle);
    if (!settled) co_return fail(Errc::closed);
  }
  if (call->failure->is(Errc::cancelled)) co_return "true";
  co_return fail(*call->failure);
}

}  // namespace owndir::fsnode
