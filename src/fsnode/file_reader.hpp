#pragma once
// One range of an open file, read in pieces. Blocking; one owner, any thread.

#include <optional>
#include <span>

#include "fsnode/info.hpp"

namespace owndir::fsnode {

class FileReader {
 public:
  /// `last`: inclusive. 404 "is not a file".
  static Result<FileReader> open(const Tree& tree, const RootedPath& path, std::uint64_t start,
                                 std::optional<std::uint64_t> last);

  std::uint64_t size() const { return size_; }
  double mtime() const { return mtime_; }
  std::uint64_t start() const { return start_; }
  std::uint64_t left() const { return end_ - at_; }

  /// Fills `out`, which is at most left(). 409 when the file has become shorter.
  Result<void> read(std::span<std::byte> out);
  /// 409 when the file was changed since it was opened (replaced is not changed). Asked at the end.
  Result<void> check() const;

 private:
  RootedPath path_;
  FileDescriptor file_;
  std::uint64_t size_ = 0, start_ = 0, at_ = 0, end_ = 0;
  double mtime_ = 0;
};

}  // namespace owndir::fsnode
