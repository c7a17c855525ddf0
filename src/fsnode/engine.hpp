#pragma once
// The folder as an API: one engine for the process, any number of sessions on it. Owns the folder's descriptor and what
// sessions share (uploads under way); the file threads do everything that blocks. Network thread only, but tree(),
// which any thread may use. Must outlive its sessions; the file threads must be joined before it is destroyed.

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "fsnode/tree.hpp"
#include "owndir/protocol.hpp"

namespace owndir::fsnode {

struct EngineOptions {
  std::string name;      ///< of the folder, for people
  bool writable = true;  ///< false: every change is refused
  Limits limits;
  bool inotify = true;                                                 ///< false: watch by looking again and again
  std::size_t most_watches = std::numeric_limits<std::size_t>::max();  ///< of one sub; it looks again for the rest
  std::chrono::milliseconds settle{30};              ///< how long changes are gathered before they are told
  std::chrono::milliseconds poll_interval{2000};     ///< between looks where the system tells nothing
  std::chrono::milliseconds rescan_interval{60000};  ///< between looks at everything, where it tells
};

/// Who writes the partial file of an upload: one call at a time, the latest.
class UploadTurns {
 public:
  class Turn {
   public:
    Turn(std::shared_ptr<Notifier> ended, std::function<void()> evict)
        : ended_(std::move(ended)), evict_(std::move(evict)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { ended_->notify(); }

   private:
    friend class UploadTurns;
    std::shared_ptr<Notifier> ended_;
    std::function<void()> evict_;
  };

  /// Asks whoever has the turn of `key` to end, waits until it has, and takes it. `evict` is called, once at most, when
  /// another wants it. The turn ends with the last copy of the result; null when cancelled.
  Awaitable<std::shared_ptr<Turn>> take(std::string key, std::function<void()> evict);

 private:
  std::map<std::string, std::weak_ptr<Turn>> turns_;
};

class Engine {
 public:
  Engine(RootedFolder folder, asio::thread_pool& files, EngineOptions options = {});

  const Tree& tree() const { return tree_; }
  asio::thread_pool& files() { return files_; }
  const EngineOptions& options() const { return options_; }
  UploadTurns& uploads() { return uploads_; }

 private:
  Tree tree_;
  asio::thread_pool& files_;
  EngineOptions options_;
  UploadTurns uploads_;
};

}  // namespace owndir::fsnode
