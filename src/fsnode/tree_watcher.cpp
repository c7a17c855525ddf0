#include "fsnode/tree_watcher.hpp"

#include <algorithm>
#include <cerrno>

#include "base/reserved_names.hpp"
#include "fsnode/directory.hpp"
#include "fsnode/wire.hpp"

namespace owndir::fsnode {
namespace {

/// More names than this in one directory, or in all, are one look at it, or at everything.
constexpr std::size_t kNames = 256;
constexpr std::size_t kFolders = 4096;
/// Of reading what the system tells, before doing something about it.
constexpr int kRounds = 64;
/// Looking takes at most this share of the time.
constexpr int kRest = 10;

RootedPath parsed(const std::string& path) {
  auto result = RootedPath::parse(path);
  return result ? std::move(*result) : RootedPath();
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

}  // namespace

TreeWatcher::TreeWatcher(const Tree& tree, WatchOptions options)
    : tree_(tree), options_(std::move(options)), watches_(options_.inotify, options_.most_watches) {
  std::sort(options_.paths.begin(), options_.paths.end(),
            [](const RootedPath& a, const RootedPath& b) { return a.str() < b.str(); });
  for (RootedPath& path : options_.paths) {
    // What another path holds needs no look of its own.
    const bool held = std::any_of(roots_.begin(), roots_.end(), [&](const Root& root) {
      return root.path.str() == path.str() ||
             (!options_.depth && (root.path.is_root() || path.str().starts_with(root.path.str() + "/")));
    });
    if (!held) roots_.push_back({std::move(path), std::nullopt, std::nullopt});
  }
  blind_ = watches_.fd() < 0;
  look_at_everything();
}

std::chrono::milliseconds TreeWatcher::patience() const {
  const auto left = look_at_ - std::chrono::steady_clock::now();
  return std::max(std::chrono::milliseconds(1), std::chrono::ceil<std::chrono::milliseconds>(left));
}

void TreeWatcher::look_at_everything() {
  looking_ = true;
  look_began_ = std::chrono::steady_clock::now();
  blind_ = watches_.fd() < 0;
  dirty_names_.clear();
  for (std::size_t root = 0; root < roots_.size(); ++root) {
    dirty_roots_.insert(root);
    to_scan_[{root, {}}] = true;
  }
}

Result<bool> TreeWatcher::step(std::size_t entries, std::vector<Change>& changes) {
  changes_ = &changes;
  take_notices();
  if (!looking_ && std::chrono::steady_clock::now() >= look_at_) look_at_everything();
  std::size_t seen = 0;
  while (!dirty_roots_.empty()) {
    const std::size_t root = *dirty_roots_.begin();
    dirty_roots_.erase(dirty_roots_.begin());
    if (look_at_root(root)) to_scan_[{root, {}}] |= false;
    ++seen;
  }
  while (!dirty_names_.empty() && seen < entries) {
    const auto first = dirty_names_.extract(dirty_names_.begin());
    seen += look_at_names(first.key(), first.mapped());
  }
  while (!to_scan_.empty() && seen < entries && count_ <= options_.limit) {
    const auto first = to_scan_.extract(to_scan_.begin());
    seen += scan(first.key(), first.mapped());
  }
  if (count_ > options_.limit)
    return fail(Errc::too_large, "there are more files here than can be watched at once: watch smaller folders");
  if (!dirty_names_.empty() || !to_scan_.empty()) return true;
  if (looking_) {
    looking_ = false;
    const auto now = std::chrono::steady_clock::now();
    const auto interval = blind_ ? options_.poll_interval : options_.rescan_interval;
    look_at_ = now + std::max<std::chrono::steady_clock::duration>(interval, (now - look_began_) * kRest);
  }
  ready_ = true;
  return false;
}

void TreeWatcher::take_notices() {
  for (int round = 0; round < kRounds; ++round) {
    const FolderWatches::Notices notices = watches_.take();
    if (notices.lost) look_at_everything();
    for (const FolderWatches::Notice& notice : notices.list) {
      if (is_hidden(std::string_view(notice.name))) continue;
      if (notice.of_path || (notice.name.empty() && notice.item.path.empty())) {
        dirty_roots_.insert(notice.item.root);
        continue;
      }
      // The directory itself is gone or replaced: whoever holds it is told by its own watch.
      if (notice.name.empty()) continue;
      if (options_.tell_raw)
        tell(Change::Kind::raw, {notice.item.root, joined(notice.item.path, notice.name)}, std::nullopt);
      if (to_scan_.contains(notice.item)) continue;
      std::set<std::string>& names = dirty_names_[notice.item];
      names.insert(notice.name);
      if (names.size() > kNames) {
        dirty_names_.erase(notice.item);
        to_scan_[notice.item] |= false;
      }
    }
    if (dirty_names_.size() > kFolders) look_at_everything();
    if (notices.list.empty() && !notices.lost) return;
  }
}

/// Brings the picture of the path itself up to date. True when it has become a directory to be scanned.
bool TreeWatcher::look_at_root(std::size_t index) {
  Root& root = roots_[index];
  const Item item{index, {}};
  for (RootedPath up = root.path; !up.is_root() && watches_.fd() >= 0;) {
    const std::string name = up.segments().back();
    up = up.parent();
    const auto way = tree_.open(up, O_RDONLY | O_DIRECTORY);
    if (!way) continue;
    if (!watches_.add_way(index, way->get(), name)) blind_ = true;
    break;
  }
  auto fd = tree_.open(root.path, O_PATH);
  struct stat state{};
  std::optional<Seen> now;
  if (fd && ::fstat(fd->get(), &state) == 0) {
    now = Seen{{S_ISDIR(state.st_mode), false, state.st_ino, static_cast<std::uint64_t>(state.st_size),
                state.st_mtim.tv_sec * 1'000'000'000LL + state.st_mtim.tv_nsec, state.st_mode},
               make_info(state, root.path.str())};
  }
  const bool same_kind = now && root.node && now->state.directory == root.node->state.directory;
  if (root.node && !same_kind) {
    drop(item, *root.node);
    root.node.reset();
    root.base.reset();
  }
  if (!now) return false;
  const bool another = !root.node || root.node->state.inode != now->state.inode;
  if (now->state.directory && another) {
    if (auto directory = tree_.open(root.path, O_PATH | O_DIRECTORY))
      root.base = RootedFolder::adopt(std::move(*directory), root.path.str());
  }
  if (!root.node) {
    ++count_;
    tell(now->state.directory ? Change::Kind::add_dir : Change::Kind::add, item, now->info);
    root.node = Node{now->state, now->state.directory ? std::make_unique<Folder>() : nullptr};
    return now->state.directory;
  }
  if (!now->state.directory && now->state != root.node->state) tell(Change::Kind::change, item, now->info);
  root.node->state = now->state;
  return now->state.directory && another;
}

TreeWatcher::Folder* TreeWatcher::find(const Item& item) {
  Root& root = roots_[item.root];
  Folder* folder = root.node ? root.node->folder.get() : nullptr;
  const RootedPath path = parsed(item.path);
  for (const std::string& segment : path.segments()) {
    if (folder == nullptr) return nullptr;
    const auto found = folder->entries.find(segment);
    folder = found == folder->entries.end() ? nullptr : found->second.folder.get();
  }
  return folder;
}

std::size_t TreeWatcher::scan(const Item& item, bool deep) {
  Folder* folder = find(item);
  if (folder == nullptr || !roots_[item.root].base) return 1;
  const auto directory = roots_[item.root].base->open_unlinked(parsed(item.path), O_RDONLY | O_DIRECTORY);
  if (!directory) {
    // Gone meanwhile, which the look at its own name tells; or not for us to see.
    if (directory.error().code.value() == EACCES)
      tell_error(shown(whole(item)) + " cannot be watched: its permissions on the server do not allow it");
    return 1;
  }
  watch(item, directory->get());
  std::vector<std::string> names;
  const auto read = each_entry(directory->get(), [&](std::string name, unsigned char) {
    if (!is_hidden(std::string_view(name)))
      names.push_back(std::move(name));
    else if (is_own_temporary(name))
      remove_if_stale(directory->get(), name, options_.stale_s);
    return names.size() <= options_.limit;
  });
  if (!read) return 1;
  std::sort(names.begin(), names.end());
  std::vector<std::string> gone;
  for (const auto& [name, node] : folder->entries)
    if (!std::binary_search(names.begin(), names.end(), name)) gone.push_back(name);
  for (const std::string& name : gone) apply(item, *folder, name, std::nullopt, false);
  for (const std::string& name : names) {
    if (count_ > options_.limit) break;
    apply(item, *folder, name, see(item, directory->get(), name), deep);
  }
  return names.size() + gone.size() + 1;
}

std::size_t TreeWatcher::look_at_names(const Item& item, const std::set<std::string>& names) {
  Folder* folder = find(item);
  if (folder == nullptr || !roots_[item.root].base) return 1;
  const auto directory = roots_[item.root].base->open_unlinked(parsed(item.path), O_PATH | O_DIRECTORY);
  for (const std::string& name : names)
    apply(item, *folder, name, directory ? see(item, directory->get(), name) : std::nullopt, false);
  return names.size() + 1;
}

std::optional<TreeWatcher::Seen> TreeWatcher::see(const Item& item, int directory, const std::string& name) const {
  struct stat own{};
  if (::fstatat(directory, name.c_str(), &own, AT_SYMLINK_NOFOLLOW) < 0) return std::nullopt;
  const bool link = S_ISLNK(own.st_mode);
  struct stat state = own;
  if (link) {
    if (const auto path = whole(item).child(name)) {
      const auto target = tree_.open(*path, O_PATH);
      if (!target || ::fstat(target->get(), &state) < 0) state = own;
    }
  }
  return Seen{{S_ISDIR(state.st_mode), link, own.st_ino, static_cast<std::uint64_t>(state.st_size),
               state.st_mtim.tv_sec * 1'000'000'000LL + state.st_mtim.tv_nsec, state.st_mode},
              make_info(state, name, link)};
}

void TreeWatcher::apply(const Item& item, Folder& folder, const std::string& name, const std::optional<Seen>& now,
                        bool deep) {
  const Item child{item.root, joined(item.path, name)};
  auto known = folder.entries.find(name);
  if (known != folder.entries.end()) {
    State& before = known->second.state;
    const bool same_kind = now && before.directory == now->state.directory && before.link == now->state.link;
    if (same_kind) {
      const bool another = before.inode != now->state.inode;
      if (!before.directory && before != now->state) tell(Change::Kind::change, child, now->info);
      before = now->state;
      if (known->second.folder && (another || deep)) to_scan_[child] = true;
      return;
    }
    drop(child, known->second);
    folder.entries.erase(known);
  }
  if (!now) return;
  ++count_;
  Node node{now->state, nullptr};
  if (now->state.directory && !now->state.link && is_deep_enough(child)) {
    node.folder = std::make_unique<Folder>();
    to_scan_[child] |= false;
  }
  folder.entries.emplace(name, std::move(node));
  tell(now->state.directory ? Change::Kind::add_dir : Change::Kind::add, child, now->info);
}

/// Tells that it is gone, with all that it held, what it held first.
void TreeWatcher::drop(const Item& item, Node& node) {
  if (node.folder) {
    for (auto& [name, held] : node.folder->entries) drop({item.root, joined(item.path, name)}, held);
    watches_.remove(item);
    dirty_names_.erase(item);
    to_scan_.erase(item);
  }
  --count_;
  tell(node.state.directory ? Change::Kind::unlink_dir : Change::Kind::unlink, item, std::nullopt);
}

RootedPath TreeWatcher::whole(const Item& item) const {
  return parsed(joined(roots_[item.root].path.str(), item.path));
}

bool TreeWatcher::is_deep_enough(const Item& item) const {
  if (item.path.size() + roots_[item.root].path.str().size() >= Limits().path) return false;
  const auto depth = std::count(item.path.begin(), item.path.end(), '/') + 1;
  return !options_.depth || static_cast<std::uint64_t>(depth) <= *options_.depth;
}

void TreeWatcher::tell(Change::Kind kind, const Item& item, const std::optional<Info>& info) {
  if (!ready_ && !options_.tell_initial) return;
  const auto path = RootedPath::parse(joined(roots_[item.root].path.str(), item.path));
  if (path) changes_->push_back({kind, encode_path(*path), info, {}});
}

void TreeWatcher::tell_error(std::string text) {
  changes_->push_back({Change::Kind::error, {}, std::nullopt, std::move(text)});
}

void TreeWatcher::watch(const Item& item, int directory) {
  if (watches_.add(item, directory)) return;
  blind_ = true;
  look_at_ = std::min(look_at_, std::chrono::steady_clock::now() + options_.poll_interval);
  if (std::exchange(complained_, true)) return;
  tell_error("the system watches no more folders, so changes are looked for every " +
             std::to_string(options_.poll_interval.count()) + " ms; raise fs.inotify.max_user_watches on the server");
}

}  // namespace owndir::fsnode
