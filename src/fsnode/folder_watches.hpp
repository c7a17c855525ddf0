#pragma once
// The system's watches of directories (inotify(7)), and what each of them stands for. Any thread, one call at a time.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"

namespace owndir::fsnode {

/// A directory beneath one of the watched paths.
struct WatchedItem {
  std::size_t root = 0;
  std::string path;  ///< from there, "" for itself
  auto operator<=>(const WatchedItem&) const = default;
};

class FolderWatches {
 public:
  /// Not available (fd() is -1) when the system has no more instances.
  FolderWatches(bool enabled, std::size_t most);

  int fd() const { return fd_.get(); }

  /// What happened to the entry `name` of a watched directory; "" for the directory itself.
  struct Notice {
    WatchedItem item;
    std::string name;
    bool of_path = false;  ///< `name` is on the way to the path of item.root
  };
  struct Notices {
    std::vector<Notice> list;
    bool lost = false;  ///< more happened than is told
  };

  /// Watches an open directory as `item`, in place of whatever was watched as that before. ENOSPC when the system
  /// refuses more.
  Result<void> add(const WatchedItem& item, int directory);
  void remove(const WatchedItem& item);
  /// Watches for `name` in an open directory, which lies on the way to root `root`; one for each root.
  Result<void> add_way(std::size_t root, int directory, std::string name);

  /// At most some thousands of events; call again while list is not empty or lost is true.
  Notices take();

 private:
  struct Use {
    WatchedItem item;
    bool way = false;
    std::string name;
  };
  Result<int> watch(int directory);
  void forget(int watch, const WatchedItem& item, bool way);

  FileDescriptor fd_;
  std::size_t most_;
  std::map<int, std::vector<Use>> uses_;  ///< by watch
  std::map<WatchedItem, int> watch_of_;
  std::map<std::size_t, int> way_of_;
};

}  // namespace owndir::fsnode
