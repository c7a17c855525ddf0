#pragma once
// What changes beneath some paths (docs/fsnode.md, sub): a picture of the tree, kept up to date by what inotify tells,
// or, where it tells nothing, by looking again; the differences are the events. So nothing is told twice, and what the
// system forgot to tell (queue overflow, too many watches, other file systems) comes out at the next look. Blocking;
// one owner, any thread, one call at a time.

#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fsnode/folder_watches.hpp"
#include "fsnode/info.hpp"

namespace owndir::fsnode {

struct WatchOptions {
  std::vector<RootedPath> paths;
  std::optional<std::uint32_t> depth;  ///< 0: the entries of the paths only
  bool tell_initial = true;            ///< what is there at first is told as added
  bool tell_raw = false;
  std::uint64_t limit = 1'000'000;  ///< files and folders in the picture
  bool inotify = true;
  std::size_t most_watches = std::numeric_limits<std::size_t>::max();  ///< of inotify; beyond, as if the system refused
  std::uint64_t stale_s = 86400;  ///< own temporary files older than this are removed on the way
  std::chrono::milliseconds poll_interval{2000};
  std::chrono::milliseconds rescan_interval{60000};
};

struct Change {
  enum class Kind { add, add_dir, change, unlink, unlink_dir, raw, error };
  Kind kind = Kind::add;
  std::string path;          ///< encoded, from the root of the folder
  std::optional<Info> info;  ///< of add, add_dir, change
  std::string text;          ///< of error
};

class TreeWatcher {
 public:
  TreeWatcher(const Tree& tree, WatchOptions options);

  /// Readable when there is something to do; -1 when only time tells.
  int fd() const { return watches_.fd(); }
  /// How long it may be left alone while fd() is silent.
  std::chrono::milliseconds patience() const;

  /// Takes in what the system told and looks at about `entries` entries. True while there is more to do; the first
  /// false is the moment "ready". Errc::too_large beyond the limit: it is then of no more use.
  Result<bool> step(std::size_t entries, std::vector<Change>& changes);

 private:
  struct State {
    bool directory = false;
    bool link = false;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::uint32_t mode = 0;
    bool operator==(const State&) const = default;
  };
  struct Folder;
  struct Node {
    State state;
    std::unique_ptr<Folder> folder;  ///< of a directory whose entries are watched
  };
  struct Folder {
    std::map<std::string, Node> entries;
  };
  struct Seen {
    State state;
    Info info;
  };
  struct Root {
    RootedPath path;
    std::optional<RootedFolder> base;  ///< it is a directory
    std::optional<Node> node;
  };

  using Item = WatchedItem;

  void take_notices();
  void look_at_everything();
  bool look_at_root(std::size_t root);
  std::size_t scan(const Item& item, bool deep);
  std::size_t look_at_names(const Item& item, const std::set<std::string>& names);
  std::optional<Seen> see(const Item& item, int directory, const std::string& name) const;
  void apply(const Item& item, Folder& folder, const std::string& name, const std::optional<Seen>& now, bool deep);
  void drop(const Item& item, Node& node);
  Folder* find(const Item& item);
  RootedPath whole(const Item& item) const;
  bool is_deep_enough(const Item& item) const;
  void tell(Change::Kind kind, const Item& item, const std::optional<Info>& info);
  void tell_error(std::string text);
  void watch(const Item& item, int directory);

  const Tree& tree_;
  WatchOptions options_;
  FolderWatches watches_;
  std::vector<Root> roots_;
  std::set<std::size_t> dirty_roots_;
  std::map<Item, std::set<std::string>> dirty_names_;
  std::map<Item, bool> to_scan_;  ///< parents before what they hold; the value: and everything beneath
  std::vector<Change>* changes_ = nullptr;
  std::uint64_t count_ = 0;
  bool ready_ = false;
  bool blind_ = false;  ///< something is not watched: only looking tells
  bool complained_ = false;
  bool looking_ = false;  ///< at everything
  std::chrono::steady_clock::time_point look_began_;
  std::chrono::steady_clock::time_point look_at_;  ///< the next look at everything
};

}  // namespace owndir::fsnode
