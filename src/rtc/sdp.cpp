#include "rtc/sdp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "rtc/token.hpp"

namespace owndir::rtc {

namespace {

constexpr std::size_t kSkippedShown = 32;
constexpr std::uint32_t kDefaultMaxMessage = 64 * 1024;  // RFC 8841 section 6.1
constexpr std::size_t kMaxMid = 32;

struct Line {
  std::size_t number;
  char type;
  std::string_view value;
};

tl::unexpected<Error> refuse(Errc code, const Line& line, std::string_view why) {
  return fail(code, fmt::format("SDP line {}: {}: {}={}", line.number, why, line.type, printable(line.value)));
}

/// The lines with their numbers; CRLF or LF ends.
Result<std::vector<Line>> split_lines(std::string_view text) {
  if (text.size() > SdpLimits::kBytes) {
    return fail(Errc::too_large, fmt::format("SDP of {} bytes, {} at most", text.size(), SdpLimits::kBytes));
  }
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t number = lines.size() + 1;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number > SdpLimits::kLines) return fail(Errc::too_large, fmt::format("SDP line {}: too many lines", number));
    if (line.size() > SdpLimits::kLineBytes) return fail(Errc::too_large, fmt::format("SDP line {}: too long", number));
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' ||
        std::any_of(line.begin(), line.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
      return fail(Errc::malformed, fmt::format("SDP line {}: not a description line: {}", number, printable(line)));
    }
    lines.push_back({number, line[0], line.substr(2)});
  }
  return lines;
}

/// Exactly 32 pairs of hexadecimal digits with colons, in upper case; empty when it is something else.
std::string canonical_sha256(std::string_view text) {
  if (text.size() != 32 * 3 - 1) return {};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i % 3 == 2) {
      if (c != ':') return {};
      out += c;
    } else if (is_digit(c) || (c >= 'A' && c <= 'F')) {
      out += c;
    } else if (c >= 'a' && c <= 'f') {
      out += static_cast<char>(c - 'a' + 'A');
    } else {
      return {};
    }
  }
  return out;
}

/// Attributes that may stand at session level as well as in the media section, which then wins.
struct Transport {
  std::optional<std::string> ufrag, pwd, fingerprint;
  std::optional<SdpSetup> setup;
};

class Parser {
 public:
  explicit Parser(SdpType type) { out_.type = type; }

  Result<SdpSummary> run(std::string_view text) {
    auto lines = split_lines(text);
    if (!lines) return fail(lines.error());
    if (lines->empty() || (*lines)[0].type != 'v' || (*lines)[0].value != "0") {
      return fail(Errc::malformed, "SDP line 1: not v=0");
    }
    for (const Line& line : *lines) {
      Result<void> done;
      if (line.type == 'm') done = media(line);
      if (line.type == 'a') done = attribute(line);
      if (!done) return fail(done.error());
    }
    return finish();
  }

 private:
  Result<void> media(const Line& line) {
    if (in_media_) return refuse(Errc::unsupported, line, "more than one media section");
    in_media_ = true;
    Words words(line.value);
    const std::string_view kind = words.next();
    const auto port = parse_number(words.next(), 65535);
    const std::string_view protocol = words.next();
    const std::string_view format = words.next();
    if (!port) return refuse(Errc::malformed, line, "media port");
    if (kind != "application" || (protocol != "UDP/DTLS/SCTP" && protocol != "TCP/DTLS/SCTP") ||
        format != "webrtc-datachannel" || !words.rest().empty()) {
      return refuse(Errc::unsupported, line, "not a data channel (m=application … UDP/DTLS/SCTP webrtc-datachannel)");
    }
    if (*port == 0) return refuse(Errc::unsupported, line, "the other end refused the data channel");
    return {};
  }

