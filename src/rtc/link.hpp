#pragma once
// What the network thread and the transport's thread share of one association: two queues of messages and the count of
// bytes under way. The data path crosses threads in batches, without any blocking call: one task wakes the other side,
// however many messages wait. Ownership: shared by the Peer, its channels and the transport; either side may go first.
// Knows nothing of the WebRTC stack.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/async.hpp"

namespace owndir::rtc {

struct LinkLimits {
  /// Received bytes that wait for the network thread; beyond, the transport stops reading packets, and SCTP slows the
  /// sender down as for any other loss.
  static constexpr std::size_t kInbox = 16 * 1024 * 1024;
  /// Bytes of received messages handled in one go of the network thread, between which others have their turn.
  static constexpr std::size_t kSlice = 1024 * 1024;
  static constexpr std::size_t kChannels = 16;
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  struct Outgoing {
    /// `empty` carries one byte that stands for none (RFC 8831 section 6.6).
    enum class Kind : std::uint8_t { message, empty, close };
    Kind kind;
    std::uint16_t channel;
    std::vector<std::uint8_t> bytes;
  };
  struct Incoming {
    /// `refused`: something that is no binary message, or too large; `closed`: the other end closed the channel;
    /// `ended`: the association is over.
    enum class Kind : std::uint8_t { opened, message, refused, closed, ended };
    Kind kind;
    std::uint16_t channel;
    std::vector<std::uint8_t> bytes;  ///< of the message, else of a text for people
  };

  /// Who gets the events, on the network thread.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void receive(Incoming item) = 0;
    virtual void buffered_low(int channel) = 0;
  };

  Link(asio::any_io_executor network, int channels) : network_(std::move(network)), channels_(channels) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The network thread's side.

  /// `wake` posts a task to the transport's thread.
  void start(std::function<void()> wake, std::weak_ptr<Receiver> receiver);
  /// Nothing is delivered or queued any more; what was queued may still be taken.
  void stop();
  void push(Outgoing item);
  /// Bytes given to push and not yet taken by the network.
  std::size_t pending(int channel) const;
  /// Asks for one `buffered_low` once pending is at or below `bytes`.
  void arm_low(int channel, std::size_t bytes);

  // The transport's side.

  /// Moves what waits to `out`, which is empty.
  void take(std::vector<Outgoing>& out);
  void deliver(Incoming item);
  /// True while the network thread is too far behind.
  bool congested() const { return inbox_bytes_.load(std::memory_order_relaxed) > LinkLimits::kInbox; }
  /// All that was ever taken for the channel, less what the transport still holds.
  void set_sent(int channel, std::uint64_t total);

  int channels() const { return channels_; }

 private:
  struct Count {
    std::atomic<std::uint64_t> queued{0}, sent{0}, low{0};
    std::atomic<bool> armed{false};
  };

  void check_low(int channel);
  void drain();
  void post_drain();

  const asio::any_io_executor network_;
  const int channels_;
  Count counts_[LinkLimits::kChannels];
  std::atomic<std::size_t> inbox_bytes_{0};

  std::mutex mutex_;  // guards the four below
  std::vector<Outgoing> outbox_;
  std::vector<Incoming> inbox_;
  bool outbox_awake_ = false, inbox_awake_ = false;

  // Network thread only.
  std::function<void()> wake_;
  std::weak_ptr<Receiver> receiver_;
  std::vector<Incoming> batch_;
  std::size_t batch_next_ = 0;
  bool stopped_ = false;
};

}  // namespace owndir::rtc
