#pragma once
// `owndir build`: builds the folder's modules into its site, once or whenever something changes. `owndir trust`: shows
// what code is in the folder and lets it run. Both return when done.

#include "app/folder_app.hpp"

namespace owndir::app {

struct BuildOptions : AppOptions {
  bool watch = false;
  bool single_file = false;
};

/// Returns an ExitCode.
int run_build(const BuildOptions& options);

struct TrustOptions : AppOptions {
  bool yes = false;
  bool revoke = false;
};

/// Returns an ExitCode: kExitNotApproved when it asked and the answer was no.
int run_trust(const TrustOptions& options);

}  // namespace owndir::app
