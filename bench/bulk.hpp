#pragma once
// What the ends of the bulk benchmarks share: a body of any length, the handler that gives and counts such bodies, and
// a bare channel's end that sends bulk with backpressure, or answers commands. Network thread.

#include <algorithm>
#include <charconv>
#include <memory>
#include <sstream>
#include <string>

#include "exchange/handler.hpp"
#include "exchange/message_channel.hpp"

namespace owndir::bench {

/// So many bytes of the same value.
class Filler final : public exchange::BodySource {
 public:
  explicit Filler(std::uint64_t length) : length_(length), left_(length) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, limit));
    left_ -= size;
    co_return Bytes(size, std::byte{7});
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::uint64_t length_, left_;
};

/// GET /N gives N bytes; POST counts what comes, read in pieces of at most `piece`.
class BulkHandler final : public exchange::Handler {
 public:
  explicit BulkHandler(std::size_t piece) : piece_(piece) {}
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    std::uint64_t taken = 0;
    while (request.body) {
      Result<Bytes> piece = co_await request.body->read(piece_);
      if (!piece) co_return fail(std::move(piece.error()));
      if (piece->empty()) break;
      taken += piece->size();
    }
    if (request.head.method == "POST") co_return exchange::text_response(200, std::to_string(taken));
    std::uint64_t length = 0;
    const std::string& target = request.head.target;
    std::from_chars(target.data() + 1, target.data() + target.size(), length);
    exchange::Response response;
    response.head.reason = "OK";
    response.head.fields.add("Content-Length", std::to_string(length));
    response.body = std::make_unique<Filler>(length);
    co_return response;
  }

 private:
  const std::size_t piece_;
};

/// One end of a bare channel. Keeps up to `high` bytes in it, and sends on below `low`.
class RawEnd {
 public:
  RawEnd(std::shared_ptr<exchange::MessageChannel> channel, std::size_t high, std::size_t low)
      : channel_(std::move(channel)), high_(high) {
    exchange::MessageChannel::Events events;
    events.on_open = [this] { on_open(); };
    events.on_message = [this](Bytes message) { take(message); };
    events.on_buffered_low = [this] { pour(); };
    channel_->set_buffered_low_threshold(low);
    channel_->set_events(std::move(events));
  }
  virtual ~RawEnd() { channel_->set_events({}); }
  RawEnd(const RawEnd&) = delete;
  RawEnd& operator=(const RawEnd&) = delete;

  bool is_open() const { return channel_->is_open(); }
  bool send_text(std::string_view text) { return channel_->send(as_bytes(text)).has_value(); }
  void send_bulk(std::uint64_t bytes, std::size_t piece) {
    left_ = bytes;
    piece_.assign(piece, std::byte{7});
    pour();
  }

 private:
  virtual void take(const Bytes& message) = 0;
  virtual void on_open() {}
  void pour() {
    while (left_ > 0 && channel_->buffered_amount() < high_) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece_.size()));
      if (!channel_->send(ByteView(piece_).first(size))) return;
      left_ -= size;
    }
  }

  std::shared_ptr<exchange::MessageChannel> channel_;
  const std::size_t high_;
  Bytes piece_;
  std::uint64_t left_ = 0;
};

/// The end that does as it is told: "get BYTES PIECE" sends so many bytes in messages of PIECE, "put BYTES" waits for
/// so many and then says "done", "echo BYTES" sends one message of that size.
class RawEcho final : public RawEnd {
 public:
  using RawEnd::RawEnd;

 private:
  void take(const Bytes& message) override {
    if (awaited_ > 0) {
      awaited_ -= std::min<std::uint64_t>(awaited_, message.size());
      if (awaited_ == 0) send_text("done");
      return;
    }
    std::istringstream command{std::string(as_text(message))};
    std::string verb;
    std::uint64_t bytes = 0;
    std::size_t piece = 0;
    command >> verb >> bytes >> piece;
    if (verb == "put") awaited_ = bytes;
    if (verb == "get") send_bulk(bytes, std::max<std::size_t>(piece, 1));
    if (verb == "echo") send_text(std::string(bytes, 'e'));
  }

  std::uint64_t awaited_ = 0;
};

}  // namespace owndir::bench
