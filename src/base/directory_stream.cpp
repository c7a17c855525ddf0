#include "base/directory_stream.hpp"

namespace owndir {

Result<DirectoryStream> open_directory(const RootedFolder& folder, const RootedPath& path, int flags) {
  auto fd = folder.open(path, O_RDONLY | O_DIRECTORY | flags);
  if (!fd) return fail(std::move(fd.error()));
  DirectoryStream directory(::fdopendir(fd->get()));
  if (!directory) return fail_errno(path.is_root() ? folder.path() : path.str());
  fd->release();
  return directory;
}

}  // namespace owndir
