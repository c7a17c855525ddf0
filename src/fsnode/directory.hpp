#pragma once
// The entries of an open directory. Blocking; any thread, one reader a descriptor.

#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "base/directory_stream.hpp"

namespace owndir::fsnode {

/// Calls `take(std::string name, unsigned char d_type)` for each entry but "." and ".."; ends early when it returns
/// false. errno's errors.
template <class Take>
Result<void> each_entry(int fd, Take take) {
  // A descriptor of its own: closedir closes it, and its position is not the caller's.
  FileDescriptor own(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return fail_errno("opendir");
  const DirectoryStream directory(::fdopendir(own.get()));
  if (!directory) return fail_errno("opendir");
  own.release();
  for (;;) {
    errno = 0;
    const dirent* item = ::readdir(directory.get());
    if (item == nullptr) break;
    const std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    if (!take(std::string(name), item->d_type)) return {};
  }
  if (errno != 0) return fail_errno("readdir");
  return {};
}

}  // namespace owndir::fsnode
