#include <unordered_map>

#include "rendezvous/directory_keeper.hpp"
#include "rendezvous/watcher.hpp"

namespace owndir::rendezvous {
namespace {

/// More changes than this in one interval are one rescan.
constexpr std::size_t kNames = 256;

class PollingWatcher final : public Watcher {
 public:
  PollingWatcher(FileJobs& jobs, SharedFolder root, std::shared_ptr<Store> store, WatchOptions options,
                 WatchEvents events)
      : options_(std::move(options)),
        events_(std::move(events)),
        store_(std::move(store)),
        timer_(jobs.network()),
        jobs_(&jobs),
        keeper_(
            jobs, std::move(root), options_,
            {[this](const Error& error) { lost(error); }, [this](SharedFolder folder) { back(std::move(folder)); }}) {
    arm();
    keeper_.check();
  }
  ~PollingWatcher() override { stop(); }

  void stop() override {
    stopped_ = true;
    keeper_.stop();
    jobs_.close();
    timer_.cancel();
  }

 private:
  void lost(const Error& error) {
    known_.clear();
    events_.lost(error);
  }
  void back(SharedFolder folder) {
    known_.clear();
    events_.back(std::move(folder));
  }

  void arm() {
    timer_.expires_after(options_.poll_interval);
    timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
      if (!error && !alive.expired() && !stopped_) poll();
    });
  }

  void poll() {
    const SharedFolder folder = keeper_.directory();
    if (!folder) return arm();
    if (std::chrono::steady_clock::now() >= rescan_at_) {
      // What came and went between two looks leaves no trace here.
      rescan_at_ = std::chrono::steady_clock::now() + options_.rescan_interval;
      events_.rescan();
    }
    jobs_.run([store = store_, folder, limit = options_.entries] { return store->list(*folder, limit); },
              [this, folder](Result<Listing> listing) {
                arm();
                if (folder != keeper_.directory()) return;
                if (listing)
                  compare(std::move(*listing));
                else
                  keeper_.check();
              });
  }

  void compare(Listing listing) {
    std::unordered_map<std::string, FileInfo> now;
    std::vector<std::string> names;
    for (FileInfo& file : listing.files) {
      const auto before = known_.find(file.name);
      if (before == known_.end() || before->second != file) names.push_back(file.name);
      if (before != known_.end()) known_.erase(before);
      std::string name = file.name;
      now.emplace(std::move(name), std::move(file));
    }
    if (listing.complete)
      for (const auto& [name, file] : known_) names.push_back(name);
    known_ = std::move(now);
    if (names.size() > kNames)
      events_.rescan();
    else if (!names.empty())
      events_.changed(std::move(names));
  }

  const WatchOptions options_;
  WatchEvents events_;
  std::shared_ptr<Store> store_;
  asio::steady_timer timer_;
  std::unordered_map<std::string, FileInfo> known_;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point rescan_at_ = std::chrono::steady_clock::now() + options_.rescan_interval;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  FileJobs jobs_;
  DirectoryKeeper keeper_;
};

}  // namespace

std::unique_ptr<Watcher> watch_polling(FileJobs& jobs, SharedFolder root, std::shared_ptr<Store> store,
                                       WatchOptions options, WatchEvents events) {
  return std::make_unique<PollingWatcher>(jobs, std::move(root), std::move(store), std::move(options),
                                          std::move(events));
}

}  // namespace owndir::rendezvous
