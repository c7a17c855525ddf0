#include "rtc/sdp.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "rtc/test_support.hpp"

namespace owndir::rtc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string corpus(const std::string& name) {
  return repository_file("fuzz/corpus/sdp/" + name);
}
const std::string& offer() {
  static const std::string text = corpus("chromium_offer.sdp");
  return text;
}

/// The Chromium offer with `from` replaced.
std::string with(std::string_view from, std::string_view to) {
  std::string text = offer();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}
std::string with_line(std::string_view line) {
  return offer() + std::string(line) + "\r\n";
}

TEST(Sdp, TakesChromiumsOffer) {
  const auto summary = SdpSummary::parse(SdpType::offer, offer());
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->ice_ufrag, "M5Xw");
  EXPECT_EQ(summary->ice_pwd, "BB9KkJ6Xjdl/MOCX/TfZp54M");
  EXPECT_EQ(summary->mid, "0");
  EXPECT_TRUE(summary->bundle);
  EXPECT_EQ(summary->setup, SdpSetup::actpass);
  EXPECT_EQ(summary->sctp_port, 5000);
  EXPECT_EQ(summary->max_message, 262144U);
  EXPECT_TRUE(summary->candidates.empty());
  EXPECT_THAT(summary->skipped, ElementsAre("host udp 7516bd84-9be3-4e60-9e6d-104541ee0654.local:39578",
                                            "host udp 0f5c6f4c-1456-450c-826b-53227695695e.local:49132"));
}

TEST(Sdp, TakesChromiumsAnswer) {
  const auto summary = SdpSummary::parse(SdpType::answer, corpus("chromium_answer.sdp"));
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->setup, SdpSetup::active);
}

TEST(Sdp, TakesFirefoxsOfferWithTheFingerprintAtSessionLevel) {
  const auto summary = SdpSummary::parse(SdpType::offer, corpus("firefox_offer.sdp"));
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->max_message, SdpLimits::kMaxMessage);
  ASSERT_EQ(summary->candidates.size(), 1U);
  EXPECT_EQ(summary->candidates[0].describe(), "srflx udp 192.0.2.7:54400");
  EXPECT_EQ(summary->skipped.size(), 2U);
}

