#pragma once
// Which files of a snapshot make a directory a module (docs/modules.md, Where code lies), and what looks like a module
// but is none because of its name. The build decides the same for itself (web/module-host/build/discover.ts). Any
// thread.

#include <string>
#include <vector>

#include "site/snapshot.hpp"

namespace owndir::site {

/// The directories with something to build, "" for the folder itself, sorted: an index, a package with a script, a bare
/// `.owndir.js`, plugins, static files, or what replaces the build's defaults. A file of any other name is none.
std::vector<std::string> module_directories(const Snapshot& snapshot);

struct ModuleHint {
  std::string file;  ///< in the folder
  std::string text;  ///< follows the file's name: "is no module: …"
};

/// Scripts that were probably meant to be modules, at most ten: names that are nearly right, and, where nothing in the
/// whole folder is a module, any script in a `.owndir`.
std::vector<ModuleHint> module_hints(const Snapshot& snapshot);

}  // namespace owndir::site
