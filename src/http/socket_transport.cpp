#include "http/socket_transport.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

#include "base/random.hpp"

namespace owndir::http {
namespace {

constexpr unsigned char kCloseFrame = 0x88;  // the last one of its message, and a close

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

bool FrameGate::holds_back(std::string_view front) {
  if (!counts_ || left_ > 0 || front.size() < 2) return false;
  const auto first = static_cast<unsigned char>(front[0]);
  const auto second = static_cast<unsigned char>(front[1]);
  if (holds_ && first == kCloseFrame) return true;
  const unsigned size = second & 0x7fU;
  const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  const std::uint64_t payload = extra == 0 ? size : number(front.substr(2, extra));
  left_ = 2 + extra + ((second & 0x80U) != 0 ? 4 : 0) + payload;
  return false;
}

std::string close_frame(std::uint16_t code, std::string_view reason, bool masked) {
  std::string payload;
  if (code != 0) {
    payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    payload += reason;
  }
  std::string frame(1, static_cast<char>(kCloseFrame));
  frame += static_cast<char>(payload.size() | (masked ? 0x80U : 0U));
  if (!masked) return frame + payload;
  std::array<std::byte, 4> mask{};
  system_random().fill(mask);
  for (const std::byte each : mask) frame += static_cast<char>(each);
  for (std::size_t i = 0; i < payload.size(); ++i)
    frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ std::to_integer<unsigned>(mask[i % 4]));
  return frame;
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> hash{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  std::array<unsigned char, 32> coded{};
  const int size = EVP_EncodeBlock(coded.data(), hash.data(), static_cast<int>(hash.size()));
  return {reinterpret_cast<const char*>(coded.data()), static_cast<std::size_t>(size)};
}

std::size_t SocketTransport::take_question(std::string text) {
  static constexpr std::string_view kField = "Sec-WebSocket-Key: ";
  question_ += text;
  const std::size_t at = question_.find(kField);
  if (at == question_.npos || !question_.ends_with("\r\n\r\n")) return text.size();
  const std::size_t begin = at + kField.size();
  const std::string key = question_.substr(begin, question_.find('\r', begin) - begin);
  answer_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
            accept_of(key) + "\r\n\r\n";
  question_.clear();
  return text.size();
}

}  // namespace owndir::http
