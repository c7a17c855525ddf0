#include "http/socket_transport.hpp"

#include <gtest/gtest.h>

namespace owndir::http {
namespace {

using namespace std::string_literals;

std::string frame(unsigned first, const std::string& rest) {
  return std::string(1, static_cast<char>(first)) + rest;
}

TEST(FrameGate, HoldsACloseBackAndNothingThatOnlyLooksLikeOne) {
  const std::string close = frame(0x88, "\x02\x03\xe8"s);
  FrameGate gate;
  EXPECT_FALSE(gate.holds_back(close)) << "the answer of a handshake is no frame";
  gate.begin();
  EXPECT_FALSE(gate.holds_back(close)) << "ours";
  gate.wrote(4);
  gate.hold();
  EXPECT_TRUE(gate.holds_back(close));
  const std::pair<std::string, std::size_t> messages[] = {{frame(0x82, "\x02"), 4},
                                                          {frame(0x81, "\x00"s), 2},
                                                          {frame(0x82, "\x82mask"), 8},
                                                          {frame(0x82, "\x7e\x01\x00"s), 260},
                                                          {frame(0x82, "\xfe\x01\x00mask"s), 264},
                                                          {frame(0x82, "\x7f\0\0\0\0\0\x01\0\0"s), 65546}};
  for (const auto& [front, size] : messages) {
    EXPECT_FALSE(gate.holds_back(front)) << size;
    gate.wrote(1);
    for (std::size_t left = size - 1; left > 0; --left) {
      ASSERT_FALSE(gate.holds_back(close)) << "within a frame of " << size << ", before its last " << left;
      gate.wrote(1);
    }
    EXPECT_TRUE(gate.holds_back(close)) << size;
  }
}

TEST(CloseFrame, SaysWhatItIsGivenMaskedOrNot) {
  EXPECT_EQ(close_frame(0, "", false), "\x88\x00"s);
  EXPECT_EQ(close_frame(1000, "bye", false),
            "\x88\x05\x03\xe8"
            "bye"s);
  const std::string masked = close_frame(1000, "bye", true);
  ASSERT_EQ(masked.size(), 11U);
  EXPECT_EQ(masked.substr(0, 2), "\x88\x85"s);
  std::string payload = masked.substr(6);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ masked[2 + i % 4]);
  EXPECT_EQ(payload,
            "\x03\xe8"
            "bye"s);
}

}  // namespace
}  // namespace owndir::http
