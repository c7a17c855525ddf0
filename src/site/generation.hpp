#pragma once
// Finished builds in the state directory: `gen-KEY/` holds the approved copy of the code (`source/`), what the build
// made of it (`out/site/`, `out/server/`) and, once it is finished, `result.json`; `current.json` names the one that is
// served. Code in it may hold its own place (`__dirname`), so it is never moved, and never changed. Blocking; any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"
#include "modules/host_message.hpp"

namespace owndir::site {

inline constexpr const char* kCurrentFile = "current.json";

struct Generation {
  std::string name;       ///< "gen-…", the directory's
  std::string directory;  ///< absolute
  std::string key;        ///< of everything that it was made of
  std::string snapshot;   ///< digest of the code
  modules::message::Done result;

  std::string site_directory() const { return directory + "/out/site"; }
  /// Absolute path of the server code; "" when the modules have none.
  std::string server() const { return result.server.empty() ? "" : directory + "/out/" + result.server; }
};

/// The one that is served; nothing when there is none or when it is damaged.
std::optional<Generation> load_current(const std::string& state_directory);

/// An empty directory to build what has `key` in, with `source/` and `out/`; a name of its own even for the same key,
/// since an earlier one may be in use, or damaged. Removed by remove_old_generations should nobody finish it.
Result<std::string> begin_generation(const std::string& state_directory, const std::string& key);

/// Checks what the build left in `work` against its own list, and makes it the current one. Errc::malformed when a file
/// of the list is missing.
Result<Generation> finish_generation(const std::string& state_directory, const std::string& work, std::string key,
                                     std::string snapshot, modules::message::Done result);

/// Unfinished ones, and all but the current and the one before it.
void remove_old_generations(const std::string& state_directory);

}  // namespace owndir::site
