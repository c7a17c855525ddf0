#pragma once
// What `serve`, `build` and `trust` share about the folder as an app: where its state and its packages are kept, and
// the options of the site builder. Blocking; any thread.

#include <string>

#include "app/common.hpp"
#include "site/site_builder.hpp"

namespace owndir::app {

struct AppOptions : CommonOptions {
  bool trust = false;  ///< approve whatever is there, now and later
  std::string dist;    ///< --dist
};

/// The last part of a path, for titles.
std::string folder_name(const std::string& path);

/// With directories made and everything resolved. The state is shared by all three commands.
Result<site::SiteBuilderOptions> builder_options(const AppOptions& options);

/// A directory for sockets, mode 0700, whose path leaves room for a socket's name: in `state` where that is short
/// enough, else a fresh one below $XDG_RUNTIME_DIR or the system's temporary directory, which the caller removes.
Result<std::string> make_run_directory(const std::string& state);

}  // namespace owndir::app
