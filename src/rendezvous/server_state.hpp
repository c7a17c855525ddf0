#pragma once
// What a server remembers between runs: its id, its counter, when it first saw each record, the offers it has seen. One
// JSON file in the state directory, outside the folder. Times are the server's own; pure functions, any thread.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace owndir::rendezvous {

struct ServerState {
  struct KnownOffer {
    std::string nonce, offer, name, digest;
    std::int64_t first_seen_ms = 0;
    bool spent = false;
    bool operator==(const KnownOffer&) const = default;
  };
  std::string server;
  std::uint64_t last_n = 0;
  std::int64_t saved_ms = 0;                                     ///< wall clock of the save
  std::vector<std::pair<std::string, std::int64_t>> first_seen;  ///< names, with the wall clock's time
  std::vector<KnownOffer> offers;                                ///< oldest first
  bool operator==(const ServerState&) const = default;
};

inline constexpr const char* kServerStateFile = "rendezvous.json";
inline constexpr std::size_t kServerStateBytes = 64 * 1024 * 1024;

std::string serialize(const ServerState& state);
/// malformed, unsupported (a newer version's).
Result<ServerState> parse_server_state(std::string_view text);

}  // namespace owndir::rendezvous
