#pragma once
// The file operations of the handshake directory, blocking: called on the pool only. A seam, so that tests can fail
// them. Every name is opened beneath the given folder; nothing here follows a link out of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"

namespace owndir::rendezvous {

/// What tells one state of a file from another.
struct FileInfo {
  std::string name;
  bool regular = true;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;  ///< the writer's clock, carried by the sync
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileInfo&) const = default;
};

struct Listing {
  std::vector<FileInfo> files;  ///< those with handshake names
  bool complete = true;         ///< false: the directory has more entries than were looked at
};

class Store {
 public:
  virtual ~Store() = default;
  /// Looks at up to `limit` entries.
  virtual Result<Listing> list(const RootedFolder& folder, std::size_t limit);
  /// Nothing when there is no such file. Does not follow links.
  virtual Result<std::optional<FileInfo>> stat(const RootedFolder& folder, const std::string& name);
  virtual Result<std::string> read(const RootedFolder& folder, const std::string& name, std::size_t limit);
  /// Temporary name, fsync, rename; the name must be free.
  virtual Result<void> write(const RootedFolder& folder, const std::string& name, const std::string& bytes);
  /// Success when it is already gone.
  virtual Result<void> remove(const RootedFolder& folder, const std::string& name);
};

/// What a person can do about a failed write or removal in `place`; begins with a capital letter.
std::string write_advice(const Error& error, const std::string& place);

}  // namespace owndir::rendezvous
