#include "fsnode/file_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace owndir::fsnode {

Result<FileReader> FileReader::open(const Tree& tree, const RootedPath& path, std::uint64_t start,
                                    std::optional<std::uint64_t> last) {
  auto fd = tree.open(path, O_RDONLY);
  if (!fd) {
    const Error error = explain(fd.error(), path, "read");
    if (error.is(Errc::not_found)) return refuse(Errc::not_found, path, "is not a file");
    return fail(error);
  }
  struct stat state{};
  if (::fstat(fd->get(), &state) < 0) return explain_errno(path, "read");
  if (!S_ISREG(state.st_mode)) return refuse(Errc::not_found, path, "is not a file");
  const Info info = make_info(state, "");
  FileReader reader;
  reader.path_ = path;
  reader.file_ = std::move(*fd);
  reader.size_ = info.size;
  reader.mtime_ = info.mtime;
  reader.start_ = reader.at_ = std::min(start, info.size);
  reader.end_ = last && *last < info.size ? std::max(*last + 1, reader.start_) : info.size;
  return reader;
}

Result<void> FileReader::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(at_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return explain_errno(path_, "read");
    if (got == 0) return refuse(Errc::conflict, path_, "became shorter while it was read");
    at_ += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Result<void> FileReader::check() const {
  struct stat state{};
  if (::fstat(file_.get(), &state) < 0) return explain_errno(path_, "read");
  const Info info = make_info(state, "");
  if (info.size != size_ || info.mtime != mtime_)
    return refuse(Errc::conflict, path_, "was changed while it was read; read it again");
  return {};
}

}  // namespace owndir::fsnode
