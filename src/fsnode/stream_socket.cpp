#include "fsnode/stream_socket.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/utf8.hpp"

namespace owndir::fsnode {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kMaxMessage = 1 << 20;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

class StreamSocket final : public exchange::WebSocket {
 public:
  StreamSocket(const asio::any_io_executor& executor, FileDescriptor socket) : socket_(executor) {
    boost::system::error_code error;
    socket_.assign(asio::local::stream_protocol(), socket.get(), error);
    if (!error) socket.release();
  }

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    std::array<unsigned char, kHeader> header;
    const asio::mutable_buffer header_buffer = asio::buffer(header);
    const auto [error, got] = co_await asio::async_read(socket_, header_buffer, kTuple);
    if (error && got == 0 && (error == asio::error::eof || !socket_.is_open())) {
      if (socket_.is_open()) code_ = exchange::close_code::kNone;
      co_return std::nullopt;
    }
    if (error) co_return broken("the stream ends within a message");
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | header[i];
    if (size > kMaxMessage || header[4] > 1) co_return broken("the stream holds what is no message");
    exchange::SocketMessage message{header[4] == 0, Bytes(size)};
    const asio::mutable_buffer body = asio::buffer(message.data);
    const auto [cut, read] = co_await asio::async_read(socket_, body, kTuple);
    if (cut) co_return broken("the stream ends within a message");
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
  std::uint16_t code_ = exchange::close_code::kBroken;
};

}  // namespace

std::unique_ptr<exchange::WebSocket> make_stream_socket(const asio::any_io_executor& executor, FileDescriptor socket) {
  return std::make_unique<StreamSocket>(executor, std::move(socket));
}

}  // namespace owndir::fsnode
