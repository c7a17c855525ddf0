#pragma once
// What publish remembers between runs: which files of `.owndir/.dist/` are ours. One file, `published.json`, in the
// state directory. Blocking, any thread.

#include <map>
#include <string>
#include <string_view>

#include "base/rooted_path.hpp"

namespace owndir::site {

struct PublishedFile {
  std::string sha256;             ///< of the content that we wrote, hexadecimal
  std::int64_t unused_since = 0;  ///< Unix ms since when no site has it; 0: in use
};

using PublishState = std::map<std::string, PublishedFile, std::less<>>;

/// A missing file is an empty state; an unreadable one too, with a warning (our files then count as somebody else's).
Result<PublishState> load_state(const RootedFolder& directory);
/// Writes only what changed.
Result<void> save_state(const RootedFolder& directory, const PublishState& state);

std::string sha256_hex(std::string_view content);

}  // namespace owndir::site
