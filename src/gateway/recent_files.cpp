#include "gateway/recent_files.hpp"

#include <sys/stat.h>

namespace owndir::gateway {
namespace {

constexpr std::size_t kEntries = 256;
constexpr std::size_t kBytes = std::size_t{8} << 20;
constexpr auto kLife = std::chrono::seconds(1);

/// Two changes closer together than a tick of the kernel's clock may bear one time.
constexpr auto kSettled = std::chrono::milliseconds(50);

bool is_settled(const struct stat& info) {
  const auto changed = std::chrono::seconds(info.st_ctim.tv_sec) + std::chrono::nanoseconds(info.st_ctim.tv_nsec);
  return std::chrono::system_clock::now().time_since_epoch() - changed > kSettled;
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Follows no link at the end; one on the way is for the next opening to refuse.
bool is_still(const RootedFolder& folder, const RootedPath& path, const struct stat& known) {
  struct stat now{};
  return ::fstatat(folder.fd(), path.str().c_str(), &now, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
         now.st_dev == known.st_dev && now.st_ino == known.st_ino && now.st_size == known.st_size &&
         same_time(now.st_mtim, known.st_mtim) && same_time(now.st_ctim, known.st_ctim);
}

}  // namespace

const RecentFiles::Entry* RecentFiles::find(const RootedFolder& folder, std::string_view target) {
  const auto found = entries_.find(target);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;
  if (std::chrono::steady_clock::now() < entry.until && is_still(folder, entry.target.path, entry.facts.info))
    return &entry;
  bytes_ -= entry.facts.content->size();
  entries_.erase(found);
  return nullptr;
}

void RecentFiles::keep(const std::string& target, const Target& parsed, const FileFacts& facts) {
  if (!facts.content || !parsed.query.empty() || !is_settled(facts.info)) return;
  if (entries_.size() >= kEntries || bytes_ + facts.content->size() > kBytes) {
    entries_.clear();
    bytes_ = 0;
  }
  const auto until = std::chrono::steady_clock::now() + kLife;
  if (entries_.emplace(target, Entry{parsed, facts, until}).second) bytes_ += facts.content->size();
}

}  // namespace owndir::gateway
