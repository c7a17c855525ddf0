#include "fsnode/info.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/media_type.hpp"
#include "base/reserved_names.hpp"
#include "fsnode/directory.hpp"

namespace owndir::fsnode {
namespace {

double milliseconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) * 1000.0 + static_cast<double>(time.tv_nsec) / 1e6;
}

}  // namespace

Info make_info(const struct stat& state, std::string_view name, bool is_link) {
  Info info;
  info.is_file = S_ISREG(state.st_mode);
  info.is_directory = S_ISDIR(state.st_mode);
  info.is_link = is_link;
  info.size = info.is_file ? static_cast<std::uint64_t>(state.st_size) : 0;
  info.mtime = milliseconds(state.st_mtim);
  info.ctime = milliseconds(state.st_ctim);
  info.mode = state.st_mode;
  if (info.is_file) info.mime = essence(media_type(name));
  return info;
}

void append_number(std::string& out, double number) {
  fmt::format_to(std::back_inserter(out), "{}", number);
}

void append_json(std::string& out, const std::optional<Info>& info) {
  if (!info) {
    out += "null";
    return;
  }
  fmt::format_to(
      std::back_inserter(out),
      FMT_COMPILE(R"({{"isFile":{},"isDirectory":{},"isSymLink":{},"size":{},"mtime":{},"ctime":{},"mode":{},"mime":)"),
      info->is_file, info->is_directory, info->is_link, info->size, info->mtime, info->ctime, info->mode);
  if (info->mime.empty())
    out += "null}";
  else
    out.append("\"").append(info->mime).append("\"}");
}

Result<std::optional<Info>> info_of(const Tree& tree, const RootedPath& path) {
  const auto fd = tree.open(path, O_PATH);
  if (!fd) {
    const Error error = explain(fd.error(), path, "read");
    if (error.is(Errc::not_found)) return std::nullopt;
    return fail(error);
  }
  struct stat state{};
  if (::fstat(fd->get(), &state) < 0) return explain_errno(path, "read");
  const std::string name = path.is_root() ? std::string() : path.segments().back();
  return make_info(state, name, !path.is_root() && tree.is_link(path));
}

std::optional<Info> entry_info(const Tree& tree, int directory, const RootedPath& path, const std::string& name) {
  struct stat state{};
  if (::fstatat(directory, name.c_str(), &state, AT_SYMLINK_NOFOLLOW) < 0) return std::nullopt;
  if (!S_ISLNK(state.st_mode)) return make_info(state, name);
  const auto child = path.child(name);
  struct stat target{};
  if (child) {
    const auto fd = tree.open(*child, O_PATH);
    if (fd && ::fstat(fd->get(), &target) == 0) return make_info(target, name, true);
  }
  return make_info(state, name, true);
}

void remove_if_stale(int directory, const std::string& name, std::uint64_t stale_s) {
  struct stat state{};
  if (::fstatat(directory, name.c_str(), &state, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(state.st_mode)) return;
  if (state.st_mtim.tv_sec + static_cast<time_t>(stale_s) < ::time(nullptr)) ::unlinkat(directory, name.c_str(), 0);
}

Result<ChildrenReader> ChildrenReader::open(const Tree& tree, const RootedPath& path, std::uint64_t limit,
                                            std::uint64_t stale_s) {
  auto fd = tree.open(path, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    const Error error = explain(fd.error(), path, "read");
    if (error.is(Errc::not_found)) return refuse(Errc::not_found, path, "is not a directory");
    return fail(error);
  }
  ChildrenReader reader;
  reader.tree_ = &tree;
  reader.path_ = path;
  bool too_many = false;
  const auto read = each_entry(fd->get(), [&](std::string name, unsigned char) {
    if (is_hidden(std::string_view(name))) {
      if (is_own_temporary(name)) remove_if_stale(fd->get(), name, stale_s);
      return true;
    }
    too_many = reader.names_.size() >= limit;
    if (!too_many) reader.names_.push_back(std::move(name));
    return !too_many;
  });
  if (!read) return fail(explain(read.error(), path, "read"));
  if (too_many) return refuse(Errc::too_large, path, "holds too many entries to be told");
  reader.directory_ = std::move(*fd);
  std::sort(reader.names_.begin(), reader.names_.end());
  return reader;
}

std::vector<Entry> ChildrenReader::next(std::size_t count, bool with_info) {
  std::vector<Entry> part;
  for (; part.size() < count && at_ < names_.size(); ++at_) {
    Entry entry{std::move(names_[at_]), std::nullopt};
    if (with_info) entry.info = entry_info(*tree_, directory_.get(), path_, entry.name);
    part.push_back(std::move(entry));
  }
  return part;
}

}  // namespace owndir::fsnode
