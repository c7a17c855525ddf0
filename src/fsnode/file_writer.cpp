#include "fsnode/file_writer.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/reserved_names.hpp"

namespace owndir::fsnode {
namespace {

/// Written this far, the kernel is asked to begin with the disk, so that the last fsync is short.
constexpr std::uint64_t kFlushEvery = 16 << 20;
constexpr std::size_t kCopied = 1 << 20;

/// All of `from` to `to`, sharing blocks where the file system can.
Result<std::uint64_t> copy_content(int from, int to) {
  std::uint64_t size = 0;
  for (;;) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, kCopied, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && size == 0) break;
    if (copied < 0) return fail_errno("copy_file_range");
    if (copied == 0) return size;
    size += static_cast<std::uint64_t>(copied);
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read");
    if (got == 0) return size;
    for (ssize_t at = 0; at < got;) {
      const ssize_t put = ::write(to, buffer.data() + at, static_cast<std::size_t>(got - at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno("write");
      at += put;
    }
    size += static_cast<std::uint64_t>(got);
  }
}

bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

Result<void> check_room(int folder, std::uint64_t size, const RootedPath& path) {
  struct statvfs room{};
  // The descriptor names a place only (O_PATH), which fstatvfs takes.
  if (::fstatvfs(folder, &room) < 0 || room.f_blocks == 0) return {};
  if (size / std::max<std::uint64_t>(room.f_frsize, 1) < room.f_bavail) return {};
  errno = ENOSPC;
  return explain_errno(path, "written");
}

Result<void> put_in_place(const Place& place, const std::string& temporary, bool exclusive) {
  const int folder = place.folder.get();
  if (::renameat2(folder, temporary.c_str(), folder, place.name.c_str(), exclusive ? RENAME_NOREPLACE : 0U) < 0)
    return explain_errno(place.asked, "written");
  // The descriptor of the place only names it; to sync it takes one that is open.
  const FileDescriptor open(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open) ::fsync(open.get());
  return {};
}

Result<FileWriter> FileWriter::begin(const Tree& tree, const RootedPath& path, const WriteOptions& options) {
  if (path.is_root()) return refuse(Errc::conflict, path, "is a directory");
  auto place = tree.target_place(path, "written");
  if (!place) return fail(std::move(place.error()));
  struct stat old{};
  const bool exists = ::fstatat(place->folder.get(), place->name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return explain_errno(path, "written");
  if (!exists && options.flags.must_exist) return refuse(Errc::not_found, path, "is not a file");
  if (exists && S_ISDIR(old.st_mode)) return refuse(Errc::conflict, path, "is a directory");
  if (exists && options.flags.exclusive) return fail(Errc::conflict, "existing file found at " + shown(path));
  if (exists && !S_ISREG(old.st_mode)) return refuse(Errc::conflict, path, "is neither a file nor a directory");
  // The rename would not ask for it.
  if (exists && ::faccessat(place->folder.get(), place->name.c_str(), W_OK, AT_EACCESS) < 0)
    return explain_errno(path, "written");

  FileWriter writer;
  writer.path_ = path;
  writer.place_ = std::move(*place);
  writer.exclusive_ = options.flags.exclusive;
  writer.announced_ = options.size;
  const int folder = writer.place_.folder.get();
  if (options.size) {
    if (auto room = check_room(folder, *options.size, path); !room) return fail(std::move(room.error()));
  }
  const auto old_size = static_cast<std::uint64_t>(old.st_size);
  writer.at_ = exists && options.flags.append ? old_size : options.start;
  if (exists && options.flags.keep() && old_size > options.edit_copy) {
    writer.file_ =
        FileDescriptor(::openat(folder, writer.place_.name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!writer.file_) return explain_errno(path, "written");
    return writer;
  }
  auto begun = writer.begin_copy(path, exists ? &old : nullptr, options);
  if (!begun) return fail(std::move(begun.error()));
  return writer;
}

Result<void> FileWriter::begin_copy(const RootedPath& path, const struct stat* old, const WriteOptions& options) {
  const int folder = place_.folder.get();
  std::string name = temporary_name();
  const mode_t mode = old != nullptr ? 0600 : static_cast<mode_t>(options.mode.value_or(0666));
  file_ = FileDescriptor(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file_) return explain_errno(path, "written");
  temporary_ = std::move(name);
  if (old == nullptr) return {};
  // A group that this user may not give, or bits that the file system lacks, are no reason not to write.
  if (::fchown(file_.get(), static_cast<uid_t>(-1), old->st_gid) < 0) errno = 0;
  if (::fchmod(file_.get(), old->st_mode & 07777) < 0) errno = 0;
  if (!options.flags.keep()) return {};
  const FileDescriptor from(::openat(folder, place_.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat now{};
  if (!from || ::fstat(from.get(), &now) < 0) return explain_errno(path, "read");
  const auto copied = copy_content(from.get(), file_.get());
  if (!copied) return fail(explain(copied.error(), path, "written"));
  copied_ = now;
  if (options.flags.append) at_ = *copied;
  return {};
}

FileWriter::~FileWriter() {
  if (!temporary_.empty() && place_.folder) ::unlinkat(place_.folder.get(), temporary_.c_str(), 0);
}

Result<void> FileWriter::append(ByteView data) {
  if (announced_ && written_ + data.size() > *announced_)
    return fail(Errc::malformed, "more data came for " + shown(path_) + " than its size");
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file_.get(), data.data(), data.size(), static_cast<off_t>(at_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return explain_errno(path_, "written");
    at_ += static_cast<std::uint64_t>(put);
    written_ += static_cast<std::uint64_t>(put);
    data = data.subspan(static_cast<std::size_t>(put));
  }
  if (written_ - flushed_ >= kFlushEvery) {
    ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    flushed_ = written_;
  }
  return {};
}

Result<void> FileWriter::check_unchanged() const {
  if (!copied_) return {};
  struct stat now{};
  if (::fstatat(place_.folder.get(), place_.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && same_state(now, *copied_))
    return {};
  return refuse(Errc::conflict, path_, "was changed by others meanwhile; read it and edit again");
}

Result<Info> FileWriter::commit() {
  if (announced_ && written_ != *announced_)
    return fail(Errc::malformed, "less data came for " + shown(path_) + " than its size");
  struct stat state{};
  if (::fsync(file_.get()) < 0) return explain_errno(path_, "written");
  if (!temporary_.empty()) {
    if (auto unchanged = check_unchanged(); !unchanged) return fail(std::move(unchanged.error()));
    if (auto placed = put_in_place(place_, temporary_, exclusive_); !placed) return fail(std::move(placed.error()));
    temporary_.clear();
  }
  if (::fstat(file_.get(), &state) < 0) return explain_errno(path_, "written");
  return make_info(state, path_.segments().back());
}

}  // namespace owndir::fsnode
