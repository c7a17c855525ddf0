#pragma once
// The folder as this layer sees it: RootedFolder keeps everything beneath the root; this adds what may not be seen
// (reserved_names.hpp) or written, judged by where a path really leads, links resolved. Shared by all sessions; const
// operations, any thread; all of them block.

#include <string>

#include "base/rooted_path.hpp"
#include "fsnode/failure.hpp"

namespace owndir::fsnode {

/// Where a name is, or will be: its folder, opened, and its last segment. What is done there by *at() calls with this
/// descriptor and name cannot leave the folder, whatever is renamed meanwhile.
struct Place {
  FileDescriptor folder;
  std::string name;
  RootedPath asked;  ///< as the caller called it, for sentences
  RootedPath real;   ///< with the links of its folder resolved
};

class Tree {
 public:
  explicit Tree(RootedFolder folder) : folder_(std::move(folder)) {}

  const RootedFolder& folder() const { return folder_; }

  /// Follows links. Hidden is ENOENT. Errors are errno's.
  Result<FileDescriptor> open(const RootedPath& path, int flags) const;
  /// Whether the last segment of `path` is itself a link.
  bool is_link(const RootedPath& path) const;
  /// Of something open: without links, from the root. Errc::conflict when it has been removed or moved out.
  Result<RootedPath> real_path(int fd) const;

  /// The place of `path` itself, a link not followed, for a change. In words: 403 for names that cannot be written,
  /// 404 when there is no such folder. The root has no place: 403. `verb` as in "cannot be written".
  Result<Place> place(const RootedPath& path, const char* verb) const;
  /// Likewise, but when a link stands there, where it leads; 404 for a link to nothing.
  Result<Place> target_place(const RootedPath& path, const char* verb) const;

 private:
  RootedFolder folder_;
};

/// Whether it may be written: no hidden name and no module's in it.
bool is_writable(const RootedPath& path);

}  // namespace owndir::fsnode
