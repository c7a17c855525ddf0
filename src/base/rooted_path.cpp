#include "base/rooted_path.hpp"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/leftovers.hpp"

namespace owndir {
namespace {

constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxSegment = 255;

Result<FileDescriptor> open_beneath(int directory, const char* path, int flags, mode_t mode,
                                    std::uint64_t resolve = 0) {
  open_how how{};
  // With O_PATH, openat2 refuses every flag that has no meaning there.
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY));
  if ((flags & O_ACCMODE) == O_RDONLY && (flags & O_PATH) == 0) how.flags |= O_NONBLOCK;
  if ((flags & O_CREAT) != 0) how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0) return FileDescriptor(static_cast<int>(fd));
    if (errno == EAGAIN && (resolve & RESOLVE_CACHED) != 0) break;
    // EAGAIN: a rename raced with the resolution and the kernel could not be sure (openat2(2)).
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return fail_errno(path);
}

const char* name_or_dot(const RootedPath& path) {
  return path.is_root() ? "." : path.str().c_str();
}

Result<void> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<RootedPath> RootedPath::parse(std::string_view path) {
  if (path.size() > kMaxPath) return fail(Errc::too_large, "path");
  if (path.find('\0') != path.npos) return fail(Errc::malformed, "path with a NUL");
  RootedPath parsed;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") return fail(Errc::forbidden, "path with '..'");
    if (segment.size() > kMaxSegment) return fail(Errc::too_large, "path segment");
    parsed.segments_.emplace_back(segment);
    if (!parsed.path_.empty()) parsed.path_ += '/';
    parsed.path_ += segment;
  }
  return parsed;
}

RootedPath RootedPath::parent() const {
  RootedPath up;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (i > 0) up.path_ += '/';
    up.path_ += segments_[i];
    up.segments_.push_back(segments_[i]);
  }
  return up;
}

Result<RootedPath> RootedPath::child(std::string_view name) const {
  if (name.empty() || name == "." || name.find('/') != name.npos) return fail(Errc::malformed, "file name");
  return parse(path_ + "/" + std::string(name));
}

Result<RootedFolder> RootedFolder::open(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(directory);
  RootedFolder folder;
  folder.fd_ = FileDescriptor(fd);
  folder.path_ = directory;
  return folder;
}

RootedFolder RootedFolder::adopt(FileDescriptor directory, std::string path) {
  RootedFolder folder;
  folder.fd_ = std::move(directory);
  folder.path_ = std::move(path);
  return folder;
}

Result<FileDescriptor> RootedFolder::open(const RootedPath& path, int flags, mode_t mode) const {
  return open_beneath(fd_.get(), name_or_dot(path), flags, mode);
}

Result<FileDescriptor> RootedFolder::open(const RootedPath& path, int flags, Disk disk) const {
  return open_beneath(fd_.get(), name_or_dot(path), flags, 0, disk == Disk::cached ? RESOLVE_CACHED : 0);
}

Result<FileDescriptor> RootedFolder::open_unlinked(const RootedPath& path, int flags) const {
  return open_beneath(fd_.get(), name_or_dot(path), flags, 0, RESOLVE_NO_SYMLINKS);
}

Result<struct stat> RootedFolder::stat(const RootedPath& path, Disk disk) const {
  auto fd = open(path, O_PATH, disk);
  if (!fd) return fail(std::move(fd.error()));
  struct stat info{};
  if (::fstat(fd->get(), &info) < 0) return fail_errno(path.str());
  return info;
}

Result<void> RootedFolder::make_directory(const RootedPath& path, mode_t mode) const {
  auto parent = open(path.parent(), O_PATH | O_DIRECTORY);
  if (!parent) return fail(std::move(parent.error()));
  if (path.is_root() || ::mkdirat(parent->get(), path.segments().back().c_str(), mode) == 0) return {};
  if (errno != EEXIST) return fail_errno(path.str());
  auto existing = open(path, O_PATH | O_DIRECTORY);
  if (!existing) return fail(std::move(existing.error()));
  return {};
}

Result<RootedFolder> RootedFolder::subfolder(const RootedPath& path) const {
  auto fd = open(path, O_PATH | O_DIRECTORY);
  if (!fd) return fail(std::move(fd.error()));
  RootedFolder folder;
  folder.fd_ = std::move(*fd);
  folder.path_ = path.is_root() ? path_ : path_ + "/" + path.str();
  return folder;
}

Result<void> write_file_atomically(const RootedFolder& folder, std::string_view name, std::string_view content,
                                   mode_t mode, bool exclusive) {
  const auto target = RootedPath().child(name);
  if (!target) return fail(target.error());
  const auto temporary = RootedPath::parse(momentary_name(kBeingWritten));
  auto fd = folder.open(*temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!fd) return fail(std::move(fd.error()));
  Result<void> written = write_all(fd->get(), content);
  if (written && ::fsync(fd->get()) < 0) written = fail_errno("fsync");
  if (written && ::renameat2(folder.fd(), temporary->str().c_str(), folder.fd(), target->str().c_str(),
                             exclusive ? RENAME_NOREPLACE : 0U) < 0)
    written = fail_errno(target->str());
  if (!written) {
    ::unlinkat(folder.fd(), temporary->str().c_str(), 0);
    return written;
  }
  if (auto directory = folder.open(RootedPath(), O_RDONLY | O_DIRECTORY)) ::fsync(directory->get());
  return {};
}

Result<std::string> read_file(const RootedFolder& folder, const RootedPath& path, std::size_t limit) {
  auto fd = folder.open(path, O_RDONLY);
  if (!fd) return fail(std::move(fd.error()));
  struct stat info{};
  if (::fstat(fd->get(), &info) < 0) return fail_errno(path.str());
  if (!S_ISREG(info.st_mode)) return fail(Errc::unsupported, path.str() + " is not a regular file");
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd->get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(path.str());
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit) return fail(Errc::too_large, path.str());
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace owndir
