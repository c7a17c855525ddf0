#pragma once
// One pre-negotiated data channel as tunnel sees it. Network thread only. Owned by the Peer and by whoever uses it; it
// outlives the Peer as a closed channel. Callbacks run from the event loop, never inside a call into the channel.

#include <deque>
#include <memory>
#include <optional>

#include "exchange/message_channel.hpp"
#include "rtc/link.hpp"

namespace owndir::rtc {

class Channel final : public exchange::MessageChannel, public std::enable_shared_from_this<Channel> {
 public:
  /// Bytes of messages kept until set_events is called; beyond, the channel closes with Errc::limit.
  static constexpr std::size_t kKept = 4 * 1024 * 1024;

  Channel(asio::any_io_executor network, std::shared_ptr<Link> link, int id, std::size_t max_buffered);

  void set_events(Events events) override;
  Result<void> send(ByteView message) override;
  bool is_open() const override { return open_ && !closed_; }
  std::size_t buffered_amount() const override;
  void set_buffered_low_threshold(std::size_t bytes) override;
  std::size_t max_message() const override { return max_message_; }
  std::size_t max_buffered() const override { return max_buffered_; }
  void close() override;

  // Called by the Peer, from the event loop.
  void opened(std::size_t max_message);
  void received(std::vector<std::uint8_t> bytes);
  void buffered_low();
  /// The end of the channel, from the other side or with the whole peer. Idempotent.
  void ended(Error error);

 private:
  void schedule();
  void pump();
  bool ready() const { return told_open_ && kept_.empty(); }

  const asio::any_io_executor network_;
  const std::shared_ptr<Link> link_;
  const int id_;
  const std::size_t max_buffered_;
  std::size_t max_message_ = 0;
  std::size_t low_ = 0;

  std::shared_ptr<const Events> events_;
  std::deque<Bytes> kept_;
  std::size_t kept_bytes_ = 0;
  std::optional<Error> closed_;
  bool open_ = false, told_open_ = false, told_closed_ = false, detached_ = false;
  bool low_armed_ = false, low_due_ = false, scheduled_ = false;
};

}  // namespace owndir::rtc
