#pragma once
// A reliable, ordered channel of binary messages: what `rtc` offers and what `tunnel` needs, and all that they know of
// each other. Network thread only, callbacks included.

#include <cstddef>
#include <functional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace owndir::exchange {

class MessageChannel {
 public:
  struct Events {
    std::function<void()> on_open;                ///< once, also when already open at set_events
    std::function<void(Bytes)> on_message;        ///< one whole message
    std::function<void()> on_buffered_low;        ///< buffered_amount fell to the low threshold or below
    std::function<void(const Error&)> on_closed;  ///< once; nothing follows
  };

  virtual ~MessageChannel() = default;

  /// Messages that arrived before are kept (bounded) and delivered after this. Callbacks never run inside a call of
  /// ours into the channel. Empty Events detach.
  virtual void set_events(Events events) = 0;

  /// Queues one message. Errc::limit when buffered_amount would pass max_buffered (send nothing, wait for
  /// on_buffered_low); Errc::too_large beyond max_message; Errc::closed.
  virtual Result<void> send(ByteView message) = 0;

  virtual bool is_open() const = 0;
  virtual std::size_t buffered_amount() const = 0;  ///< bytes queued and not yet handed to the network
  virtual void set_buffered_low_threshold(std::size_t bytes) = 0;
  virtual std::size_t max_message() const = 0;   ///< bytes, the smaller of the two ends' (RFC 8841)
  virtual std::size_t max_buffered() const = 0;  ///< bytes
  virtual void close() = 0;                      ///< idempotent; on_closed follows unless detached
};

}  // namespace owndir::exchange
