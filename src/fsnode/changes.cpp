#include "fsnode/changes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/reserved_names.hpp"
#include "fsnode/directory.hpp"

namespace owndir::fsnode {
namespace {

bool is_directory(int parent, const std::string& name, unsigned char type) {
  if (type != DT_UNKNOWN) return type == DT_DIR;
  struct stat state{};
  return ::fstatat(parent, name.c_str(), &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(state.st_mode);
}

/// The directory that stands at a place, if one does, no link followed.
std::optional<RootedFolder> directory_at(const Place& place) {
  FileDescriptor fd(::openat(place.folder.get(), place.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return std::nullopt;
  return RootedFolder::adopt(std::move(fd), place.real.str());
}

tl::unexpected<Error> too_deep(const RootedPath& path) {
  return refuse(Errc::too_large, path, "is nested too deeply");
}

}  // namespace

Result<void> make_directory(const Tree& tree, const RootedPath& path) {
  if (path.is_root()) return {};
  if (!is_writable(path)) return refuse(Errc::forbidden, path, "cannot be written");
  const auto unable = [&] { return fail(Errc::internal, "unable to mkDir " + shown(path)); };
  RootedPath prefix;
  for (const std::string& segment : path.segments()) {
    prefix = *prefix.child(segment);
    const auto place = tree.place(prefix, "written");
    if (!place && place.error().is(Errc::not_found)) return unable();
    if (!place && place.error().is(Errc::forbidden)) return refuse(Errc::forbidden, path, "cannot be written");
    if (!place) return fail(place.error());
    if (::mkdirat(place->folder.get(), place->name.c_str(), 0777) < 0 && errno != EEXIST)
      return explain_errno(path, "written");
  }
  const auto made = tree.folder().open(path, O_PATH | O_DIRECTORY);
  if (made) return {};
  const Error error = explain(made.error(), path, "written");
  if (error.is(Errc::not_found)) return unable();
  return fail(error);
}

Result<void> touch(const Tree& tree, const RootedPath& path) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto place = tree.target_place(path, "written");
    if (!place && place.error().is(Errc::not_found)) return fail(Errc::internal, "unable to touch " + shown(path));
    if (!place) return fail(place.error());
    const int folder = place->folder.get();
    const char* name = place->name.c_str();
    if (::utimensat(folder, name, nullptr, AT_SYMLINK_NOFOLLOW) == 0) return {};
    if (errno != ENOENT) return explain_errno(path, "written");
    const FileDescriptor made(
        ::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0666));
    if (made) return {};
    if (errno != EEXIST) return explain_errno(path, "written");
  }
  return refuse(Errc::conflict, path, "comes and goes");
}

Result<ProtectedSearch::State> ProtectedSearch::step(std::size_t entries) {
  std::size_t seen = 0;
  bool found = false;
  while (!left_.empty() && !found && seen < entries) {
    const RootedPath path = std::move(left_.back());
    left_.pop_back();
    const auto directory = top_.open_unlinked(path, O_RDONLY | O_DIRECTORY);
    if (!directory) continue;  // gone, or a link by now; what cannot be read, cannot be removed or searched either
    bool deep = false;
    const auto read = each_entry(directory->get(), [&](const std::string& name, unsigned char type) {
      ++seen;
      found = is_protected(name);
      if (!found && is_directory(directory->get(), name, type)) {
        auto child = path.child(name);
        if (child)
          left_.push_back(std::move(*child));
        else
          deep = true;
      }
      return !found && !deep;
    });
    if (deep) return too_deep(path);
    if (!read) return fail(explain(read.error(), path, "read"));
  }
  if (found) return State::found;
  return left_.empty() ? State::clean : State::more;
}

Result<Move> Move::begin(const Tree& tree, const RootedPath& from, const RootedPath& to, bool overwrite) {
  auto place = tree.place(from, "written");
  if (!place && place.error().is(Errc::not_found)) return refuse(Errc::not_found, from, "does not exist");
  if (!place && place.error().is(Errc::forbidden)) return fail(Errc::forbidden, "source " + place.error().context);
  if (!place) return fail(std::move(place.error()));
  struct stat state{};
  if (::fstatat(place->folder.get(), place->name.c_str(), &state, AT_SYMLINK_NOFOLLOW) < 0)
    return explain_errno(from, "moved");
  Move move;
  move.tree_ = &tree;
  move.directory_ = S_ISDIR(state.st_mode);
  move.overwrite_ = overwrite;
  move.to_ = to;
  if (tree.folder().open(to, O_PATH | O_DIRECTORY)) {
    auto inside = to.child(from.segments().back());
    if (!inside) return fail(Errc::malformed, shown(to) + " is too long a path to move something into");
    move.to_ = std::move(*inside);
  }
  if (!is_writable(move.to_)) return fail(Errc::forbidden, "destination " + shown(move.to_) + " cannot be written");
  if (move.directory_ && (move.to_.str() + "/").starts_with(from.str() + "/"))
    return refuse(Errc::malformed, from, "cannot be moved into itself");
  move.from_ = std::move(*place);
  if (move.directory_) {
    if (auto top = directory_at(move.from_)) move.search_.emplace(std::move(*top));
  }
  return move;
}

Result<std::optional<RootedPath>> Move::step(std::size_t entries) {
  if (search_) {
    const auto state = search_->step(entries);
    if (!state) return fail(state.error());
    if (*state == ProtectedSearch::State::more) return std::nullopt;
    if (*state == ProtectedSearch::State::found)
      return fail(Errc::forbidden, "something at " + shown(from_.asked) + " cannot be moved (write disallowed)");
    search_.reset();
  }
  if (const auto renamed = rename(); !renamed) return fail(renamed.error());
  return to_;
}

Result<void> Move::rename() const {
  if (const auto made = make_directory(*tree_, to_.parent()); !made) {
    if (made.error().is(Errc::internal)) return refuse(Errc::conflict, to_.parent(), "is not a directory");
    return fail(made.error());
  }
  const auto place = tree_->place(to_, "written");
  if (!place && place.error().is(Errc::forbidden)) return fail(Errc::forbidden, "destination " + place.error().context);
  if (!place) return fail(place.error());
  struct stat old{};
  const bool exists = ::fstatat(place->folder.get(), place->name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  const bool onto_directory = exists && S_ISDIR(old.st_mode);
  if (onto_directory && !directory_) return refuse(Errc::conflict, to_, "is a directory");
  if (exists && !onto_directory && !overwrite_) return fail(Errc::conflict, "existing file found at " + shown(to_));
  if (exists && !onto_directory && directory_)
    return refuse(Errc::conflict, to_, "is a file, which a folder does not replace");
  if (::renameat2(from_.folder.get(), from_.name.c_str(), place->folder.get(), place->name.c_str(),
                  exists ? 0U : RENAME_NOREPLACE) == 0)
    return {};
  switch (errno) {
    case EINVAL: return refuse(Errc::malformed, from_.asked, "cannot be moved into itself");
    case EXDEV:
      return refuse(Errc::conflict, from_.asked, "lies on another file system than its destination: copy it instead");
    case ENOENT: return refuse(Errc::not_found, from_.asked, "does not exist");
    default: return explain_errno(to_, "written");
  }
}

Result<Remove> Remove::begin(const Tree& tree, const RootedPath& path) {
  Remove remove;
  auto place = tree.place(path, "deleted");
  if (!place && place.error().is(Errc::not_found)) return remove;
  if (!place) return fail(std::move(place.error()));
  if (auto top = directory_at(*place)) remove.search_.emplace(std::move(*top));
  remove.place_ = std::move(*place);
  return remove;
}

Result<bool> Remove::step(std::size_t entries) {
  if (!place_) return true;
  if (search_) {
    const auto state = search_->step(entries);
    if (!state) return fail(state.error());
    if (*state == ProtectedSearch::State::more) return false;
    if (*state == ProtectedSearch::State::found)
      return fail(Errc::forbidden, "something at " + shown(place_->asked) + " cannot be deleted (write disallowed)");
    top_ = std::move(search_->top());
    search_.reset();
    left_.assign(1, RootedPath());
  }
  if (top_) {
    const auto done = remove_some(entries);
    if (!done || !*done) return done;
  }
  if (::unlinkat(place_->folder.get(), place_->name.c_str(), top_ ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
    return true;
  return explain_errno(place_->asked, "deleted");
}

/// Empties the top directory, deepest first. True once it is empty.
Result<bool> Remove::remove_some(std::size_t entries) {
  std::size_t seen = 0;
  while (!left_.empty()) {
    if (seen >= entries) return false;
    const RootedPath path = left_.back();
    const auto directory = top_->open_unlinked(path, O_RDONLY | O_DIRECTORY);
    if (!directory) {
      // Gone, or a link by now: the directory that holds it looks again.
      const int code = directory.error().code.value();
      if (path.is_root() || (code != ENOENT && code != ENOTDIR && code != ELOOP))
        return fail(explain(directory.error(), place_->asked, "deleted"));
      left_.pop_back();
      ++seen;
      continue;
    }
    std::optional<Error> error;
    const std::size_t before = left_.size();
    const auto read = each_entry(directory->get(), [&](const std::string& name, unsigned char type) {
      if (is_protected(name)) {
        error = Error{make_error_code(Errc::forbidden),
                      "something at " + shown(place_->asked) + " cannot be deleted (write disallowed)"};
      } else if (is_directory(directory->get(), name, type)) {
        auto child = path.child(name);
        if (child)
          left_.push_back(std::move(*child));
        else
          error = too_deep(place_->asked).value();
      } else if (::unlinkat(directory->get(), name.c_str(), 0) < 0 && errno != ENOENT) {
        error = explain_errno(place_->asked, "deleted").value();
      }
      return !error && ++seen < entries;
    });
    if (error) return fail(*error);
    if (!read) return fail(explain(read.error(), place_->asked, "deleted"));
    if (left_.size() > before || seen >= entries) continue;
    // Empty now. The top itself is removed by its place.
    left_.pop_back();
    ++seen;
    if (path.is_root()) break;
    const auto parent = top_->open_unlinked(path.parent(), O_PATH | O_DIRECTORY);
    if (parent && ::unlinkat(parent->get(), path.segments().back().c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT &&
        errno != ENOTEMPTY && errno != ENOTDIR)
      return explain_errno(place_->asked, "deleted");
  }
  return true;
}

}  // namespace owndir::fsnode
