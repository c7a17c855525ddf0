#include "base/leftovers.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/directory_stream.hpp"
#include "base/random.hpp"

namespace owndir {
namespace {

constexpr std::string_view kBeginning = ".owndir-";
constexpr std::size_t kBytes = 8;

bool is_old_file(int directory, const char* name, WallTime now) {
  struct stat info{};
  if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode)) return false;
  const WallTime changed = from_unix_ms(std::int64_t{info.st_ctim.tv_sec} * 1000);
  return changed + kLeftoverAge <= now;
}

}  // namespace

std::string momentary_name(std::string_view ending) {
  return std::string(kBeginning) + system_random().hex(kBytes) + std::string(ending);
}

bool is_momentary_name(std::string_view name) {
  if (!name.starts_with(kBeginning)) return false;
  name.remove_prefix(kBeginning.size());
  const std::string_view digits = name.substr(0, 2 * kBytes);
  const std::string_view ending = name.substr(digits.size());
  return digits.size() == 2 * kBytes && digits.find_first_not_of("0123456789abcdef") == digits.npos &&
         (ending == kBeingWritten || ending == kProbe);
}

std::size_t remove_leftovers(const RootedFolder& folder, WallTime now, std::size_t entries) {
  const auto stream = open_directory(folder, RootedPath());
  if (!stream) return 0;
  DIR* const directory = stream->get();
  const int fd = ::dirfd(directory);
  std::vector<std::string> old;  // removed afterwards: the directory is not changed while it is read
  for (std::size_t seen = 0; seen < entries;) {
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    ++seen;
    if (is_momentary_name(name) && is_old_file(fd, entry->d_name, now)) old.emplace_back(name);
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(old, [&](const std::string& name) { return ::unlinkat(fd, name.c_str(), 0) == 0; }));
}

}  // namespace owndir
