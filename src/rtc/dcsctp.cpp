#include "rtc/dcsctp.hpp"

#include <net/dcsctp/packet/crc32c.h>
#include <net/dcsctp/public/dcsctp_socket_factory.h>
#include <net/dcsctp/socket/transmission_control_block.h>
#include <net/dcsctp/tx/outstanding_data.h>
#include <net/dcsctp/tx/rr_send_queue.h>
#include <rtc_base/checks.h>

#include <cstring>

// The function that sends what is queued, as the linker knows it.
#define OWNDIR_SEND _ZN6dcsctp24TransmissionControlBlock19SendBufferedPacketsERNS_10SctpPacket7BuilderENS_6TimeMsE
#define OWNDIR_JOIN(a, b) a##b
#define OWNDIR_PREFIXED(a, b) OWNDIR_JOIN(a, b)
#define OWNDIR_WRAP OWNDIR_PREFIXED(__wrap_, OWNDIR_SEND)
#define OWNDIR_REAL OWNDIR_PREFIXED(__real_, OWNDIR_SEND)

// Of the packaged library, built without the processor's instruction.
extern "C" std::uint32_t crc32c_value(const std::uint8_t* data, std::size_t size);

namespace owndir::rtc {

static_assert(RTC_DCHECK_IS_ON, "compile everything that includes libwebrtc with -UNDEBUG");

std::unique_ptr<dcsctp::DcSctpSocketInterface> make_dcsctp_socket(dcsctp::DcSctpSocketCallbacks& callbacks,
                                                                  const dcsctp::DcSctpOptions& options) {
  return dcsctp::DcSctpSocketFactory().Create("", callbacks, nullptr, options);
}

namespace {
thread_local int corks = 0;
}

Cork::Cork() {
  ++corks;
}
Cork::~Cork() {
  --corks;
}

std::uint32_t portable_crc32c(const std::uint8_t* data, std::size_t size) {
  return crc32c_value(data, size);
}

namespace {

#ifdef __x86_64__
__attribute__((target("sse4.2"))) std::uint32_t fast_crc32c(const std::uint8_t* data, std::size_t size) {
  std::uint64_t sum = 0xffffffff;
  for (; size >= sizeof sum; data += sizeof sum, size -= sizeof sum) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, data, sizeof eight);
    sum = __builtin_ia32_crc32di(sum, eight);
  }
  auto rest = static_cast<std::uint32_t>(sum);
  for (; size > 0; ++data, --size) rest = __builtin_ia32_crc32qi(rest, *data);
  return ~rest;
}

std::uint32_t crc32c(const std::uint8_t* data, std::size_t size) {
  static const bool kInstruction = __builtin_cpu_supports("sse4.2") != 0;
  return kInstruction ? fast_crc32c(data, size) : portable_crc32c(data, size);
}
#else
std::uint32_t crc32c(const std::uint8_t* data, std::size_t size) {
  return portable_crc32c(data, size);
}
#endif

}  // namespace
}  // namespace owndir::rtc

// In place of the packaged library's: its own are not linked, because these are there.
namespace dcsctp {

// As the library's, which sends the sum's bytes in the other order.
std::uint32_t GenerateCrc32C(::rtc::ArrayView<const std::uint8_t> data) {
  return __builtin_bswap32(owndir::rtc::crc32c(data.data(), data.size()));
}

#ifdef OWNDIR_DCSCTP_MENDED
// Checks of the library's own bookkeeping, which its releases leave out. Here they would be the larger part of the cost
// of a packet, growing with what is under way.
bool OutstandingData::IsConsistent() const {
  return true;
}
// And of a message, growing with how many wait.
bool RRSendQueue::OutgoingStream::IsConsistent() const {
  return true;
}
#endif

}  // namespace dcsctp

// The linker gives the library this function for its own (--wrap), which is the second.
extern "C" {
void OWNDIR_WRAP(dcsctp::TransmissionControlBlock& block, dcsctp::SctpPacket::Builder& builder, dcsctp::TimeMs now);
void OWNDIR_REAL(dcsctp::TransmissionControlBlock& block, dcsctp::SctpPacket::Builder& builder, dcsctp::TimeMs now);

void OWNDIR_WRAP(dcsctp::TransmissionControlBlock& block, dcsctp::SctpPacket::Builder& builder, dcsctp::TimeMs now) {
  if (owndir::rtc::corks == 0) OWNDIR_REAL(block, builder, now);
}
}
