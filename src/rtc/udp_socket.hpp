#pragma once
// UDP in batches: what libwebrtc's own socket does with three system calls a packet, this does with one for many
// (UDP_SEGMENT and UDP_GRO, Linux 4.18 and 5.0; without them a datagram at a time). Engine's thread only. Only
// rtc/*.cpp include this. Sockets are owned by libwebrtc's ports, the UdpBatch by the engine, which outlives them.

#include <p2p/base/basic_packet_socket_factory.h>
#include <rtc_base/async_packet_socket.h>
#include <rtc_base/checks.h>
#include <rtc_base/physical_socket_server.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace owndir::rtc {

static_assert(RTC_DCHECK_IS_ON, "compile everything that includes libwebrtc with -UNDEBUG");

class UdpSocket;

/// Datagrams of equal size to one address that wait to leave together, while somebody holds the batch.
class UdpBatch {
 public:
  /// Who has more to send before a held batch leaves.
  class Late {
   public:
    virtual ~Late() = default;
    virtual void send_late() = 0;
  };
  /// While one lives, datagrams are gathered; the last one's end sends them.
  class Hold {
   public:
    explicit Hold(UdpBatch* batch) : batch_(batch) {
      if (batch_ != nullptr) ++batch_->holds_;
    }
    ~Hold() {
      if (batch_ != nullptr) batch_->release();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    UdpBatch* const batch_;
  };

  bool held() const { return holds_ > 0; }
  /// Only while held: `send_late` is called once, before what is held leaves.
  void call_before_flush(Late& late) { late_.push_back(&late); }
  void forget(Late& late) { std::erase(late_, &late); }
  void add(UdpSocket& socket, const sockaddr_storage& to, socklen_t to_size, const char* data, std::size_t size);
  void flush();
  /// Sends what waits for `socket`, which is about to go.
  void leave(const UdpSocket& socket);

  /// Where every socket receives: the thread handles one at a time.
  static constexpr std::size_t kReceive = 64 * 1024;
  char* receive_buffer() { return receive_.get(); }

 private:
  void release();

  static constexpr std::size_t kBytes = 60'000;  // below the largest UDP payload
  static constexpr std::size_t kSegments = 60;   // below the kernel's 64

  int holds_ = 0;
  std::vector<Late*> late_;
  UdpSocket* socket_ = nullptr;
  sockaddr_storage to_{};
  socklen_t to_size_ = 0;
  std::size_t segment_ = 0;  ///< size of all but the last
  std::size_t segments_ = 0;
  std::vector<char> pending_;
  std::unique_ptr<char[]> receive_ = std::make_unique<char[]>(kReceive);
};

class UdpSocket final : public ::rtc::AsyncPacketSocket, public ::rtc::Dispatcher {
 public:
  /// Null when the address or all ports of the range are taken.
  static UdpSocket* bind(::rtc::PhysicalSocketServer& server, UdpBatch& batch, const ::rtc::SocketAddress& local,
                         std::uint16_t min_port, std::uint16_t max_port);
  ~UdpSocket() override;

  /// `size` bytes in datagrams of `segment` bytes, the last one perhaps shorter.
  void send_segments(const sockaddr_storage& to, socklen_t to_size, const char* data, std::size_t size,
                     std::size_t segment);

 private:
  UdpSocket(::rtc::PhysicalSocketServer& server, UdpBatch& batch, int fd, const ::rtc::SocketAddress& local);

  // rtc::AsyncPacketSocket
  ::rtc::SocketAddress GetLocalAddress() const override { return local_; }
  ::rtc::SocketAddress GetRemoteAddress() const override { return {}; }
  int Send(const void*, std::size_t, const ::rtc::PacketOptions&) override { return -1; }
  int SendTo(const void* data, std::size_t size, const ::rtc::SocketAddress& to,
             const ::rtc::PacketOptions& options) override;
  int Close() override;
  State GetState() const override { return fd_ < 0 ? STATE_CLOSED : STATE_BOUND; }
  int GetOption(::rtc::Socket::Option option, int* value) override;
  int SetOption(::rtc::Socket::Option option, int value) override;
  int GetError() const override { return error_; }
  void SetError(int error) override { error_ = error; }

  // rtc::Dispatcher
  std::uint32_t GetRequestedEvents() override { return ::rtc::DE_READ; }
  void OnEvent(std::uint32_t events, int error) override;
  int GetDescriptor() override { return fd_; }
  bool IsDescriptorClosed() override { return false; }

  std::optional<std::size_t> read_once(const bool& gone);

  ::rtc::PhysicalSocketServer& server_;
  UdpBatch& batch_;
  int fd_;
  const ::rtc::SocketAddress local_;
  int error_ = 0;
  bool segmentation_ = true;
  bool* gone_ = nullptr;  ///< set when destroyed while it reads

  // The last address in each direction, already converted.
  ::rtc::SocketAddress to_address_, from_address_;
  sockaddr_storage to_{}, from_{};
  socklen_t to_size_ = 0, from_size_ = 0;
};

/// As libwebrtc's, with the UDP sockets above.
class UdpSocketFactory final : public ::rtc::BasicPacketSocketFactory {
 public:
  UdpSocketFactory(::rtc::PhysicalSocketServer& server, UdpBatch& batch)
      : BasicPacketSocketFactory(&server), server_(server), batch_(batch) {}
  ::rtc::AsyncPacketSocket* CreateUdpSocket(const ::rtc::SocketAddress& local, std::uint16_t min_port,
                                            std::uint16_t max_port) override {
    return UdpSocket::bind(server_, batch_, local, min_port, max_port);
  }

 private:
  ::rtc::PhysicalSocketServer& server_;
  UdpBatch& batch_;
};

}  // namespace owndir::rtc
