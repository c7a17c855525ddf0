#pragma once
// Where the product's runtime data is (share/owndir: the Node program, the browser runtime, packages) and which Node
// runs it. Blocking; any thread.

#include <string>
#include <vector>

#include "base/result.hpp"

namespace owndir::modules {

struct Runtime {
  std::string share;   ///< absolute
  std::string host;    ///< SHARE/host.cjs
  std::string node;    ///< absolute path of the program
  std::string digest;  ///< of what in `share` and in this program decides what a build makes
};

/// `$OWNDIR_SHARE`, else ../share/owndir beside the program (or of the build tree it was built in). Errc::not_found
/// with a sentence that says what to install or set.
Result<Runtime> find_runtime();

/// This process's environment for the child, with NODE_ENV=production unless it is set.
std::vector<std::string> child_environment();

}  // namespace owndir::modules
