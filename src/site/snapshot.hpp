#pragma once
// The code of a folder's modules as one thing with one digest: every file of every `.owndir` directory and every
// `.owndir.*` file of the tree, without what is built, installed or left behind by a sync. What is approved, built and
// compared is a snapshot (docs/security.md, Whose code runs at home). Links are never followed. Blocking; any thread.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"

namespace owndir::site {

struct SnapshotLimits {
  std::size_t files = 20'000;
  std::uint64_t bytes = std::uint64_t{256} << 20;
  std::size_t file_bytes = std::size_t{64} << 20;
  int depth = 64;
  std::size_t entries = 2'000'000;  ///< looked at in the whole tree
};

struct CodeFile {
  std::string path;  ///< in the folder
  std::string sha256;
  std::uint64_t bytes = 0;
  bool executable = false;
  bool operator==(const CodeFile&) const = default;
};

struct Snapshot {
  std::vector<CodeFile> files;  ///< in the order of their paths' bytes
  std::string digest;           ///< SHA-256 over all of it, hexadecimal
  std::uint64_t bytes = 0;
  std::map<std::string, std::string> manifests;  ///< package.json of modules and plugins: path to content
  std::vector<std::string> left_out;             ///< links, conflict copies and the like; the first hundred
  bool empty() const { return files.empty(); }
};

/// `dist`: a directory of the folder that is left out because the site is published there; may be empty.
/// Errc::too_large or Errc::limit beyond a limit, with the path: a folder that large is not built in part.
Result<Snapshot> take_snapshot(const RootedFolder& folder, const RootedPath& dist, const SnapshotLimits& limits = {});

/// A text that is another one whenever a snapshot would be, found without reading a file: from names, sizes and times.
Result<std::string> snapshot_fingerprint(const RootedFolder& folder, const RootedPath& dist,
                                         const SnapshotLimits& limits = {});

/// Writes the files of `snapshot` below `destination`, which must exist and be empty, and reads them back:
/// Errc::conflict when the folder has changed meanwhile, so that the copy is not that snapshot.
Result<void> copy_snapshot(const RootedFolder& folder, const Snapshot& snapshot, const std::string& destination);

}  // namespace owndir::site
