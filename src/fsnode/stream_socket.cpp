#include "fsnode/stream_socket.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/utf8.hpp"

namespace owndir::fsnode {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kMaxMessage = 1 << 20;
constexpr std::size_t kBuffer = 64 * 1024;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

class StreamSocket final : public exchange::WebSocket {
 public:
  StreamSocket(const asio::any_io_executor& executor, FileDescriptor socket) : socket_(executor) {
    boost::system::error_code error;
    socket_.assign(asio::local::stream_protocol(), socket.get(), error);
    if (!error) socket.release();
  }

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    while (end_ - begin_ < kHeader) {
      const bool more = co_await fill();
      if (more) continue;
      if (begin_ < end_ || failed_) co_return broken("the stream ends within a message");
      if (socket_.is_open()) code_ = exchange::close_code::kNone;
      co_return std::nullopt;
    }
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | std::to_integer<std::size_t>(buffer_[begin_ + i]);
    const auto kind = std::to_integer<unsigned>(buffer_[begin_ + 4]);
    begin_ += kHeader;
    if (size > kMaxMessage || kind > 1) co_return broken("the stream holds what is no message");
    exchange::SocketMessage message{kind == 0, Bytes(size)};
    const std::size_t here = std::min(size, end_ - begin_);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), here, message.data.begin());
    begin_ += here;
    if (here < size) {
      const asio::mutable_buffer rest = asio::buffer(message.data) + here;
      const auto [cut, read] = co_await asio::async_read(socket_, rest, kTuple);
      if (cut) co_return broken("the stream ends within a message");
    }
    if (message.text && !is_utf8(as_text(message.data))) co_return broken("a text message is no UTF-8");
    co_return message;
  }

  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    if (message.data.size() > kMaxMessage) co_return fail(Errc::too_large, "a message");
    if (message.text && !is_utf8(as_text(message.data))) co_return fail(Errc::malformed, "text that is no UTF-8");
    if (!socket_.is_open()) co_return fail(Errc::closed, "the stream");
    std::array<unsigned char, kHeader> header{};
    for (std::size_t i = 0; i < 4; ++i) header[i] = static_cast<unsigned char>(message.data.size() >> (8 * i));
    header[4] = message.text ? 0 : 1;
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(header), asio::buffer(message.data)};
    const auto [error, sent] = co_await asio::async_write(socket_, buffers, kTuple);
    if (error) co_return fail(Errc::closed, "the stream");
    co_return Result<void>();
  }

  Awaitable<void> close(std::uint16_t, std::string) override {
    shut();
    co_return;
  }
  std::uint16_t close_code() const override { return code_; }
  std::string close_reason() const override { return {}; }

 private:
  /// More into the buffer, which holds less than a header; false at the end, or when it fails.
  Awaitable<bool> fill() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    const asio::mutable_buffer room = asio::buffer(buffer_) + end_;
    const auto [error, got] = co_await socket_.async_read_some(room, kTuple);
    end_ += got;
    failed_ = error && error != asio::error::eof && socket_.is_open();
    co_return !error;
  }
  tl::unexpected<Error> broken(const char* what) {
    shut();
    return fail(Errc::protocol, what);
  }
  void shut() {
    boost::system::error_code ignored;
    socket_.shutdown(asio::local::stream_protocol::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  asio::local::stream_protocol::socket socket_;
  /// What was read and not yet taken: a header, and what came with it, in one step.
  Bytes buffer_ = Bytes(kBuffer);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool failed_ = false;
  std::uint16_t code_ = exchange::close_code::kBroken;
};

}  // namespace

std::unique_ptr<exchange::WebSocket> make_stream_socket(const asio::any_io_executor& executor, FileDescriptor socket) {
  return std::make_unique<StreamSocket>(executor, std::move(socket));
}

}  // namespace owndir::fsnode
