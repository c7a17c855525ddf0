#include "http/byte_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace owndir::http {

using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

ByteSocket::ByteSocket(tcp::socket socket, std::size_t piece)
    : socket_(std::move(socket)), sent_all_(socket_.get_executor()), piece_(piece) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
}

ByteSocket::~ByteSocket() {
  if (close_code() != exchange::close_code::kNormal) reset();
}

Awaitable<Result<std::optional<exchange::SocketMessage>>> ByteSocket::receive() {
  while (received_end_ && !sent_end_ && socket_.is_open()) {
    const bool told = co_await sent_all_.wait();
    if (!told && !socket_.is_open()) break;
  }
  if (received_end_ || !socket_.is_open()) co_return std::optional<exchange::SocketMessage>();
  exchange::SocketMessage message;
  message.data.resize(piece_);
  const auto space = asio::buffer(message.data);
  const auto [error, size] = co_await socket_.async_read_some(space, kTuple);
  received_end_ = error == asio::error::eof;
  if (error && !received_end_) co_return fail(Errc::closed, "reading: " + error.message());
  message.data.resize(size);
  co_return std::optional<exchange::SocketMessage>(std::move(message));
}

Awaitable<Result<void>> ByteSocket::send(exchange::SocketMessage message) {
  if (message.text) co_return fail(Errc::malformed, "text where bytes are expected");
  if (sent_end_ || !socket_.is_open()) co_return fail(Errc::closed, "nothing can be sent after the end");
  if (message.data.empty()) {
    boost::system::error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    sent_end_ = true;
    sent_all_.notify();
    co_return Result<void>();
  }
  const auto bytes = asio::buffer(message.data);
  const auto [error, size] = co_await asio::async_write(socket_, bytes, kTuple);
  if (error) co_return fail(Errc::closed, "sending: " + error.message());
  co_return Result<void>();
}

Awaitable<void> ByteSocket::close(std::uint16_t code, std::string) {
  if (code != exchange::close_code::kNormal) reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  sent_all_.notify();
  co_return;
}

std::uint16_t ByteSocket::close_code() const {
  return received_end_ && sent_end_ ? exchange::close_code::kNormal : exchange::close_code::kBroken;
}

/// What was cut short must not look like the end.
void ByteSocket::reset() {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace owndir::http
