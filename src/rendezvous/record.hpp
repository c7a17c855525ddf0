#pragma once
// Handshake records (docs/protocol.md, section 1): values, names, and the parser for bytes that came through the sync.
// Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "owndir/protocol.hpp"

namespace owndir::rendezvous {

struct Offer {
  std::string client, offer, nonce;
  std::int64_t created_ms = 0;
  std::uint32_t valid_s = 0;
  std::string name;
  std::optional<std::string> to;
  std::string sdp;
  bool operator==(const Offer&) const = default;
};

struct Answer {
  std::string client, offer, server, nonce;
  std::uint64_t n = 0;  ///< of the file name
  std::int64_t created_ms = 0;
  std::uint32_t valid_s = 0;
  std::string name;
  std::string offer_digest;
  std::string sdp;
  bool operator==(const Answer&) const = default;
};

struct Presence {
  std::string server;
  std::uint64_t n = 0;  ///< of the file name
  std::string name;
  bool up = false;
  std::int64_t created_ms = 0;
  std::uint32_t every_s = 0;
  std::vector<std::string> ice_servers;
  bool operator==(const Presence&) const = default;
};

using Record = std::variant<Offer, Answer, Presence>;

/// What a file name says; nothing when it is not a handshake name (temporary, conflict copy, foreign).
struct RecordName {
  enum class Kind { offer, answer, presence } kind;
  std::string client, offer, server;  ///< as the kind has them
  std::uint64_t n = 0;
};
std::optional<RecordName> parse_name(std::string_view name);
std::string name_of(const Offer& offer);
std::string name_of(const Answer& answer);
std::string name_of(const Presence& presence);

/// Most ICE servers in a presence record, and bytes of each.
inline constexpr std::size_t kIceServers = 16;
inline constexpr std::size_t kIceServerBytes = 256;

/// Bounded, never throws. malformed, too_large, unsupported (version), foreign (ids differ from the name's).
Result<Record> parse_record(const RecordName& name, std::string_view bytes, const Limits& limits = {});
/// The file's bytes. Text that is not UTF-8 comes out with replacement characters.
std::string serialize(const Record& record);

/// SHA-256 in lower-case hexadecimal.
std::string digest(std::string_view bytes);

/// 16 lower-case hexadecimal digits.
bool is_id(std::string_view text);

/// `text` as a display name that parse_record takes: control characters and broken UTF-8 dropped, cut to fit.
std::string display_name(std::string_view text, const Limits& limits = {});

}  // namespace owndir::rendezvous