  /// Unknown attributes, a=sctp-init among them, are dropped.
  Result<void> attribute(const Line& line) {
    const std::size_t colon = line.value.find(':');
    const std::string_view name = line.value.substr(0, colon);
    const std::string_view value = colon == std::string_view::npos ? std::string_view() : line.value.substr(colon + 1);
    if (name == "ice-lite") return refuse(Errc::unsupported, line, "ICE lite");
    if (name == "ice-ufrag") return ice_text(line, value, 4, level().ufrag);
    if (name == "ice-pwd") return ice_text(line, value, 22, level().pwd);
    if (name == "fingerprint") return fingerprint(line, value);
    if (name == "setup") return setup(line, value);
    if (!in_media_) {
      if (name == "group" && value.starts_with("BUNDLE ")) group_ = value.substr(7);
      return {};
    }
    if (name == "mid") return mid(line, value);
    if (name == "sctp-port") return number(line, value, 65535, sctp_port_);
    if (name == "max-message-size") return max_message(line, value);
    if (name == "candidate") return candidate(line);
    return {};
  }

  Transport& level() { return in_media_ ? media_ : session_; }

  static Result<void> ice_text(const Line& line, std::string_view value, std::size_t least,
                               std::optional<std::string>& to) {
    if (to) return refuse(Errc::malformed, line, "given twice");
    if (value.size() < least || value.size() > 256 || !is_ice_chars(value)) {
      return refuse(Errc::malformed, line, fmt::format("{} to 256 of A-Z a-z 0-9 + /", least));
    }
    to = value;
    return {};
  }

  Result<void> fingerprint(const Line& line, std::string_view value) {
    Words words(value);
    const std::string hash = lower(words.next());
    if (!is_token(hash)) return refuse(Errc::malformed, line, "fingerprint");
    if (hash != "sha-256") return {};
    const std::string digest = canonical_sha256(words.rest());
    if (digest.empty()) return refuse(Errc::malformed, line, "not a SHA-256 fingerprint");
    auto& to = level().fingerprint;
    if (to && *to != digest) return refuse(Errc::unsupported, line, "two different certificates");
    to = digest;
    return {};
  }

  Result<void> setup(const Line& line, std::string_view value) {
    auto& to = level().setup;
    if (to) return refuse(Errc::malformed, line, "given twice");
    if (value == "actpass" && out_.type == SdpType::offer)
      to = SdpSetup::actpass;
    else if (value == "active")
      to = SdpSetup::active;
    else if (value == "passive")
      to = SdpSetup::passive;
    else
      return refuse(value == "holdconn" ? Errc::unsupported : Errc::malformed, line, "DTLS role");
    return {};
  }

  Result<void> mid(const Line& line, std::string_view value) {
    if (!out_.mid.empty()) return refuse(Errc::malformed, line, "given twice");
    if (!is_token(value) || value.size() > kMaxMid) return refuse(Errc::malformed, line, "not a token of at most 32");
    out_.mid = value;
    return {};
  }

  static Result<void> number(const Line& line, std::string_view value, std::uint32_t max,
                             std::optional<std::uint32_t>& to) {
    if (to) return refuse(Errc::malformed, line, "given twice");
    to = parse_number(value, max);
    if (!to || *to == 0) return refuse(Errc::malformed, line, fmt::format("not a number from 1 to {}", max));
    return {};
  }

  Result<void> max_message(const Line& line, std::string_view value) {
    if (max_message_) return refuse(Errc::malformed, line, "given twice");
    if (value.empty() || value.size() > 20 || !std::all_of(value.begin(), value.end(), is_digit)) {
      return refuse(Errc::malformed, line, "not a number");
    }
    // 0 means any size (RFC 8841 section 6.1); so does, for us, all that is beyond our own limit.
    const auto size = parse_number(value, SdpLimits::kMaxMessage);
    max_message_ = !size || *size == 0 ? SdpLimits::kMaxMessage : *size;
    if (*max_message_ < SdpLimits::kMinMessage)
      return refuse(Errc::unsupported, line, "messages too small to be of use");
    return {};
  }

  Result<void> candidate(const Line& line) {
    auto parsed = parse_candidate(line.value);
    if (!parsed) return fail(Errc::malformed, fmt::format("SDP line {}: {}", line.number, parsed.error().context));
    if (parsed->usable()) {
      out_.candidates.push_back(std::move(*parsed));
    } else if (out_.skipped.size() < kSkippedShown) {
      out_.skipped.push_back(parsed->describe());
    }
    return {};
  }

