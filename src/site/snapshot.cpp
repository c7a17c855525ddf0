#include "site/snapshot.hpp"

#include <algorithm>

#include "base/reserved_names.hpp"
#include "site/directory_entries.hpp"
#include "site/publish_state.hpp"

namespace owndir::site {
namespace {

constexpr std::string_view kModule = ".owndir";
constexpr std::size_t kManifestBytes = std::size_t{1} << 20;
constexpr std::size_t kManifests = 2'000;
constexpr std::size_t kLeftOut = 100;

/// Copies that a sync makes of two edits: they look like code and are nobody's wish.
bool is_conflict_copy(std::string_view name) {
  return name.find(".sync-conflict-") != name.npos || name.find("conflicted copy") != name.npos ||
         name.ends_with(".crswap");
}

bool is_never_code(std::string_view name) {
  return is_hidden(name) || is_temporary(name) || name == "node_modules" || name == ".git";
}

class Scanner {
 public:
  /// `reads`: files are read for their digest; otherwise their state stands for it.
  Scanner(const RootedFolder& folder, const RootedPath& dist, const SnapshotLimits& limits, bool reads)
      : folder_(folder), dist_(dist), limits_(limits), reads_(reads) {}

  /// `in_module`: below an `.owndir` directory, where everything is code.
  Result<void> walk(const RootedPath& path, int depth, bool in_module) {
    if (depth > limits_.depth) return fail(Errc::limit, path.str() + " is too deep in the tree for module code");
    auto entries = directory_entries(folder_, path, limits_.entries - seen_);
    if (!entries) {
      // A directory of data that cannot be read, or is gone by now, has no module that could run.
      if (!in_module && !entries.error().is(Errc::limit)) return {};
      return fail(std::move(entries.error()));
    }
    seen_ += entries->size();
    std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const DirectoryEntry& entry : *entries)
      if (auto taken = take(path, entry, depth, in_module); !taken) return taken;
    return {};
  }

  Result<Snapshot> finish() {
    auto& files = snapshot_.files;
    std::sort(files.begin(), files.end(), [](const CodeFile& a, const CodeFile& b) { return a.path < b.path; });
    std::string all = "owndir code 1\n";
    for (const CodeFile& file : files) {
      all.append(file.path).push_back('\0');
      all.append(file.executable ? "x " : "- ").append(file.sha256).append("\n");
    }
    snapshot_.digest = sha256_hex(all);
    return std::move(snapshot_);
  }

 private:
  Result<void> take(const RootedPath& parent, const DirectoryEntry& entry, int depth, bool in_module) {
    const auto path = parent.child(entry.name);
    if (!path || is_never_code(entry.name)) return {};
    const bool module = in_module || entry.name.starts_with(kModule);
    if (in_module && entry.name == ".dist") return {};
    if (!dist_.is_root() && path->str() == dist_.str()) return {};
    if (entry.kind == EntryKind::directory) {
      const bool enters = in_module || entry.name == kModule;
      return walk(*path, depth + 1, enters);
    }
    if (!module || (!in_module && !entry.name.starts_with(std::string(kModule) + "."))) return {};
    if (entry.kind != EntryKind::file || is_conflict_copy(entry.name)) {
      if (snapshot_.left_out.size() < kLeftOut) snapshot_.left_out.push_back(path->str());
      return {};
    }
    return take_file(*path);
  }

  Result<void> take_file(const RootedPath& path) {
    if (snapshot_.files.size() >= limits_.files)
      return fail(Errc::limit, "the modules have more than " + std::to_string(limits_.files) + " files");
    const auto fd = folder_.open(path, O_PATH | O_NOFOLLOW);
    struct stat info{};
    if (!fd) return fail(fd.error());
    if (::fstat(fd->get(), &info) < 0) return fail_errno(path.str());
    if (!reads_) {
      snapshot_.files.push_back({path.str(), state_of(info), 0, false});
      return {};
    }
    auto content = read_file(folder_, path, limits_.file_bytes);
    if (!content) return fail(std::move(content.error()));
    snapshot_.bytes += content->size();
    if (snapshot_.bytes > limits_.bytes)
      return fail(Errc::too_large, "the modules have more than " + std::to_string(limits_.bytes >> 20) + " MiB");
    snapshot_.files.push_back({path.str(), sha256_hex(*content), content->size(), (info.st_mode & S_IXUSR) != 0});
    const bool manifest = path.segments().back() == "package.json" && content->size() <= kManifestBytes;
    if (manifest && snapshot_.manifests.size() < kManifests) snapshot_.manifests[path.str()] = std::move(*content);
    return {};
  }

  static std::string state_of(const struct stat& info) {
    return std::to_string(info.st_ino) + " " + std::to_string(info.st_size) + " " +
           std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec);
  }

  const RootedFolder& folder_;
  const RootedPath& dist_;
  const SnapshotLimits& limits_;
  bool reads_;
  Snapshot snapshot_;
  std::size_t seen_ = 0;
};

Result<void> copy_file(const RootedFolder& from, const RootedFolder& to, const CodeFile& file) {
  const auto path = RootedPath::parse(file.path);
  if (!path) return fail(path.error());
  const auto content = read_file(from, *path, file.bytes + 1);
  if (!content) return fail(content.error());
  RootedPath made;
  const RootedPath parent = path->parent();
  for (const std::string& segment : parent.segments()) {
    made = *made.child(segment);
    if (auto done = to.make_directory(made, 0700); !done) return done;
  }
  const auto directory = to.subfolder(parent);
  if (!directory) return fail(directory.error());
  return write_file_atomically(*directory, path->segments().back(), *content, file.executable ? 0700 : 0600);
}

}  // namespace

Result<Snapshot> take_snapshot(const RootedFolder& folder, const RootedPath& dist, const SnapshotLimits& limits) {
  Scanner scanner(folder, dist, limits, true);
  if (auto walked = scanner.walk(RootedPath(), 0, false); !walked) return fail(std::move(walked.error()));
  return scanner.finish();
}

Result<std::string> snapshot_fingerprint(const RootedFolder& folder, const RootedPath& dist,
                                         const SnapshotLimits& limits) {
  Scanner scanner(folder, dist, limits, false);
  if (auto walked = scanner.walk(RootedPath(), 0, false); !walked) return fail(std::move(walked.error()));
  auto found = scanner.finish();
  if (!found) return fail(std::move(found.error()));
  return std::move(found->digest);
}

Result<void> copy_snapshot(const RootedFolder& folder, const Snapshot& snapshot, const std::string& destination) {
  const auto to = RootedFolder::open(destination);
  if (!to) return fail(to.error());
  for (const CodeFile& file : snapshot.files)
    if (auto copied = copy_file(folder, *to, file); !copied) {
      const bool changed =
          copied.error().is(Errc::too_large) || copied.error().code == std::errc::no_such_file_or_directory;
      if (changed) return fail(Errc::conflict, file.path + " changed while it was copied");
      return copied;
    }
  const auto copy = take_snapshot(*to, RootedPath());
  if (!copy) return fail(copy.error());
  if (copy->digest != snapshot.digest) return fail(Errc::conflict, "the modules changed while they were copied");
  return {};
}

}  // namespace owndir::site
