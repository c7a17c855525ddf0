#pragma once
// The packaged dcSCTP, with quicker versions of the two of its functions that cost most, and with a cork
// (docs/decisions/0010). Only rtc/*.cpp include this. The socket belongs to the caller and lives on the engine's
// thread.

#include <net/dcsctp/public/dcsctp_socket.h>

#include <memory>

namespace owndir::rtc {

std::unique_ptr<dcsctp::DcSctpSocketInterface> make_dcsctp_socket(dcsctp::DcSctpSocketCallbacks& callbacks,
                                                                  const dcsctp::DcSctpOptions& options);

/// While one lives, sockets of this thread send nothing: messages are queued, and travel in one packet with the first
/// that is sent without a cork.
class Cork {
 public:
  Cork();
  ~Cork();
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;
};

/// CRC32c (RFC 9260, appendix A) without the processor's instruction for it.
std::uint32_t portable_crc32c(const std::uint8_t* data, std::size_t size);

}  // namespace owndir::rtc
