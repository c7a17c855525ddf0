#pragma once
// A TCP connection as a WebSocket whose binary messages are its bytes, in order; where one message ends and the next
// begins means nothing, and an empty one is the end of its direction (a half-closed connection, RFC 9293 section 3.6).
// So raw TCP crosses the tunnel as the subprotocol kByteProtocol at kByteTarget. Network thread only.

#include <boost/asio/ip/tcp.hpp>
#include <string_view>

#include "exchange/web_socket.hpp"

namespace owndir::http {

constexpr std::string_view kByteProtocol = "owndir.tcp.v1";
constexpr std::string_view kByteTarget = "/@/tcp";

class ByteSocket final : public exchange::WebSocket {
 public:
  /// `piece`: bytes read at once.
  explicit ByteSocket(asio::ip::tcp::socket socket, std::size_t piece = 65536);
  ~ByteSocket() override;

  /// After the other end's direction has ended: waits until ours has, too; then empty, and close_code is 1000.
  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override;
  /// Errc::malformed for text.
  Awaitable<Result<void>> send(exchange::SocketMessage message) override;
  /// 1000 ends the connection in order, any other code resets it.
  Awaitable<void> close(std::uint16_t code, std::string reason) override;
  std::uint16_t close_code() const override;
  std::string close_reason() const override { return {}; }

 private:
  void reset();

  asio::ip::tcp::socket socket_;
  Notifier sent_all_;
  const std::size_t piece_;
  bool received_end_ = false;
  bool sent_end_ = false;
};

}  // namespace owndir::http
