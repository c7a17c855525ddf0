#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <unordered_set>

#include "base/log.hpp"
#include "rendezvous/directory_keeper.hpp"
#include "rendezvous/record.hpp"
#include "rendezvous/watcher.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::uint32_t kMask = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM |
                                IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::uint32_t kLost = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

class InotifyWatcher final : public Watcher {
 public:
  InotifyWatcher(FileJobs& jobs, SharedFolder root, WatchOptions options, WatchEvents events)
      : options_(std::move(options)),
        events_(std::move(events)),
        stream_(jobs.network()),
        rescan_(jobs.network()),
        keeper_(
            jobs, std::move(root), options_,
            {[this](const Error& error) { lost(error); }, [this](SharedFolder folder) { back(std::move(folder)); }}) {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
      poll_instead("inotify", errno);
    } else {
      stream_.assign(fd);
      read();
    }
    arm_rescan();
    keeper_.check();
  }
  ~InotifyWatcher() override { stop(); }

  void stop() override {
    if (std::exchange(stopped_, true)) return;
    keeper_.stop();
    rescan_.cancel();
    if (stream_.is_open()) stream_.close();
  }

 private:
  void lost(const Error& error) {
    remove_watch();
    events_.lost(error);
  }

  void back(SharedFolder folder) {
    remove_watch();
    if (stream_.is_open()) {
      // Through the descriptor: what is watched is what was opened, whatever stands at the path by now.
      const std::string path = "/proc/self/fd/" + std::to_string(folder->fd());
      watch_ = ::inotify_add_watch(stream_.native_handle(), path.c_str(), kMask);
      if (watch_ < 0) poll_instead("a watch of inotify", errno);
    }
    events_.back(std::move(folder));
  }

  void remove_watch() {
    if (watch_ >= 0) ::inotify_rm_watch(stream_.native_handle(), watch_);
    watch_ = -1;
  }

  void poll_instead(const char* what, int error) {
    if (interval_ != options_.poll_interval)
      log("rendezvous")
          .warn(
              "no {} to be had ({}); looking every {} ms instead. Raise fs.inotify.max_user_instances or "
              "max_user_watches",
              what, std::strerror(error), options_.poll_interval.count());
    interval_ = options_.poll_interval;
    arm_rescan();
  }

  void arm_rescan() {
    rescan_.expires_after(interval_);
    rescan_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
      if (error || alive.expired() || stopped_) return;
      arm_rescan();
      if (keeper_.directory()) events_.rescan();
    });
  }

  void read() {
    stream_.async_read_some(asio::buffer(*buffer_), [this, alive = std::weak_ptr<char>(alive_), buffer = buffer_](
                                                        const boost::system::error_code& error, std::size_t size) {
      if (error || alive.expired() || stopped_) return;
      take(size);
      if (!alive.expired() && !stopped_) read();
    });
  }

  void take(std::size_t size) {
    std::vector<std::string> names;
    std::unordered_set<std::string_view> unique;
    bool overflow = false, maybe_lost = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event event{};
      std::memcpy(&event, buffer_->data() + at, sizeof event);
      const char* name = buffer_->data() + at + sizeof event;
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) overflow = true;
      if (event.wd != watch_) continue;
      if ((event.mask & kLost) != 0) maybe_lost = true;
      if (event.len == 0) continue;
      const std::string_view text(name, ::strnlen(name, event.len));
      if (parse_name(text) && unique.insert(text).second) names.emplace_back(text);
    }
    if (maybe_lost) keeper_.check();
    const std::weak_ptr<char> alive(alive_);
    if (!names.empty()) events_.changed(std::move(names));
    if (overflow && !alive.expired() && !stopped_) events_.rescan();
  }

  const WatchOptions options_;
  WatchEvents events_;
  asio::posix::stream_descriptor stream_;
  asio::steady_timer rescan_;
  std::chrono::milliseconds interval_ = options_.rescan_interval;
  int watch_ = -1;
  bool stopped_ = false;
  /// Shared with the read in flight, which may outlive this object for a moment.
  std::shared_ptr<std::array<char, 65536>> buffer_ = std::make_shared<std::array<char, 65536>>();
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  DirectoryKeeper keeper_;
};

}  // namespace

// The polling twin keeps the store. NOLINTNEXTLINE(performance-unnecessary-value-param)
std::unique_ptr<Watcher> watch_inotify(FileJobs& jobs, SharedFolder root, std::shared_ptr<Store>, WatchOptions options,
                                       WatchEvents events) {
  return std::make_unique<InotifyWatcher>(jobs, std::move(root), std::move(options), std::move(events));
}

}  // namespace owndir::rendezvous
