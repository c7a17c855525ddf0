#pragma once
// Watches the handshake directory. Two twins behind one interface: inotify, and polling for file systems without it.
// Both only hint: what really is in the directory is read by whoever owns the watcher. The directory is opened beneath
// the root, so that no link leads outside, and opened anew when another one stands at its path, when it was removed or
// unmounted and came back. Network thread; blocking calls run on the pool. After `stop` (and after destruction) there
// are no more events.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rendezvous/file_jobs.hpp"
#include "rendezvous/store.hpp"

namespace owndir::rendezvous {

struct WatchEvents {
  /// Handshake names that may have appeared, changed or gone; never empty.
  std::function<void(std::vector<std::string>)> changed;
  /// Anything may have changed.
  std::function<void()> rescan;
  /// The directory cannot be opened any more; `back` follows, maybe never. Also when it never could.
  std::function<void(const Error&)> lost;
  /// The directory was opened, for the first time or anew; anything may have changed. A `back` may follow a `back`.
  std::function<void(std::shared_ptr<const RootedFolder>)> back;
};

struct WatchOptions {
  std::string path;     ///< of the directory, beneath the root
  bool create = false;  ///< make it where it is missing
  std::size_t entries = 65536;
  std::chrono::milliseconds poll_interval{1000};
  std::chrono::milliseconds check_interval{1000};    ///< is it still the directory at its path
  std::chrono::milliseconds rescan_interval{10000};  ///< against file systems that do not tell everything
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void stop() = 0;
};

using SharedFolder = std::shared_ptr<const RootedFolder>;

std::unique_ptr<Watcher> watch_inotify(FileJobs& jobs, SharedFolder root, std::shared_ptr<Store> store,
                                       WatchOptions options, WatchEvents events);
std::unique_ptr<Watcher> watch_polling(FileJobs& jobs, SharedFolder root, std::shared_ptr<Store> store,
                                       WatchOptions options, WatchEvents events);

}  // namespace owndir::rendezvous
