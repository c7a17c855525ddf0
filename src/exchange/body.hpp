#pragma once
// Bodies are pulled: whoever carries a body away asks for the next piece when it has room, which is all the
// backpressure there is. One owner, one reader, network thread only.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/bytes.hpp"

namespace owndir::exchange {

/// A run of an open file, all of which the kernel has in memory. Valid until its source is read again or destroyed.
struct FileRun {
  int file = -1;
  std::uint64_t offset = 0;
  std::size_t size = 0;
};

class BodySource {
 public:
  virtual ~BodySource() = default;  ///< destroying an unfinished source cancels what feeds it

  /// The next piece: 1 to `limit` bytes; empty at the end (and from then on). An error means that the body is cut
  /// short: it must reach the receiver as a broken exchange, never as a shorter body. At most one read at a time. The
  /// awaiting coroutine may be cancelled; the source is then only fit to be destroyed.
  virtual Awaitable<Result<Bytes>> read(std::size_t limit) = 0;

  /// All that is left, where it is in memory: a view until the source is read or destroyed. Nothing: `read` says.
  virtual std::optional<ByteView> at_hand() const { return std::nullopt; }

  /// Whether `read_run` may be asked instead of `read`.
  virtual bool has_runs() const { return false; }
  /// As `read`, but leaves the bytes in their file, for sendfile(2). Nothing: the next piece is not of a file, `read`
  /// it.
  virtual Awaitable<Result<std::optional<FileRun>>> read_run(std::size_t limit);

  /// Total length where it is known before reading, bytes.
  virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
};

/// Null stands for "no body" everywhere.
using Body = std::unique_ptr<BodySource>;

Body make_body(std::string content);
/// Views `content`, which must outlive the body (embedded files).
Body make_static_body(std::string_view content);

/// Reads to the end; too_large beyond `limit` bytes. A null body is empty.
Awaitable<Result<std::string>> read_all(Body body, std::size_t limit);

}  // namespace owndir::exchange
