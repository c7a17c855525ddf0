#pragma once
// A body that comes in through the tunnel, between the Driver that receives its pieces and the one who reads it. The
// queue is bounded by the credit that was given. Network thread only.

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/async.hpp"
#include "exchange/body.hpp"
#include "tunnel/machine.hpp"

namespace owndir::tunnel {

class IncomingQueue {
 public:
  explicit IncomingQueue(const asio::any_io_executor& executor) : arrived_(executor) {}

  /// `message` is a data frame.
  void push(Bytes message, bool last);
  /// What is queued can still be read; then comes the error, unless the body was complete.
  void fail(const Error& error);
  void clear() { pieces_.clear(); }
  Awaitable<Result<Bytes>> read(std::size_t limit);

 private:
  Bytes take(std::size_t limit);

  std::deque<Bytes> pieces_;
  std::size_t offset_ = kFrameHeader;  ///< of what is unread in the first piece
  bool complete_ = false;
  std::optional<Error> error_;
  Notifier arrived_;
};

/// What a reader does to its exchange; implemented by the Driver.
class IncomingOwner {
 public:
  virtual ~IncomingOwner() = default;
  virtual void consumed(ExchangeId id, std::size_t bytes) = 0;
  virtual void abandoned(ExchangeId id) = 0;
};

exchange::Body make_incoming_body(std::shared_ptr<IncomingQueue> queue, std::weak_ptr<IncomingOwner> owner,
                                  ExchangeId id, std::optional<std::uint64_t> length);

}  // namespace owndir::tunnel
