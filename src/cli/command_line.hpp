#pragma once
// The command line: parses arguments, runs the command, returns its exit code. Everything it does is in `app`.

namespace owndir::cli {

/// The whole program. Called once, from main.
int run(int argc, char** argv);

}  // namespace owndir::cli
