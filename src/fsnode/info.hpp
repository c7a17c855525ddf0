#pragma once
// The state of a path (docs/fsnode.md, Operations), and what a folder holds. Blocking; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fsnode/tree.hpp"

namespace owndir::fsnode {

struct Info {
  bool is_file = false;
  bool is_directory = false;
  bool is_link = false;
  std::uint64_t size = 0;  ///< bytes; 0 for all but files
  double mtime = 0;        ///< milliseconds since 1970, with a fraction
  double ctime = 0;
  std::uint32_t mode = 0;
  std::string_view mime;  ///< "" where the name says nothing
};

Info make_info(const struct stat& state, std::string_view name, bool is_link = false);

/// A time, in full.
void append_number(std::string& out, double number);

/// Appends the object, or null.
void append_json(std::string& out, const std::optional<Info>& info);

/// Nothing where nothing is (hidden, a link to nothing); 403 for what leads out.
Result<std::optional<Info>> info_of(const Tree& tree, const RootedPath& path);

/// Of one entry of an open directory, nothing when it vanished. A link that cannot be followed is shown as itself.
std::optional<Info> entry_info(const Tree& tree, int directory, const RootedPath& path, const std::string& name);

/// Removes a file that a stopped server, or a client that never came back, left behind: one not written for `stale_s`.
void remove_if_stale(int directory, const std::string& name, std::uint64_t stale_s);

struct Entry {
  std::string name;
  std::optional<Info> info;
};

/// A folder's entries, in the order of their names' bytes, a part at a time.
class ChildrenReader {
 public:
  /// 404 "is not a directory"; 413 beyond `limit` entries. Our own temporary files older than `stale_s` are removed.
  static Result<ChildrenReader> open(const Tree& tree, const RootedPath& path, std::uint64_t limit,
                                     std::uint64_t stale_s);

  /// The next entries, at most `count`; none at the end.
  std::vector<Entry> next(std::size_t count, bool with_info);
  std::size_t total() const { return names_.size(); }

 private:
  const Tree* tree_ = nullptr;
  RootedPath path_;
  FileDescriptor directory_;
  std::vector<std::string> names_;
  std::size_t at_ = 0;
};

}  // namespace owndir::fsnode
