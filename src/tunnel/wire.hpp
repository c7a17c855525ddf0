#pragma once
// Unsigned big-endian integers, read from a view that shrinks and written to a buffer that grows. Any thread.

#include <algorithm>
#include <string_view>

#include "base/bytes.hpp"

namespace owndir::tunnel {

/// Reads from the front; after the first read beyond the end `ok` is false and everything read is zero or empty.
class WireReader {
 public:
  explicit WireReader(ByteView rest) : rest_(rest) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }
  std::string_view text(std::size_t size) { return as_text(take(size)); }
  ByteView take(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  ByteView rest() { return take(rest_.size()); }

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const std::byte byte : take(size)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }

  ByteView rest_;
  bool ok_ = true;
};

inline void put_u8(Bytes& out, std::uint8_t value) {
  out.push_back(static_cast<std::byte>(value));
}
inline void put_u16(Bytes& out, std::uint16_t value) {
  put_u8(out, static_cast<std::uint8_t>(value >> 8));
  put_u8(out, static_cast<std::uint8_t>(value));
}
inline void put_u32(Bytes& out, std::uint32_t value) {
  put_u16(out, static_cast<std::uint16_t>(value >> 16));
  put_u16(out, static_cast<std::uint16_t>(value));
}
inline void put_bytes(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void put_text(Bytes& out, std::string_view text) {
  put_bytes(out, as_bytes(text));
}

}  // namespace owndir::tunnel
