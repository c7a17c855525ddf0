#pragma once
// One connection: TCP or a Unix socket, plain or under TLS, behind one type for Boost.Asio's and Beast's operations, so
// that what is built on it is compiled once. Reading and writing may run side by side, one of each. One owner, network
// thread only; an internal of this layer.

#include <boost/asio/async_result.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/async.hpp"

namespace owndir::http {

class NetStream {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  using Tls = asio::ssl::stream<Socket&>;
  using executor_type = Socket::executor_type;

  explicit NetStream(const asio::any_io_executor& executor) : parts_(std::make_unique<Parts>(Socket(executor))) {}
  explicit NetStream(Socket socket) : parts_(std::make_unique<Parts>(std::move(socket))) {}

  executor_type get_executor() { return parts_->socket.get_executor(); }
  Socket& socket() { return parts_->socket; }
  bool is_open() const { return parts_->socket.is_open(); }
  /// From now on what is read and written goes through TLS, whose handshake is the caller's. `context` is kept.
  Tls& begin_tls(std::shared_ptr<asio::ssl::context> context) {
    parts_->context = std::move(context);
    return parts_->tls.emplace(parts_->socket, *parts_->context);
  }
  /// Bytes that were read too far: they come first when reading goes on.
  void put_back(std::string bytes) { parts_->front.insert(0, bytes); }
  /// Both directions at once; what waits for the network fails.
  void close() {
    boost::system::error_code ignored;
    parts_->socket.shutdown(Socket::shutdown_both, ignored);
    parts_->socket.close(ignored);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    using Signature = void(boost::system::error_code, std::size_t);
    if (!parts_->front.empty()) return asio::async_initiate<Token, Signature>(TakeFront{parts_.get()}, token, buffers);
    return asio::async_initiate<Token, Signature>(Read{parts_.get()}, token, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    using Signature = void(boost::system::error_code, std::size_t);
    return asio::async_initiate<Token, Signature>(Write{parts_.get()}, token, buffers);
  }

 private:
  struct Parts {
    explicit Parts(Socket s) : socket(std::move(s)) {}
    Socket socket;
    std::shared_ptr<asio::ssl::context> context;
    std::optional<Tls> tls;
    std::string front;
  };
  struct TakeFront {
    Parts* parts;
    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      const std::size_t size = asio::buffer_copy(buffers, asio::buffer(parts->front));
      parts->front.erase(0, size);
      asio::post(parts->socket.get_executor(),
                 boost::beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code(), size));
    }
  };
  struct Read {
    Parts* parts;
    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      if (parts->tls)
        parts->tls->async_read_some(buffers, std::forward<Handler>(handler));
      else
        parts->socket.async_read_some(buffers, std::forward<Handler>(handler));
    }
  };
  struct Write {
    Parts* parts;
    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      if (parts->tls)
        parts->tls->async_write_some(buffers, std::forward<Handler>(handler));
      else
        parts->socket.async_write_some(buffers, std::forward<Handler>(handler));
    }
  };

  std::unique_ptr<Parts> parts_;  ///< TLS refers to the socket: it stays where it is when this is moved
};

}  // namespace owndir::http
