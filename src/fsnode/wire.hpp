#pragma once
// The messages of fsNode's wire protocol (docs/fsnode.md, Wire): what a client says, parsed; what the server says, put
// together. Plain values, any thread. Everything from outside is bounded by the size of its message.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/rooted_path.hpp"
#include "fsnode/info.hpp"
#include "owndir/protocol.hpp"

namespace owndir::fsnode {

/// Its one spelling: names percent-encoded, joined by '/'.
std::string encode_path(const RootedPath& path);
/// Errc::malformed for any other spelling and beyond the limits, Errc::forbidden for "..".
Result<RootedPath> decode_path(std::string_view wire);

enum class Op { info, children, read, write, upload, move, remove, make_directory, touch, sub };

/// Which events a sub is told of; bits.
namespace event {
constexpr unsigned kAdd = 1, kAddDir = 2, kChange = 4, kUnlink = 8, kUnlinkDir = 16, kAll = 31, kRaw = 32, kError = 64,
                   kReady = 128;
}

/// The flags of open(2) that Node's words stand for.
struct WriteFlags {
  bool exclusive = false;   ///< x: nothing may be there
  bool must_exist = false;  ///< r+
  bool append = false;      ///< a
  bool keep() const { return must_exist || append; }
};

/// Opens a call. Members that its op does not use have their defaults.
struct Call {
  std::uint32_t id = 0;
  Op op = Op::info;
  RootedPath path;
  bool info = false;
  std::uint64_t start = 0;
  std::optional<std::uint64_t> end;  ///< inclusive
  std::uint64_t credit = 0;
  WriteFlags flags;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint64_t> size;
  bool overwrite = false;  ///< for write: default true
  std::string upload;
  RootedPath to;
  std::vector<RootedPath> paths;  ///< from the root
  unsigned events = 0;
  bool ignore_initial = false;
  std::optional<std::uint32_t> depth;
};
struct Credit {
  std::uint32_t id = 0;
  std::uint64_t bytes = 0;
};
struct End {
  std::uint32_t id = 0;
  std::string sha256;  ///< 64 lower-case digits, or ""
};
struct Cancel {
  std::uint32_t id = 0;
};
/// What has an id and makes no sense otherwise.
struct Nonsense {
  std::uint32_t id = 0;
  bool opens = false;  ///< it was to open a call
  Error error;
};
using ClientMessage = std::variant<Call, Credit, End, Cancel, Nonsense>;

/// An error: the connection is to be closed (1008).
Result<ClientMessage> parse_text(std::string_view text);

struct ClientData {
  std::uint32_t id = 0;
  ByteView data;
};
/// Likewise. Views `message`.
Result<ClientData> parse_binary(ByteView message);

/// {"id":N,"KEY":VALUE}; `value` is JSON.
std::string message(std::uint32_t id, std::string_view key, std::string_view value);
std::string hello_message(std::string_view name, std::string_view root, bool writable);
std::string part_message(std::uint32_t id, const std::vector<Entry>& entries);
/// A path as a JSON string.
std::string quoted(const RootedPath& path);
/// The first four bytes of a binary message.
void put_id(std::span<std::byte> message, std::uint32_t id);

}  // namespace owndir::fsnode
