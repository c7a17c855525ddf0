#pragma once
// The part of a session description (RFC 8866) that one data-channel association needs: JSEP (RFC 8829), ICE (RFC
// 8839), DTLS (RFC 8842), SCTP (RFC 8841). What came from outside is parsed into a summary, and only a summary is ever
// written out again: no byte of hostile text reaches the WebRTC stack. Values without ownership of anything; any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace owndir::rtc {

struct SdpLimits {
  static constexpr std::size_t kBytes = 16 * 1024;
  static constexpr std::size_t kLines = 400;
  static constexpr std::size_t kLineBytes = 1024;
  static constexpr std::size_t kCandidates = 32;            ///< usable ones that are kept, those of highest priority
  static constexpr std::uint32_t kMaxMessage = 256 * 1024;  ///< bytes; a larger or absent bound counts as this
  static constexpr std::uint32_t kMinMessage = 1024;        ///< bytes; a peer that takes less is refused
};

enum class SdpType { offer, answer };
enum class SdpSetup { actpass, active, passive };

/// One candidate (RFC 8839 section 5.1), component 1 only.
struct SdpCandidate {
  std::string foundation;
  bool udp = true;
  std::uint32_t priority = 0;
  std::string address;  ///< numeric in canonical form, or a name as it came
  bool numeric = true;
  std::uint16_t port = 0;
  std::string type;  ///< host, srflx, prflx or relay

  /// Over UDP, to a unicast address and a port that the stack accepts.
  bool usable() const;
  /// For people: "srflx udp 5.5.5.11:40000".
  std::string describe() const;
};

/// Parses what follows "a=": "candidate:…". An unknown transport or type gives a candidate that is not usable.
Result<SdpCandidate> parse_candidate(std::string_view text);

/// "1.2.3.4:5" or "[::1]:5".
std::string describe_address(std::string_view address, std::uint16_t port);

struct SdpSummary {
  SdpType type = SdpType::offer;
  std::string mid;
  bool bundle = false;  ///< a BUNDLE group that names the mid
  std::string ice_ufrag;
  std::string ice_pwd;
  std::string fingerprint;  ///< SHA-256, upper-case pairs with colons
  SdpSetup setup = SdpSetup::actpass;
  std::uint16_t sctp_port = 0;
  std::uint32_t max_message = 0;         ///< bytes, kMinMessage … kMaxMessage
  std::vector<SdpCandidate> candidates;  ///< usable, at most kCandidates
  std::vector<std::string> skipped;      ///< for people: candidates that cannot be used (names, TCP), bounded

  /// Errc::too_large, malformed or unsupported, with a sentence that names the line.
  static Result<SdpSummary> parse(SdpType type, std::string_view text);
  /// The description written anew, lines ended by CRLF.
  std::string to_sdp() const;
};

/// A description of our own with all but the kCandidates best candidates removed, so that any other end takes it.
std::string trim_candidates(std::string_view sdp);

}  // namespace owndir::rtc
