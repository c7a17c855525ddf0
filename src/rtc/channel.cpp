#include "rtc/channel.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

namespace owndir::rtc {

Channel::Channel(asio::any_io_executor network, std::shared_ptr<Link> link, int id, std::size_t max_buffered)
    : network_(std::move(network)), link_(std::move(link)), id_(id), max_buffered_(max_buffered) {}

void Channel::set_events(Events events) {
  if (!events.on_open && !events.on_message && !events.on_buffered_low && !events.on_closed) {
    events_.reset();
    detached_ = true;
    kept_.clear();
    kept_bytes_ = 0;
    return;
  }
  detached_ = false;
  events_ = std::make_shared<const Events>(std::move(events));
  schedule();
}

Result<void> Channel::send(ByteView message) {
  if (closed_) return fail(*closed_);
  if (!open_) return fail(Errc::closed, fmt::format("channel {} is not open yet", id_));
  if (message.size() > max_message_) {
    return fail(Errc::too_large, fmt::format("message of {} bytes, {} at most", message.size(), max_message_));
  }
  const std::size_t before = link_->pending(id_);
  if (before + message.size() > max_buffered_) {
    return fail(Errc::limit, fmt::format("channel {}: {} bytes wait to be sent", id_, before));
  }
  using Kind = Link::Outgoing::Kind;
  Link::Outgoing item{message.empty() ? Kind::empty : Kind::message, static_cast<std::uint16_t>(id_), {}};
  if (message.empty()) {
    item.bytes.push_back(0);
  } else {
    const auto* data = reinterpret_cast<const std::uint8_t*>(message.data());
    item.bytes.assign(data, data + message.size());
  }
  link_->push(std::move(item));
  if (before + message.size() > low_ && !low_armed_) {
    low_armed_ = true;
    link_->arm_low(id_, low_);
  }
  return {};
}

std::size_t Channel::buffered_amount() const {
  return closed_ ? 0 : link_->pending(id_);
}

void Channel::close() {
  if (closed_) return;
  link_->push({Link::Outgoing::Kind::close, static_cast<std::uint16_t>(id_), {}});
  kept_.clear();
  told_open_ = true;  // too late to tell
  ended(Error{make_error_code(Errc::closed), fmt::format("channel {} closed by this end", id_)});
}

void Channel::set_buffered_low_threshold(std::size_t bytes) {
  low_ = bytes;
  if (low_armed_) link_->arm_low(id_, low_);
}

void Channel::opened(std::size_t max_message) {
  if (closed_ || open_) return;
  open_ = true;
  max_message_ = max_message;
  pump();
}

void Channel::received(std::vector<std::uint8_t> bytes) {
  if (closed_ || detached_) return;
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  Bytes message(data, data + bytes.size());
  if (events_ && ready()) {
    const auto events = events_;
    if (events->on_message) events->on_message(std::move(message));
    return;
  }
  kept_bytes_ += message.size();
  if (kept_bytes_ > kKept) {
    link_->push({Link::Outgoing::Kind::close, static_cast<std::uint16_t>(id_), {}});
    ended(Error{make_error_code(Errc::limit),
                fmt::format("channel {}: more than {} bytes that nobody reads", id_, kKept)});
    return;
  }
  kept_.push_back(std::move(message));
  if (events_) schedule();
}

void Channel::buffered_low() {
  low_armed_ = false;
  low_due_ = true;
  pump();
}

void Channel::ended(Error error) {
  if (closed_) return;
  closed_ = std::move(error);
  schedule();
}

void Channel::schedule() {
  if (std::exchange(scheduled_, true)) return;
  asio::post(network_, [self = shared_from_this()] {
    self->scheduled_ = false;
    self->pump();
  });
}

/// Tells the present events what they do not know yet. Each callback may replace or detach them.
void Channel::pump() {
  if (events_ && open_ && !std::exchange(told_open_, true)) {
    const auto events = events_;
    if (events->on_open) events->on_open();
  }
  while (events_ && told_open_ && !kept_.empty()) {
    Bytes message = std::move(kept_.front());
    kept_.pop_front();
    kept_bytes_ -= message.size();
    const auto events = events_;
    if (events->on_message) events->on_message(std::move(message));
  }
  if (events_ && !closed_ && std::exchange(low_due_, false)) {
    if (link_->pending(id_) > low_) {
      low_armed_ = true;
      link_->arm_low(id_, low_);
    } else {
      const auto events = events_;
      if (events->on_buffered_low) events->on_buffered_low();
    }
  }
  if (events_ && closed_ && kept_.empty() && !std::exchange(told_closed_, true)) {
    const auto events = events_;
    if (events->on_closed) events->on_closed(*closed_);
  }
}

}  // namespace owndir::rtc
