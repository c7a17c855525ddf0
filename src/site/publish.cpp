#include "site/publish.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "base/directory_stream.hpp"
#include "base/leftovers.hpp"
#include "base/log.hpp"
#include "base/reserved_names.hpp"
#include "site/publish_state.hpp"

namespace owndir::site {
namespace {

constexpr std::int64_t kKeptMs = std::int64_t{7} * 24 * 3600 * 1000;
constexpr std::size_t kKeptGenerations = 3;
constexpr std::size_t kLargest = std::size_t{64} << 20;
constexpr std::size_t kWalkEntries = 10'000;
constexpr int kWalkDepth = 8;

/// What is at `path` now; nothing when it is missing, not an ordinary file, a link, or unreadable.
std::optional<std::string> content_of(const RootedFolder& dist, const RootedPath& path) {
  const auto fd = dist.open(path, O_PATH | O_NOFOLLOW);
  struct stat info{};
  if (!fd || ::fstat(fd->get(), &info) < 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  auto content = read_file(dist, path, kLargest);
  return content ? std::optional(std::move(*content)) : std::nullopt;
}

Result<RootedFolder> make_directories(const RootedFolder& folder, const RootedPath& path) {
  RootedPath made;
  for (const std::string& segment : path.segments()) {
    const auto next = made.child(segment);
    if (!next) return fail(next.error());
    made = *next;
    if (auto done = folder.make_directory(made); !done) return fail(std::move(done.error()));
  }
  return folder.subfolder(path);
}

Result<void> write_site_file(const RootedFolder& dist, const RootedPath& path, std::string_view content) {
  const auto directory = make_directories(dist, path.parent());
  if (!directory) return fail(directory.error());
  return write_file_atomically(*directory, path.segments().back(), content);
}

/// All files below `path`, links not followed, bounded. Removes leftovers on its way.
void walk(const RootedFolder& dist, const RootedPath& path, int depth, WallTime now, std::vector<std::string>& found) {
  if (const auto here = dist.subfolder(path)) remove_leftovers(*here, now, kWalkEntries);
  const auto directory = open_directory(dist, path, O_NOFOLLOW);
  if (!directory) return;
  while (const dirent* item = ::readdir(directory->get())) {
    const std::string_view name = item->d_name;
    if (name == "." || name == ".." || is_temporary(name)) continue;
    if (found.size() >= kWalkEntries) return;
    const auto child = path.child(name);
    if (!child) continue;
    struct stat info{};
    const bool is_directory =
        ::fstatat(::dirfd(directory->get()), item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
    if (!is_directory) {
      found.push_back(child->str());
    } else if (depth < kWalkDepth) {
      walk(dist, *child, depth + 1, now, found);
    }
  }
}

class Publisher {
 public:
  Publisher(const RootedFolder& dist, const std::vector<SiteFile>& site, PublishState& state, std::int64_t now)
      : dist_(dist), site_(site), state_(state), now_(now) {
    for (const SiteFile& file : site) in_site_.insert(file.path);
  }

  /// The state as it will be once the site is written: saved first, so that a crash leaves no file without an owner.
  void plan() {
    for (const SiteFile& file : site_) {
      known_before_[file.path] = state_.contains(file.path) ? state_[file.path].sha256 : std::string();
      state_[file.path] = {sha256_hex(file.content), 0};
    }
    for (auto& [path, record] : state_) {
      if (in_site_.contains(path)) continue;
      if (record.unused_since == 0 || record.unused_since > now_) record.unused_since = now_;
    }
  }

  Result<void> write() {
    std::vector<const SiteFile*> order;
    for (const SiteFile& file : site_) order.push_back(&file);
    // Entry pages last, the outermost at the very end: they name the others.
    const auto rank = [](const SiteFile* file) {
      const RootedPath path = RootedPath::parse(file->path).value_or(RootedPath());
      if (path.is_root() || path.segments().back() != "index.html") return std::size_t{0};
      return SIZE_MAX - path.segments().size();
    };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
    for (const SiteFile* file : order)
      if (auto written = write_one(*file); !written) return written;
    return {};
  }

  /// Files that fell out of use with one publication carry the same time: it stands for their generation. Those of the
  /// last few stay for a while, for pages that are open and for copies that the sync has not caught up with.
  void remove_old() {
    std::set<std::int64_t, std::greater<>> fell_out;
    for (const auto& [path, record] : state_)
      if (!in_site_.contains(path)) fell_out.insert(record.unused_since);
    while (fell_out.size() > kKeptGenerations) fell_out.erase(std::prev(fell_out.end()));
    for (auto record = state_.begin(); record != state_.end();) {
      const std::int64_t since = record->second.unused_since;
      if (in_site_.contains(record->first) || (now_ - since < kKeptMs && fell_out.contains(since))) {
        ++record;
        continue;
      }
      remove_one(record->first, record->second.sha256);
      record = state_.erase(record);
    }
  }

  void find_foreign() {
    std::vector<std::string> all;
    walk(dist_, RootedPath(), 0, from_unix_ms(now_), all);
    for (std::string& path : all)
      if (!state_.contains(path)) report_.foreign.push_back(std::move(path));
    std::sort(report_.foreign.begin(), report_.foreign.end());
  }

  PublishReport take_report() { return std::move(report_); }

 private:
  Result<void> write_one(const SiteFile& file) {
    const auto path = RootedPath::parse(file.path);
    if (!path) return fail(path.error());
    const auto present = content_of(dist_, *path);
    if (present && *present == file.content) {
      report_.unchanged.push_back(file.path);
      return {};
    }
    // At our own paths our content wins, but what somebody else put there is told.
    const std::string& before = known_before_[file.path];
    if (present && !before.empty() && sha256_hex(*present) != before) {
      log("site").warn("{} was changed by somebody else and is written anew", printable(file.path));
      report_.foreign.push_back(file.path);
    }
    if (auto written = write_site_file(dist_, *path, file.content); !written) return written;
    report_.written.push_back(file.path);
    return {};
  }

  void remove_one(const std::string& name, const std::string& sha256) {
    const auto path = RootedPath::parse(name);
    if (!path || path->is_root()) return;
    const auto present = content_of(dist_, *path);
    if (!present || sha256_hex(*present) != sha256) return;  // gone, or no longer ours
    const auto directory = dist_.subfolder(path->parent());
    if (directory && ::unlinkat(directory->fd(), path->segments().back().c_str(), 0) == 0)
      report_.removed.push_back(name);
  }

  const RootedFolder& dist_;
  const std::vector<SiteFile>& site_;
  PublishState& state_;
  std::int64_t now_;
  std::set<std::string, std::less<>> in_site_;
  std::map<std::string, std::string, std::less<>> known_before_;
  PublishReport report_;
};

}  // namespace

Result<PublishReport> publish(const RootedFolder& folder, const std::vector<SiteFile>& site,
                              const std::string& state_directory, const Clock& clock, std::string_view place) {
  const auto states = RootedFolder::open(state_directory);
  if (!states) return fail(states.error());
  const auto directory = RootedPath::parse(place);
  const auto dist = directory ? make_directories(folder, *directory) : fail(directory.error());
  if (!dist) return fail(dist.error());
  auto state = load_state(*states);
  if (!state) return fail(std::move(state.error()));

  Publisher publisher(*dist, site, *state, to_unix_ms(clock.wall()));
  publisher.plan();
  if (auto saved = save_state(*states, *state); !saved) return fail(std::move(saved.error()));
  if (auto written = publisher.write(); !written) return fail(std::move(written.error()));
  publisher.remove_old();
  if (auto saved = save_state(*states, *state); !saved) return fail(std::move(saved.error()));
  publisher.find_foreign();
  return publisher.take_report();
}

}  // namespace owndir::site
