#include "rendezvous/store.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/directory_stream.hpp"
#include "rendezvous/record.hpp"

namespace owndir::rendezvous {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Result<std::optional<FileInfo>> stat_at(int directory, const char* name) {
  struct stat info{};
  if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return std::optional<FileInfo>();
    return fail_errno(name);
  }
  FileInfo file;
  file.name = name;
  file.regular = S_ISREG(info.st_mode);
  file.size = static_cast<std::uint64_t>(info.st_size);
  file.mtime_ns = nanoseconds(info.st_mtim);
  file.ctime_ns = nanoseconds(info.st_ctim);
  file.inode = info.st_ino;
  return std::optional<FileInfo>(std::move(file));
}

}  // namespace

Result<Listing> Store::list(const RootedFolder& folder, std::size_t limit) {
  const auto directory = open_directory(folder, RootedPath());
  if (!directory) return fail(directory.error());
  Listing listing;
  for (std::size_t entries = 0;; ++entries) {
    errno = 0;
    const dirent* entry = ::readdir(directory->get());
    if (entry == nullptr && errno != 0) return fail_errno(folder.path());
    if (entry == nullptr) return listing;
    if (entries >= limit + 2) break;  // "." and ".." are not counted
    if (!parse_name(entry->d_name)) continue;
    auto file = stat_at(::dirfd(directory->get()), entry->d_name);
    if (!file) return fail(std::move(file.error()));
    if (*file) listing.files.push_back(std::move(**file));
  }
  listing.complete = false;
  return listing;
}

Result<std::optional<FileInfo>> Store::stat(const RootedFolder& folder, const std::string& name) {
  return stat_at(folder.fd(), name.c_str());
}

Result<std::string> Store::read(const RootedFolder& folder, const std::string& name, std::size_t limit) {
  const auto path = RootedPath().child(name);
  if (!path) return fail(path.error());
  return read_file(folder, *path, limit);
}

Result<void> Store::write(const RootedFolder& folder, const std::string& name, const std::string& bytes) {
  return write_file_atomically(folder, name, bytes, 0644, /*exclusive=*/true);
}

Result<void> Store::remove(const RootedFolder& folder, const std::string& name) {
  if (::unlinkat(folder.fd(), name.c_str(), 0) < 0 && errno != ENOENT) return fail_errno(name);
  return {};
}

std::string write_advice(const Error& error, const std::string& place) {
  const std::error_code& code = error.code;
  if (code == std::errc::no_space_on_device || code.value() == EDQUOT) return "Free some space on the disk of " + place;
  if (code == std::errc::read_only_file_system) return "Mount the disk of " + place + " writable";
  if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted)
    return "Give this user the right to write in " + place;
  return "Look at the disk of " + place;
}

}  // namespace owndir::rendezvous