  Result<SdpSummary> finish() {
    if (!in_media_) return fail(Errc::unsupported, "SDP: no data channel section (m=application)");
    const auto pick = [](auto& media, auto& session) { return media ? media : session; };
    const auto ufrag = pick(media_.ufrag, session_.ufrag), pwd = pick(media_.pwd, session_.pwd);
    const auto digest = pick(media_.fingerprint, session_.fingerprint);
    const auto role = pick(media_.setup, session_.setup);
    if (!ufrag || !pwd) return fail(Errc::malformed, "SDP: no a=ice-ufrag or a=ice-pwd");
    if (!digest) return fail(Errc::unsupported, "SDP: no a=fingerprint with sha-256");
    if (!role) return fail(Errc::malformed, "SDP: no a=setup");
    if (out_.mid.empty()) return fail(Errc::malformed, "SDP: no a=mid");
    if (!sctp_port_) return fail(Errc::malformed, "SDP: no a=sctp-port");
    out_.ice_ufrag = *ufrag;
    out_.ice_pwd = *pwd;
    out_.fingerprint = *digest;
    out_.setup = *role;
    out_.sctp_port = static_cast<std::uint16_t>(*sctp_port_);
    out_.max_message = max_message_.value_or(kDefaultMaxMessage);
    out_.bundle = group_ == out_.mid;
    auto& list = out_.candidates;
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.priority > b.priority; });
    if (list.size() > SdpLimits::kCandidates) list.resize(SdpLimits::kCandidates);
    return std::move(out_);
  }

  SdpSummary out_;
  Transport session_, media_;
  std::string group_;
  std::optional<std::uint32_t> sctp_port_, max_message_;
  bool in_media_ = false;
};

const char* to_string(SdpSetup setup) {
  switch (setup) {
    case SdpSetup::actpass: return "actpass";
    case SdpSetup::active: return "active";
    case SdpSetup::passive: break;
  }
  return "passive";
}

}  // namespace

Result<SdpSummary> SdpSummary::parse(SdpType type, std::string_view text) {
  return Parser(type).run(text);
}

std::string SdpSummary::to_sdp() const {
  std::string out = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
  if (bundle) out += fmt::format("a=group:BUNDLE {}\r\n", mid);
  out += "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n";
  for (const SdpCandidate& each : candidates) {
    out += fmt::format("a=candidate:{} 1 udp {} {} {} typ {}\r\n", each.foundation, each.priority, each.address,
                       each.port, each.type);
  }
  out += fmt::format("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:{}\r\na=mid:{}\r\n",
                     ice_ufrag, ice_pwd, fingerprint, to_string(setup), mid);
  out += fmt::format("a=sctp-port:{}\r\na=max-message-size:{}\r\n", sctp_port, max_message);
  return out;
}

std::string trim_candidates(std::string_view sdp) {
  constexpr std::string_view kStart = "a=candidate:";
  struct Piece {
    std::string_view line;
    std::optional<std::uint32_t> priority;
  };
  std::vector<Piece> pieces;
  std::vector<std::uint32_t> priorities;
  while (!sdp.empty()) {
    const std::size_t end = std::min(sdp.find('\n'), sdp.size() - 1);
    Piece piece{sdp.substr(0, end + 1), std::nullopt};
    sdp.remove_prefix(end + 1);
    if (piece.line.starts_with(kStart)) {
      const auto parsed = parse_candidate(piece.line.substr(2));
      piece.priority = parsed ? parsed->priority : 0;
      priorities.push_back(*piece.priority);
    }
    pieces.push_back(piece);
  }
  std::uint32_t least = 0;
  if (priorities.size() > SdpLimits::kCandidates) {
    std::sort(priorities.rbegin(), priorities.rend());
    least = priorities[SdpLimits::kCandidates - 1];
  }
  std::string out;
  std::size_t kept = 0;
  for (const Piece& piece : pieces) {
    if (piece.priority && (*piece.priority < least || kept++ >= SdpLimits::kCandidates)) continue;
    out += piece.line;
  }
  return out;
}

}  // namespace owndir::rtc
