// A description from a handshake file, read as an offer and as an answer. What is accepted must be read
// again as the same summary, and libwebrtc must take it or refuse it without one of its checks going off.
#include "rtc/sdp.hpp"

#include <api/jsep.h>

#include <cstdlib>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using owndir::rtc::SdpSummary;
  using owndir::rtc::SdpType;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const SdpType type : {SdpType::offer, SdpType::answer}) {
    const auto summary = SdpSummary::parse(type, text);
    if (!summary) continue;
    const std::string written = summary->to_sdp();
    const auto again = SdpSummary::parse(type, written);
    if (!again || again->to_sdp() != written) std::abort();
    webrtc::SdpParseError error;
    const auto description = webrtc::CreateSessionDescription(
        type == SdpType::offer ? webrtc::SdpType::kOffer : webrtc::SdpType::kAnswer, written, &error);
    if (!description) std::abort();
  }
  const std::string trimmed = owndir::rtc::trim_candidates(text);
  if (trimmed.size() > text.size()) std::abort();
  return 0;
}
