#pragma once
// The names in a directory, links not followed. Blocking; any thread.

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/directory_stream.hpp"

namespace owndir::site {

enum class EntryKind { file, directory, other };

struct DirectoryEntry {
  std::string name;
  EntryKind kind = EntryKind::other;
};

/// At most `limit`, in the order of the file system. Errors: errno's.
inline Result<std::vector<DirectoryEntry>> directory_entries(const RootedFolder& folder, const RootedPath& path,
                                                             std::size_t limit) {
  const auto directory = open_directory(folder, path, O_NOFOLLOW);
  if (!directory) return fail(directory.error());
  std::vector<DirectoryEntry> entries;
  while (const dirent* item = ::readdir(directory->get())) {
    const std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() >= limit) return fail(Errc::limit, "too many entries in " + path.str());
    unsigned char type = item->d_type;
    struct stat info{};
    if (type == DT_UNKNOWN && ::fstatat(::dirfd(directory->get()), item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
      type = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_LNK;
    const EntryKind kind = type == DT_DIR ? EntryKind::directory : type == DT_REG ? EntryKind::file : EntryKind::other;
    entries.push_back({std::string(name), kind});
  }
  return entries;
}

}  // namespace owndir::site
