#pragma once
// `owndir serve`: publishes the page (or the site of the folder's modules) into the folder, answers offers that arrive
// there, and serves the folder on localhost and over each peer's tunnel through one gateway. Owns everything it starts;
// `run_serve` returns when all of it has ended.

#include "app/folder_app.hpp"

namespace owndir::app {

struct ServeOptions : AppOptions {
  bool launcher = true;        ///< write owndir.html in the folder's root
  std::size_t max_peers = 64;  ///< connected at once
};

/// Blocks until stopped. Returns an ExitCode.
int run_serve(const ServeOptions& options);

}  // namespace owndir::app
