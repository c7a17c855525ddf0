#pragma once
// Reading the entries of a directory inside the folder. The stream owns its descriptor. Blocking; any thread.

#include <dirent.h>

#include <memory>

#include "base/rooted_path.hpp"

namespace owndir {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

/// For readdir and dirfd. `flags` are added to those of open(2), such as O_NOFOLLOW.
Result<DirectoryStream> open_directory(const RootedFolder& folder, const RootedPath& path, int flags = 0);

}  // namespace owndir
