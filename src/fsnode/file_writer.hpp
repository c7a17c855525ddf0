#pragma once
// A file being written (docs/fsnode.md, write): in a temporary file beside it, which replaces it at the end; very large
// files that are edited or appended to, in place. Blocking; one owner, any thread. Destroying an unfinished one removes
// the temporary file.

#include <optional>
#include <string>

#include "fsnode/info.hpp"
#include "fsnode/wire.hpp"

namespace owndir::fsnode {

struct WriteOptions {
  WriteFlags flags;
  std::uint64_t start = 0;
  std::optional<std::uint32_t> mode;             ///< permission bits of a new file
  std::optional<std::uint64_t> size;             ///< of the data to come
  std::uint64_t edit_copy = Limits().edit_copy;  ///< larger files are edited in place
};

class FileWriter {
 public:
  static Result<FileWriter> begin(const Tree& tree, const RootedPath& path, const WriteOptions& options);
  FileWriter(FileWriter&&) noexcept = default;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  Result<void> append(ByteView data);
  /// Makes it durable and visible. Whatever the result, it is over.
  Result<Info> commit();

 private:
  FileWriter() = default;
  Result<void> begin_copy(const RootedPath& path, const struct stat* old, const WriteOptions& options);
  Result<void> check_unchanged() const;

  RootedPath path_;
  Place place_;
  FileDescriptor file_;
  std::string temporary_;              ///< "" when written in place
  std::optional<struct stat> copied_;  ///< the file whose content was kept
  std::optional<std::uint64_t> announced_;
  bool exclusive_ = false;
  std::uint64_t at_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t flushed_ = 0;
};

/// Room for `size` more bytes, as far as the file system tells: 507.
Result<void> check_room(int folder, std::uint64_t size, const RootedPath& path);
/// Renames `temporary` over (or, exclusively, to) the place, and makes the folder durable. 409.
Result<void> put_in_place(const Place& place, const std::string& temporary, bool exclusive);

}  // namespace owndir::fsnode
