#include "tunnel/incoming.hpp"

#include <algorithm>

namespace owndir::tunnel {
namespace {

class IncomingBody final : public exchange::BodySource {
 public:
  IncomingBody(std::shared_ptr<IncomingQueue> queue, std::weak_ptr<IncomingOwner> owner, ExchangeId id,
               std::optional<std::uint64_t> length)
      : queue_(std::move(queue)), owner_(std::move(owner)), id_(id), length_(length) {}
  ~IncomingBody() override {
    queue_->clear();
    if (const auto owner = owner_.lock()) owner->abandoned(id_);
  }

  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    const std::size_t wanted = std::max<std::size_t>(limit, 1);
    Result<Bytes> piece = co_await queue_->read(wanted);
    if (piece && !piece->empty()) {
      if (const auto owner = owner_.lock()) owner->consumed(id_, piece->size());
    }
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::shared_ptr<IncomingQueue> queue_;
  std::weak_ptr<IncomingOwner> owner_;
  ExchangeId id_;
  std::optional<std::uint64_t> length_;
};

}  // namespace

void IncomingQueue::push(Bytes message, bool last) {
  complete_ = last;
  if (message.size() > kFrameHeader) pieces_.push_back(std::move(message));
  arrived_.notify();
}

void IncomingQueue::fail(const Error& error) {
  if (!complete_ && !error_) error_ = error;
  arrived_.notify();
}

Awaitable<Result<Bytes>> IncomingQueue::read(std::size_t limit) {
  while (pieces_.empty()) {
    if (complete_) co_return Bytes();
    if (error_) co_return owndir::fail(*error_);
    const bool woken = co_await arrived_.wait();
    if (!woken) co_return owndir::fail(Errc::cancelled, "reading a body");
  }
  co_return take(limit);
}

Bytes IncomingQueue::take(std::size_t limit) {
  Bytes& first = pieces_.front();
  const std::size_t left = first.size() - offset_;
  const auto from = first.begin() + static_cast<std::ptrdiff_t>(offset_);
  if (left > limit) {
    offset_ += limit;
    return {from, from + static_cast<std::ptrdiff_t>(limit)};
  }
  Bytes piece = std::move(first);
  piece.erase(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(offset_));
  pieces_.pop_front();
  offset_ = kFrameHeader;
  return piece;
}

exchange::Body make_incoming_body(std::shared_ptr<IncomingQueue> queue, std::weak_ptr<IncomingOwner> owner,
                                  ExchangeId id, std::optional<std::uint64_t> length) {
  return std::make_unique<IncomingBody>(std::move(queue), std::move(owner), id, length);
}

}  // namespace owndir::tunnel
