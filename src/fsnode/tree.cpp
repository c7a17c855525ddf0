#include "fsnode/tree.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/reserved_names.hpp"

namespace owndir::fsnode {
namespace {

Result<std::string> link_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::array<char, PATH_MAX * 2> buffer;
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (size < 0) return fail_errno(link);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

bool is_writable(const RootedPath& path) {
  return std::none_of(path.segments().begin(), path.segments().end(), [](const std::string& segment) {
    return is_hidden(std::string_view(segment)) || is_module_name(segment);
  });
}

Result<FileDescriptor> Tree::open(const RootedPath& path, int flags) const {
  const auto absent = [&] {
    errno = ENOENT;
    return fail_errno(path.str());
  };
  if (is_hidden(path)) return absent();
  auto fd = folder_.open(path, flags);
  if (!fd || path.is_root()) return fd;
  const auto real = real_path(fd->get());
  if (!real) return fail(real.error());
  if (is_hidden(*real)) return absent();
  return fd;
}

bool Tree::is_link(const RootedPath& path) const {
  struct stat state{};
  const auto parent = folder_.open(path.parent(), O_PATH | O_DIRECTORY);
  return !path.is_root() && parent &&
         ::fstatat(parent->get(), path.segments().back().c_str(), &state, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(state.st_mode);
}

Result<RootedPath> Tree::real_path(int fd) const {
  const auto root = link_of(folder_.fd());
  const auto whole = link_of(fd);
  if (!root) return fail(root.error());
  if (!whole) return fail(whole.error());
  if (*whole == *root) return RootedPath();
  const std::string prefix = *root == "/" ? *root : *root + "/";
  if (!whole->starts_with(prefix)) return fail(Errc::conflict, "it was moved or removed meanwhile");
  return RootedPath::parse(std::string_view(*whole).substr(prefix.size()));
}

Result<Place> Tree::place(const RootedPath& path, const char* verb) const {
  const auto forbidden = [&] { return fail(Errc::forbidden, shown(path) + " cannot be " + verb); };
  if (path.is_root() || !is_writable(path)) return forbidden();
  auto parent = folder_.open(path.parent(), O_PATH | O_DIRECTORY);
  if (!parent) {
    const int code = parent.error().code.value();
    if (code == ENOENT || code == ENOTDIR) return refuse(Errc::not_found, path.parent(), "is not a directory");
    return fail(explain(parent.error(), path, verb));
  }
  const auto real_parent = real_path(parent->get());
  if (!real_parent) return fail(real_parent.error());
  auto real = real_parent->child(path.segments().back());
  if (!real) return fail(Errc::malformed, shown(path) + " is too long a path");
  if (!is_writable(*real)) return forbidden();
  return Place{std::move(*parent), path.segments().back(), path, std::move(*real)};
}

Result<Place> Tree::target_place(const RootedPath& path, const char* verb) const {
  auto found = place(path, verb);
  // A link is resolved by the kernel; the second look guards against another link that was put there meanwhile.
  for (int attempt = 0; found && attempt < 8; ++attempt) {
    struct stat info{};
    if (::fstatat(found->folder.get(), found->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(info.st_mode))
      return found;
    auto target = folder_.open(found->real, O_PATH);
    if (!target && target.error().code.value() == ENOENT) return refuse(Errc::not_found, path, "is a link to nothing");
    if (!target) return fail(explain(target.error(), path, verb));
    const auto real = real_path(target->get());
    if (!real) return fail(real.error());
    if (real->is_root()) return refuse(Errc::conflict, path, "is a directory");
    found = place(*real, verb);
    if (!found) return fail(Error{found.error().code, shown(path) + " cannot be " + verb});
    found->asked = path;
  }
  if (found) return refuse(Errc::conflict, path, "is a link that changes all the time");
  return found;
}

}  // namespace owndir::fsnode
