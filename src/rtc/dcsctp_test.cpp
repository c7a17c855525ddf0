#include "rtc/dcsctp.hpp"

#include <gtest/gtest.h>
#include <net/dcsctp/packet/crc32c.h>

#include <numeric>
#include <vector>

namespace owndir::rtc {
namespace {

std::uint32_t sum(const std::uint8_t* data, std::size_t size) {
  return dcsctp::GenerateCrc32C(::rtc::ArrayView<const std::uint8_t>(data, size));
}

TEST(Dcsctp, ChecksumIsThatOfTheStandardsExample) {
  // RFC 3720, appendix B.4: thirty-two bytes of zero, in the order in which they are sent.
  const std::vector<std::uint8_t> zeros(32);
  EXPECT_EQ(sum(zeros.data(), zeros.size()), 0xaa36918aU);
}

TEST(Dcsctp, ChecksumIsThatOfThePackagedLibraryAtEverySizeAndAlignment) {
  std::vector<std::uint8_t> data(1300);
  std::iota(data.begin(), data.end(), std::uint8_t{3});
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t size = 0; from + size <= data.size(); size += size < 40 ? 1 : 97) {
      ASSERT_EQ(sum(data.data() + from, size), __builtin_bswap32(portable_crc32c(data.data() + from, size)))
          << size << " bytes from " << from;
    }
  }
}

}  // namespace
}  // namespace owndir::rtc
