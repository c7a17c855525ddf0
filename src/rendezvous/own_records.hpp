#pragma once
// The records that a machine writes and the files that it removes: what is still to be done, what is in place, when a
// failure is tried again. No I/O; network thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace owndir::rendezvous {

/// How long a missing file may be an overwrite by the sync (DELETE, then MOVED_TO).
inline constexpr std::chrono::seconds kGoneGrace{1};
/// How often a record of ours that others remove is written again.
inline constexpr int kRewrites = 5;

/// One write-once file of ours.
struct OwnRecord {
  enum class Phase { queued, writing, placed };
  Phase phase = Phase::queued;
  std::string bytes;
  std::optional<std::uint64_t> key;  ///< of the answering; none for presence
  std::uint64_t generation = 0;      ///< of the state that must be saved before
  SteadyTime not_before;
  int failures = 0;
  int lost = 0;           ///< how often somebody else removed it
  bool unwanted = false;  ///< to be removed as soon as it is written
  std::optional<SteadyTime> gone_since;
  std::optional<SteadyTime> check_at;
};
using OwnRecords = std::map<std::string, OwnRecord>;

struct Removal {
  bool running = false;
  int failures = 0;
  SteadyTime not_before;
};
using Removals = std::map<std::string, Removal>;

/// 1, 2, 4 … seconds, at most 30.
inline std::chrono::seconds retry_delay(int failures) {
  return std::chrono::seconds(failures >= 6 ? 30 : 1 << (failures > 0 ? failures - 1 : 0));
}

}  // namespace owndir::rendezvous
