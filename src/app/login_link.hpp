#pragma once
// One-time login links of a running server, for a browser that is not signed in: the program leaves its address in the
// state directory, `owndir link` leaves a key there, and the first login with that key removes it. Whoever may enter
// the state directory (mode 0700) holds the session's secret anyway (docs/security.md). Blocking, shortly; any thread.

#include <string>
#include <string_view>

#include "app/common.hpp"
#include "base/clock.hpp"

namespace owndir::app {

/// Says under which address the program with this state directory is reached: "http://127.0.0.1:8710".
Result<void> leave_address(const std::string& state_directory, const std::string& url);

/// A fresh link, valid once and for ten minutes; it replaces an unused one. Errc::not_found when no program runs.
Result<std::string> leave_link(const std::string& state_directory, const Clock& clock = system_clock());

/// Whether `key` is the one that was left there; true at most once.
bool take_key(const std::string& state_directory, std::string_view key, const Clock& clock = system_clock());

struct LinkOptions : CommonOptions {};

/// `owndir link`. Returns an ExitCode.
int run_link(const LinkOptions& options);

}  // namespace owndir::app
