#pragma once
// Small files that were served in the last second, with all that their answer needs: a page's many small requests then
// cost one stat each instead of opening and reading. What the stat finds must be what was read, to the nanosecond of
// its change; the way to the file (that no link leads outside, RootedFolder) is looked at anew every second.
// Bounded; network thread only.

#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/rooted_path.hpp"
#include "gateway/file_response.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {

class RecentFiles {
 public:
  struct Entry {
    Target target;
    FileFacts facts;  ///< with the content
    SteadyTime until;
  };

  /// `target` as in the request, without a query. Null: it must be opened.
  const Entry* find(const RootedFolder& folder, std::string_view target);
  /// Keeps a copy of what has been opened, where it is small.
  void keep(const std::string& target, const Target& parsed, const FileFacts& facts);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace owndir::gateway
