#pragma once
// Removes what a process of ours that was killed in the middle of a write has left in a folder: the temporary names of
// `write_file_atomically` and the probes of `rendezvous`, once they are a day old by this machine's clock (the change
// time, which no sync carries). No other name is touched. Blocking; any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/rooted_path.hpp"

namespace owndir {

inline constexpr std::chrono::hours kLeftoverAge{24};
inline constexpr std::string_view kBeingWritten = ".tmp";
inline constexpr std::string_view kProbe = ".probe";

/// A fresh name for a file that exists for a moment only: ".owndir-" + 16 hexadecimal digits + one of the two endings.
std::string momentary_name(std::string_view ending);
bool is_momentary_name(std::string_view name);

/// Removes such files, ordinary ones only, of `folder` itself; looks at `entries` entries at most. What cannot be
/// removed stays. The number of removed files.
std::size_t remove_leftovers(const RootedFolder& folder, WallTime now, std::size_t entries = 65536);

}  // namespace owndir