TEST(Sdp, WritesNothingThatItDidNotUnderstand) {
  const auto summary = SdpSummary::parse(SdpType::offer, corpus("sctp_init.sdp"));
  ASSERT_TRUE(summary) << summary.error().to_string();
  const std::string text = summary->to_sdp();
  EXPECT_EQ(text.find("sctp-init"), std::string::npos);
  EXPECT_EQ(text.find("extmap"), std::string::npos);
  EXPECT_EQ(text.find("network-cost"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("a=candidate:307950682 1 udp 2113942271 2001:db8::1 49132 typ host\r\n"));
}

TEST(Sdp, ReadsItsOwnWritingAsTheSameSummary) {
  for (const auto& file : std::filesystem::directory_iterator(std::string(OWNDIR_SOURCE_DIR) + "/fuzz/corpus/sdp")) {
    const std::string text = corpus(file.path().filename().string());
    for (const SdpType type : {SdpType::offer, SdpType::answer}) {
      const auto summary = SdpSummary::parse(type, text);
      if (!summary) continue;
      const std::string written = summary->to_sdp();
      const auto again = SdpSummary::parse(type, written);
      ASSERT_TRUE(again) << file.path() << again.error().to_string();
      EXPECT_EQ(again->to_sdp(), written) << file.path();
    }
  }
}

TEST(Sdp, BoundsAnUnlimitedOrAbsentMessageSize) {
  EXPECT_EQ(SdpSummary::parse(SdpType::offer, with("size:262144", "size:0"))->max_message, SdpLimits::kMaxMessage);
  EXPECT_EQ(SdpSummary::parse(SdpType::offer, with("size:262144", "size:99999999999999999999"))->max_message,
            SdpLimits::kMaxMessage);
  EXPECT_EQ(SdpSummary::parse(SdpType::offer, with("a=max-message-size:262144\r\n", ""))->max_message, 65536U);
}

TEST(Sdp, KeepsTheBestCandidatesOfMany) {
  std::string text = offer();
  for (int i = 1; i <= 100; ++i) text += fmt::format("a=candidate:{0} 1 udp {0} 192.0.2.{0} 5000 typ host\r\n", i);
  const auto summary = SdpSummary::parse(SdpType::offer, text);
  ASSERT_TRUE(summary) << summary.error().to_string();
  ASSERT_EQ(summary->candidates.size(), SdpLimits::kCandidates);
  EXPECT_EQ(summary->candidates.front().address, "192.0.2.100");
  EXPECT_EQ(summary->candidates.back().address, "192.0.2.69");

  const auto trimmed = SdpSummary::parse(SdpType::offer, trim_candidates(text));
  ASSERT_TRUE(trimmed);
  EXPECT_LE(trimmed->candidates.size(), SdpLimits::kCandidates);
  EXPECT_EQ(trim_candidates(offer()), offer());
}

struct Refusal {
  const char* name;
  std::string text;
  Errc code;
  const char* says;
};

class SdpRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(SdpRefuses, WithTheReason) {
  const auto summary = SdpSummary::parse(SdpType::offer, GetParam().text);
  ASSERT_FALSE(summary);
  EXPECT_TRUE(summary.error().is(GetParam().code)) << summary.error().to_string();
  EXPECT_THAT(summary.error().context, HasSubstr(GetParam().says));
}

const char* const kFingerprint =
    "a=fingerprint:sha-256 "
    "F9:37:9C:E7:04:55:EA:E4:AC:D0:A8:FC:16:7B:92:23:68:3B:2C:03:C0:A5:A2:D4:01:05:49:C5:C3:91:15:B2\r\n";

INSTANTIATE_TEST_SUITE_P(
    Table, SdpRefuses,
    testing::Values(
        Refusal{"Nothing", "", Errc::malformed, "line 1"},
        Refusal{"Binary", std::string("\0\1\2", 3), Errc::malformed, "line 1"},
        Refusal{"NoVersion", offer().substr(5), Errc::malformed, "not v=0"},
        Refusal{"TooLong", offer() + std::string(17000, 'a'), Errc::too_large, "bytes"},
        Refusal{"LongLine", with_line("a=x:" + std::string(1100, 'a')), Errc::too_large, "line 20: too long"},
        Refusal{"ManyLines",
                [] {
                  std::string out = "v=0\n";
                  for (int i = 0; i < 500; ++i) out += "a=x\n";
                  return out;
                }(),
                Errc::too_large, "line 401"},
        Refusal{"NulByte", with_line(std::string("a=x\0y", 5)), Errc::malformed, "line 20"},
        Refusal{"Escape", with_line("a=x\x1b[2J"), Errc::malformed, "\\x1b"},
        Refusal{"NotALine", with_line("hello"), Errc::malformed, "not a description line"},
        Refusal{"NoMedia", offer().substr(0, offer().find("m=")), Errc::unsupported, "no data channel section"},
        Refusal{"TwoMedia", with_line("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"), Errc::unsupported,
                "more than one"},
        Refusal{"Audio", with("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0"),
                Errc::unsupported, "not a data channel"},
        Refusal{"OldSctp", with("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"), Errc::unsupported,
                "not a data channel"},
        Refusal{"PortZero", with("application 9", "application 0"), Errc::unsupported, "refused"},
        Refusal{"PortBeyond", with("application 9", "application 65536"), Errc::malformed, "media port"},
        Refusal{"ShortUfrag", with("ufrag:M5Xw", "ufrag:M5X"), Errc::malformed, "ice-ufrag"},
        Refusal{"StrangeUfrag", with("ufrag:M5Xw", "ufrag:M5X w"), Errc::malformed, "ice-ufrag"},
        Refusal{"LongUfrag", with("ufrag:M5Xw", "ufrag:" + std::string(257, 'a')), Errc::malformed, "256"},
        Refusal{"ShortPwd", with("TfZp54M", ""), Errc::malformed, "ice-pwd"},
        Refusal{"NoPwd", with("a=ice-pwd:", "a=nothing:"), Errc::malformed, "no a=ice-ufrag or a=ice-pwd"},
        Refusal{"TwoUfrags", with_line("a=ice-ufrag:abcd"), Errc::malformed, "twice"},
        Refusal{"NoFingerprint", with(kFingerprint, ""), Errc::unsupported, "sha-256"},
        Refusal{"Sha1Only", with("sha-256 F9", "sha-1 F9"), Errc::unsupported, "sha-256"},
        Refusal{"ShortFingerprint", with("F9:37:", ""), Errc::malformed, "SHA-256"},
        Refusal{"OtherFingerprint", with("F9:37:9C", "F9:37-9C"), Errc::malformed, "SHA-256"},
        Refusal{"TwoCertificates",
                with(kFingerprint, std::string(kFingerprint) + std::string(kFingerprint).replace(22, 2, "00")),
                Errc::unsupported, "two different"},
        Refusal{"HoldConn", with("setup:actpass", "setup:holdconn"), Errc::unsupported, "role"},
        Refusal{"NoRole", with("a=setup:actpass\r\n", ""), Errc::malformed, "no a=setup"},
        Refusal{"WrongRole", with("setup:actpass", "setup:both"), Errc::malformed, "role"},
        Refusal{"NoMid", with("a=mid:0\r\n", ""), Errc::malformed, "no a=mid"},
        Refusal{"LongMid", with("a=mid:0", "a=mid:" + std::string(33, 'x')), Errc::malformed, "token"},
        Refusal{"NoSctpPort", with("a=sctp-port:5000\r\n", ""), Errc::malformed, "no a=sctp-port"},
        Refusal{"SctpPortZero", with("port:5000", "port:0"), Errc::malformed, "1 to 65535"},
        Refusal{"SctpPortBeyond", with("port:5000", "port:65536"), Errc::malformed, "1 to 65535"},
        Refusal{"SctpPortSigned", with("port:5000", "port:-1"), Errc::malformed, "1 to 65535"},
        Refusal{"TinyMessages", with("size:262144", "size:100"), Errc::unsupported, "too small"},
        Refusal{"MessageSizeText", with("size:262144", "size:many"), Errc::malformed, "not a number"},
        Refusal{"IceLite", with("a=extmap-allow-mixed", "a=ice-lite"), Errc::unsupported, "ICE lite"},
        Refusal{"HugePriority", with("2113937151", "2147483648"), Errc::malformed, "priority"},
        Refusal{"LongFoundation", with("3644601786", std::string(33, '1')), Errc::malformed, "foundation"},
        Refusal{"CandidatePort", with("39578", "65536"), Errc::malformed, "port"},
        Refusal{"CandidateComponent", with(" 1 udp 2113937151", " 0 udp 2113937151"), Errc::malformed, "component"},
        Refusal{"CandidateAddress", with("7516bd84-", "75<16bd84-"), Errc::malformed, "address"},
        Refusal{"CandidateCut", with(" typ host generation 0", ""), Errc::malformed, "typ"}),
    [](const auto& one) { return one.param.name; });

TEST(Sdp, AnAnswerChoosesItsRole) {
  EXPECT_FALSE(SdpSummary::parse(SdpType::answer, offer()));
  EXPECT_TRUE(SdpSummary::parse(SdpType::answer, with("setup:actpass", "setup:passive")));
}

struct Usable {
  const char* text;
  bool usable;
};

class Candidate : public testing::TestWithParam<Usable> {};

TEST_P(Candidate, IsUsableOrNot) {
  const auto candidate = parse_candidate(GetParam().text);
  ASSERT_TRUE(candidate) << candidate.error().to_string();
  EXPECT_EQ(candidate->usable(), GetParam().usable);
}

INSTANTIATE_TEST_SUITE_P(Table, Candidate,
                         testing::Values(Usable{"candidate:1 1 udp 1 192.0.2.1 5000 typ host", true},
                                         Usable{"candidate:1 1 UDP 0 192.0.2.1 5000 typ srflx raddr 0.0.0.0 rport 0",
                                                true},
                                         Usable{"candidate:a+/ 1 udp 2147483647 ::1 5000 typ prflx", true},
                                         Usable{"candidate:1 1 udp 1 fe80::1 5000 typ relay", true},
                                         Usable{"candidate:1 1 udp 1 127.0.0.1 5000 typ host", true},
                                         Usable{"candidate:1 1 udp 1 192.0.2.1 0 typ host", false},
                                         Usable{"candidate:1 1 udp 1 192.0.2.1 53 typ host", false},
                                         Usable{"candidate:1 2 udp 1 192.0.2.1 5000 typ host", false},
                                         Usable{"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active", false},
                                         Usable{"candidate:1 1 udp 1 0.0.0.0 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 :: 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 224.0.0.251 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 255.255.255.255 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 ff02::1 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 ::ffff:1.2.3.4 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 fe80::1%eth0 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 example.org 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 010.0.0.1 5000 typ host", false},
                                         Usable{"candidate:1 1 udp 1 192.0.2.1 5000 typ unheard", false}));

}  // namespace
}  // namespace owndir::rtc
