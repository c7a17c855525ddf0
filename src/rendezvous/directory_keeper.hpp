#pragma once
// Keeps a directory open: opens it beneath the root, looks again in intervals whether another one stands at its path,
// and says when it is lost and back. What both watchers share. Network thread; opens on the pool.

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "rendezvous/file_jobs.hpp"
#include "rendezvous/watcher.hpp"

namespace owndir::rendezvous {

class DirectoryKeeper {
 public:
  struct Events {
    std::function<void(const Error&)> lost;
    std::function<void(SharedFolder)> back;
  };
  DirectoryKeeper(FileJobs& jobs, SharedFolder root, WatchOptions options, Events events);
  ~DirectoryKeeper() { stop(); }

  /// Looks now; at the start, and when something hints that the directory went away.
  void check();
  void stop();
  const SharedFolder& directory() const { return directory_; }  ///< null while it is lost

 private:
  struct Opened {
    SharedFolder folder;
    dev_t device = 0;
    ino_t inode = 0;
  };
  static Result<Opened> open(const RootedFolder& root, const WatchOptions& options);
  void opened(Result<Opened> result);

  FileJobs jobs_;
  asio::steady_timer timer_;
  SharedFolder root_;
  const WatchOptions options_;
  Events events_;
  SharedFolder directory_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool checking_ = false, again_ = false, stopped_ = false, said_lost_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace owndir::rendezvous
