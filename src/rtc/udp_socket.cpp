#include "rtc/udp_socket.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <rtc_base/time_utils.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace owndir::rtc {

namespace {

// The kernel's default holds about 90 datagrams, less than one turn of a busy thread brings. This is as much as may be
// under way on a long path; it may grant less.
constexpr int kSocketBuffer = 4 * 1024 * 1024;
// Reads of one socket before others, and tasks, have their turn: so many, or so many bytes.
constexpr int kReads = 16;
constexpr std::size_t kReadBytes = 64 * 1024;

int bind_port(int fd, ::rtc::SocketAddress address, int port) {
  address.SetPort(port);
  sockaddr_storage raw{};
  const std::size_t size = address.ToSockAddrStorage(&raw);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&raw), static_cast<socklen_t>(size));
}

}  // namespace

void UdpBatch::add(UdpSocket& socket, const sockaddr_storage& to, socklen_t to_size, const char* data,
                   std::size_t size) {
  const bool same = socket_ == &socket && to_size_ == to_size && std::memcmp(&to_, &to, to_size) == 0;
  const bool fits = same && size <= segment_ && pending_.size() == segments_ * segment_ && segments_ < kSegments &&
                    pending_.size() + size <= kBytes;
  if (!fits) {
    flush();
    socket_ = &socket;
    to_ = to;
    to_size_ = to_size;
    segment_ = size;
  }
  pending_.insert(pending_.end(), data, data + size);
  ++segments_;
}

void UdpBatch::flush() {
  if (segments_ == 0) return;
  socket_->send_segments(to_, to_size_, pending_.data(), pending_.size(), segment_);
  pending_.clear();
  segments_ = 0;
  socket_ = nullptr;
}

void UdpBatch::release() {
  if (holds_ == 1) {
    while (!late_.empty()) {
      Late* const late = late_.back();
      late_.pop_back();
      late->send_late();
    }
  }
  if (--holds_ == 0) flush();
}

void UdpBatch::leave(const UdpSocket& socket) {
  if (socket_ == &socket) flush();
}

UdpSocket* UdpSocket::bind(::rtc::PhysicalSocketServer& server, UdpBatch& batch, const ::rtc::SocketAddress& local,
                           std::uint16_t min_port, std::uint16_t max_port) {
  const int fd = ::socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  int bound = -1;
  if (min_port == 0 && max_port == 0) {
    bound = bind_port(fd, local, local.port());
  } else {
    for (int port = min_port; bound < 0 && port <= max_port; ++port) bound = bind_port(fd, local, port);
  }
  sockaddr_storage raw{};
  socklen_t size = sizeof(raw);
  ::rtc::SocketAddress address;
  if (bound < 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) < 0 ||
      !::rtc::SocketAddressFromSockAddrStorage(raw, &address)) {
    ::close(fd);
    return nullptr;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof(kSocketBuffer));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof(kSocketBuffer));
  return new UdpSocket(server, batch, fd, address);
}

UdpSocket::UdpSocket(::rtc::PhysicalSocketServer& server, UdpBatch& batch, int fd, const ::rtc::SocketAddress& local)
    : server_(server), batch_(batch), fd_(fd), local_(local) {
  server_.Add(this);
}

UdpSocket::~UdpSocket() {
  if (gone_ != nullptr) *gone_ = true;
  Close();
}

int UdpSocket::Close() {
  if (fd_ < 0) return 0;
  batch_.leave(*this);
  server_.Remove(this);
  ::close(fd_);
  fd_ = -1;
  return 0;
}

int UdpSocket::SendTo(const void* data, std::size_t size, const ::rtc::SocketAddress& to, const ::rtc::PacketOptions&) {
  if (fd_ < 0 || to.IsUnresolvedIP()) {
    error_ = EINVAL;
    return -1;
  }
  if (to_size_ == 0 || to != to_address_) {
    to_address_ = to;
    to_ = {};
    to_size_ = static_cast<socklen_t>(to.ToSockAddrStorage(&to_));
  }
  if (batch_.held()) {
    batch_.add(*this, to_, to_size_, static_cast<const char*>(data), size);
    return static_cast<int>(size);
  }
  const auto sent = ::sendto(fd_, data, size, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to_), to_size_);
  if (sent < 0) error_ = errno;
  return static_cast<int>(sent);
}

void UdpSocket::send_segments(const sockaddr_storage& to, socklen_t to_size, const char* data, std::size_t size,
                              std::size_t segment) {
  const auto* address = reinterpret_cast<const sockaddr*>(&to);
  if (size > segment && segmentation_) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
    sockaddr_storage name = to;
    iovec part{const_cast<char*>(data), size};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = to_size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto value = static_cast<std::uint16_t>(segment);
    std::memcpy(CMSG_DATA(header), &value, sizeof(value));
    if (::sendmsg(fd_, &message, MSG_NOSIGNAL) >= 0) return;
    // A full queue is a loss like any other, which SCTP mends.
    if (errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED) return;
    segmentation_ = false;  // this kernel or this interface cannot
  }
  for (std::size_t at = 0; at < size; at += segment) {
    ::sendto(fd_, data + at, std::min(segment, size - at), MSG_NOSIGNAL, address, to_size);
  }
}

int UdpSocket::GetOption(::rtc::Socket::Option, int*) {
  error_ = ENOPROTOOPT;
  return -1;
}

int UdpSocket::SetOption(::rtc::Socket::Option option, int value) {
  const bool receive = option == ::rtc::Socket::OPT_RCVBUF;
  if (receive || option == ::rtc::Socket::OPT_SNDBUF) {
    return ::setsockopt(fd_, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, &value, sizeof(value));
  }
  return 0;  // what the others ask for (DSCP, fragmentation) changes nothing here
}

void UdpSocket::OnEvent(std::uint32_t, int) {
  // An error here tells of one unreachable address of many, which ICE finds out by itself.
  const UdpBatch::Hold hold(&batch_);
  bool gone = false;
  gone_ = &gone;
  std::size_t bytes = 0;
  for (int i = 0; i < kReads && bytes < kReadBytes && !gone; ++i) {
    const std::optional<std::size_t> read = read_once(gone);
    if (!read) break;
    bytes += *read;
  }
  if (!gone) gone_ = nullptr;
}

/// One read, which may bring many datagrams of equal size: how many bytes; none when there is nothing.
std::optional<std::size_t> UdpSocket::read_once(const bool& gone) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + 64> control{};
  sockaddr_storage from{};
  iovec part{batch_.receive_buffer(), UdpBatch::kReceive};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto size = ::recvmsg(fd_, &message, 0);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) return std::nullopt;
    return 0;
  }
  std::size_t segment = static_cast<std::size_t>(size);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != IPPROTO_UDP || header->cmsg_type != UDP_GRO) continue;
    int value = 0;
    std::memcpy(&value, CMSG_DATA(header), sizeof(value));
    if (value > 0) segment = static_cast<std::size_t>(value);
  }
  if (message.msg_namelen != from_size_ || std::memcmp(&from, &from_, from_size_) != 0) {
    if (!::rtc::SocketAddressFromSockAddrStorage(from, &from_address_)) return 0;
    from_ = from;
    from_size_ = message.msg_namelen;
  }
  const std::int64_t now = ::rtc::TimeMicros();
  const ::rtc::SocketAddress address = from_address_;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size) && !gone; at += segment) {
    const std::size_t bytes = std::min(segment, static_cast<std::size_t>(size) - at);
    SignalReadPacket(this, batch_.receive_buffer() + at, bytes, address, now);
  }
  return static_cast<std::size_t>(size);
}

}  // namespace owndir::rtc
