#include "fsnode/folder_watches.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace owndir::fsnode {
namespace {

constexpr std::uint32_t kMask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM |
                                IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

}  // namespace

FolderWatches::FolderWatches(bool enabled, std::size_t most) : most_(most) {
  if (enabled) fd_ = FileDescriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

Result<int> FolderWatches::watch(int directory) {
  // Through the descriptor: what is watched is what was opened, whatever stands at its path by now.
  const std::string path = "/proc/self/fd/" + std::to_string(directory);
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), kMask);
  if (watch >= 0 && uses_.size() >= most_ && !uses_.contains(watch)) {
    ::inotify_rm_watch(fd_.get(), watch);
    errno = ENOSPC;
    return fail_errno("inotify_add_watch");
  }
  if (watch < 0) return fail_errno("inotify_add_watch");
  return watch;
}

void FolderWatches::forget(int watch, const WatchedItem& item, bool way) {
  const auto found = uses_.find(watch);
  if (found == uses_.end()) return;
  std::erase_if(found->second, [&](const Use& use) {
    return use.way == way && (way ? use.item.root == item.root : use.item == item);
  });
  if (!found->second.empty()) return;
  uses_.erase(found);
  ::inotify_rm_watch(fd_.get(), watch);
}

Result<void> FolderWatches::add(const WatchedItem& item, int directory) {
  if (!fd_) return {};
  const auto added = watch(directory);
  if (!added) return fail(added.error());
  const auto before = watch_of_.find(item);
  if (before != watch_of_.end()) {
    if (before->second == *added) return {};
    forget(before->second, item, false);
  }
  watch_of_[item] = *added;
  uses_[*added].push_back({item, false, {}});
  return {};
}

void FolderWatches::remove(const WatchedItem& item) {
  const auto found = watch_of_.find(item);
  if (found == watch_of_.end()) return;
  forget(found->second, item, false);
  watch_of_.erase(found);
}

Result<void> FolderWatches::add_way(std::size_t root, int directory, std::string name) {
  if (!fd_) return {};
  const auto added = watch(directory);
  if (!added) return fail(added.error());
  const WatchedItem item{root, {}};
  const auto before = way_of_.find(root);
  if (before != way_of_.end() && before->second != *added) forget(before->second, item, true);
  way_of_[root] = *added;
  std::vector<Use>& uses = uses_[*added];
  std::erase_if(uses, [&](const Use& use) { return use.way && use.item.root == root; });
  uses.push_back({item, true, std::move(name)});
  return {};
}

FolderWatches::Notices FolderWatches::take() {
  Notices notices;
  if (!fd_) return notices;
  alignas(inotify_event) std::array<char, 65536> buffer;
  const ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
  for (std::size_t at = 0; size > 0 && at + sizeof(inotify_event) <= static_cast<std::size_t>(size);) {
    inotify_event event{};
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const char* text = buffer.data() + at + sizeof event;
    const std::string name(text, event.len == 0 ? 0 : ::strnlen(text, event.len));
    at += sizeof event + event.len;
    if ((event.mask & IN_Q_OVERFLOW) != 0) notices.lost = true;
    const auto found = uses_.find(event.wd);
    if (found == uses_.end()) continue;
    for (const Use& use : found->second) {
      if (!use.way || name.empty() || name == use.name) notices.list.push_back({use.item, name, use.way});
    }
    if ((event.mask & IN_IGNORED) == 0) continue;
    // The directory is gone, and its watch with it.
    for (const Use& use : found->second) {
      if (use.way)
        way_of_.erase(use.item.root);
      else
        watch_of_.erase(use.item);
    }
    uses_.erase(found);
  }
  return notices;
}

}  // namespace owndir::fsnode
