#pragma once
// Logging: one logger for each component, on standard error. `log("rtc").info("…", args)`. Any thread.
// Text that came from outside is passed through `printable` first, so that it cannot forge lines or move the cursor.

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

namespace owndir {

/// The logger of a component ("rtc", "rendezvous", …); made on first use, lives until the process ends.
spdlog::logger& log(std::string_view component);

/// One of trace, debug, info, warn, error, off; applies to all components. False when the word is none of these.
bool set_log_level(std::string_view level);

/// At most `limit` bytes, everything outside printable ASCII written as \xNN, "…" where it was cut.
std::string printable(std::string_view text, std::size_t limit = 120);

}  // namespace owndir
