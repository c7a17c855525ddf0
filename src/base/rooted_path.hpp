#pragma once
// The only way to open something in the folder. A RootedFolder holds a descriptor of the folder itself; every name is
// resolved by the kernel with openat2(RESOLVE_BENEATH), so that neither "..", an absolute path nor a symbolic link,
// however it is swapped meanwhile, leads outside. Value semantics of a descriptor (move-only); any thread.

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace owndir {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// A path inside the folder: segments without "", ".", "..", NUL and '/'. "" is the folder itself.
class RootedPath {
 public:
  RootedPath() = default;
  /// From a decoded, '/'-separated path; empty segments and "." vanish. Errc::forbidden for "..", Errc::malformed for
  /// NUL, Errc::too_large beyond 4095 bytes or 255 bytes a segment.
  static Result<RootedPath> parse(std::string_view path);

  const std::string& str() const { return path_; }  ///< "a/b", no leading or trailing '/'
  const std::vector<std::string>& segments() const { return segments_; }
  bool is_root() const { return segments_.empty(); }
  RootedPath parent() const;  ///< of the root: the root
  Result<RootedPath> child(std::string_view name) const;

 private:
  std::string path_;
  std::vector<std::string> segments_;
};

/// Whether a call may wait for the disk. `cached`: only what the kernel has in memory (RESOLVE_CACHED, RWF_NOWAIT);
/// EAGAIN otherwise, so that the network thread may try it.
enum class Disk { wait, cached };

class RootedFolder {
 public:
  /// `directory` must exist. Errors: errno's.
  static Result<RootedFolder> open(const std::string& directory);
  /// From an open directory.
  static RootedFolder adopt(FileDescriptor directory, std::string path);

  /// `flags` as open(2), O_CLOEXEC and O_NOCTTY are added; `mode` with O_CREAT. EXDEV (403 to a client) for what leads
  /// outside. Opening a FIFO or device does not block (O_NONBLOCK is added for reads).
  Result<FileDescriptor> open(const RootedPath& path, int flags, mode_t mode = 0600) const;
  /// Opens what is there already.
  Result<FileDescriptor> open(const RootedPath& path, int flags, Disk disk) const;
  /// Likewise, but ELOOP for any symbolic link on the way or at its end.
  Result<FileDescriptor> open_unlinked(const RootedPath& path, int flags) const;
  /// Follows links that stay inside.
  Result<struct stat> stat(const RootedPath& path, Disk disk = Disk::wait) const;
  /// One level; EEXIST is success when it is a directory.
  Result<void> make_directory(const RootedPath& path, mode_t mode = 0777) const;
  Result<RootedFolder> subfolder(const RootedPath& path) const;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }  ///< for people and logs

 private:
  FileDescriptor fd_;
  std::string path_;
};

/// Writes the whole of `content` as `name` (one segment) into `folder`: temporary name, fsync, rename; a reader sees
/// the old file or the new one. On any error the temporary file is removed. `exclusive`: EEXIST when the name is taken.
Result<void> write_file_atomically(const RootedFolder& folder, std::string_view name, std::string_view content,
                                   mode_t mode = 0644, bool exclusive = false);

/// The whole file; Errc::too_large beyond `limit` bytes, Errc::unsupported when it is not a regular file.
Result<std::string> read_file(const RootedFolder& folder, const RootedPath& path, std::size_t limit);

}  // namespace owndir
