#include "fsnode/outbox.hpp"

namespace owndir::fsnode {
namespace {

constexpr std::size_t kDataRoom = 512 * 1024;  ///< data waits beyond this many bytes
constexpr std::size_t kReplyRoom = 4 << 20;    ///< more is not read from the client beyond this many
constexpr std::size_t kMessageOverhead = 128;  ///< what a queued message costs besides its bytes

}  // namespace

void Outbox::push(exchange::SocketMessage message) {
  if (closed_) return;
  bytes_ += message.data.size() + kMessageOverhead;
  queue_.push_back(std::move(message));
  more_.notify();
}

void Outbox::post(std::string_view text) {
  push({true, to_bytes(text)});
}

Awaitable<bool> Outbox::wait_below(std::size_t bytes) {
  while (!closed_ && bytes_ > bytes) {
    const bool notified = co_await room_.wait();
    if (!notified) co_return false;
  }
  co_return !closed_;
}

Awaitable<bool> Outbox::put(exchange::SocketMessage message) {
  const bool room = co_await wait_below(kDataRoom);
  if (room) push(std::move(message));
  co_return room;
}

Awaitable<bool> Outbox::replies_have_room() {
  const bool room = co_await wait_below(kReplyRoom);
  co_return room;
}

Awaitable<void> Outbox::drain(exchange::WebSocket& socket) {
  while (!closed_) {
    if (queue_.empty()) {
      const bool notified = co_await more_.wait();
      if (!notified) break;
      continue;
    }
    exchange::SocketMessage message = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= message.data.size() + kMessageOverhead;
    const Result<void> sent = co_await socket.send(std::move(message));
    if (!sent) break;
    room_.notify();
  }
  closed_ = true;
  queue_.clear();
  room_.notify();
}

}  // namespace owndir::fsnode
