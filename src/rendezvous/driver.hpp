#pragma once
// What both drivers do beside their machine: watch the directory, look at what changed and list it, one look at a time.
// Network thread; file work on the pool. After `stop` there are no more events.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "base/clock.hpp"
#include "rendezvous/file_jobs.hpp"
#include "rendezvous/watcher.hpp"

namespace owndir::rendezvous {

class DirectoryDriver {
 public:
  struct Events {
    std::function<void(FileInfo, SteadyTime hinted)> seen;
    std::function<void(std::string)> gone;
    std::function<void(Listing)> listed;
    std::function<void(const Error&)> lost;
    std::function<void()> back;  ///< `listed` follows
  };
  DirectoryDriver(FileJobs& jobs, const Clock& clock, SharedFolder root, std::shared_ptr<Store> store, bool polling,
                  WatchOptions options, Events events);
  ~DirectoryDriver() { stop(); }

  /// Looks at one file: `seen` or `gone` follows unless the directory is lost.
  void check(std::string name);
  const SharedFolder& directory() const { return directory_; }  ///< null while it is lost
  void stop();

 private:
  struct Look {
    std::string name;
    SteadyTime hinted;  ///< when the watcher told of it
    Result<std::optional<FileInfo>> file;
  };
  using Looks = std::vector<Look>;
  void queue(std::string name);
  void forget_names();
  void look();
  void looked(const SharedFolder& folder, Looks looks);
  void list();

  FileJobs jobs_;
  std::shared_ptr<Store> store_;
  const std::size_t entries_;
  const Clock& clock_;
  Events events_;
  SharedFolder directory_;
  std::deque<Look> names_;  ///< to be looked at, newest first: a flood does not hold up what comes after it
  std::unordered_set<std::string> queued_;
  bool looking_ = false, listing_ = false, list_again_ = false, stopped_ = false;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace owndir::rendezvous
