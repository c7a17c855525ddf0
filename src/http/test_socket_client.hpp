#pragma once
// For tests: the client's end of a WebSocket, frame by frame, right and wrong ones.

#include "http/test_client.hpp"

namespace owndir::http {

constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

inline std::string frame_head(int opcode, std::size_t size, bool last, bool masked) {
  std::string head(1, static_cast<char>((last ? 0x80 : 0) | opcode));
  const int mask = masked ? 0x80 : 0;
  const int width = size < 126 ? 0 : size < 65536 ? 2 : 8;
  head += static_cast<char>(mask | (width == 0 ? static_cast<int>(size) : width == 2 ? 126 : 127));
  for (int k = width; k > 0; --k) head += static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * (k - 1)) & 0xff);
  return head;
}

inline std::string client_frame(int opcode, std::string_view payload, bool last = true) {
  static constexpr std::string_view kMask = "\x12\x34\x56\x78";
  std::string frame = frame_head(opcode, payload.size(), last, true);
  frame += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return frame;
}

inline std::string server_frame(int opcode, std::string_view payload) {
  return frame_head(opcode, payload.size(), true, false).append(payload);
}

inline std::string close_payload(std::uint16_t code, std::string_view reason) {
  return std::string({static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}).append(reason);
}

inline std::string socket_request(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         std::string(more) + "\r\n";
}

struct Frame {
  int opcode = -1;  ///< -1: the connection ended
  std::string payload;
  bool operator==(const Frame&) const = default;
};

inline void PrintTo(const Frame& frame, std::ostream* out) {
  *out << "opcode " << frame.opcode << ", " << frame.payload.size() << " bytes: " << frame.payload.substr(0, 80);
}

class SocketClient {
 public:
  explicit SocketClient(std::uint16_t port) : client_(port) {}

  /// The head of the server's answer.
  std::string open(std::string_view target = "/", std::string_view more = "") {
    client_.send(socket_request(target, more));
    return client_.read_until("\r\n\r\n");
  }
  void send(int opcode, std::string_view payload) { client_.send(client_frame(opcode, payload)); }
  Frame receive() {
    const std::string head = client_.read_bytes(2);
    if (head.size() < 2) return {};
    EXPECT_EQ(head[0] & 0x70, 0);
    EXPECT_EQ(head[1] & 0x80, 0) << "a server does not mask";
    std::size_t size = static_cast<unsigned char>(head[1]);
    const std::size_t width = size < 126 ? 0 : size == 126 ? 2 : 8;
    if (width > 0) size = 0;
    for (const char c : client_.read_bytes(width)) size = size << 8 | static_cast<unsigned char>(c);
    return {head[0] & 0x0f, client_.read_bytes(size)};
  }
  RawClient& raw() { return client_; }

 private:
  RawClient client_;
};

}  // namespace owndir::http
