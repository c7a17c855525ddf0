#pragma once
// What Beast's WebSocket writes to and reads from, with what Beast would decide by itself left to us: the end of the
// connection, and the answer to the other end's close, which Beast sends at once and without a reason. Network thread
// only, an internal of this layer.

#include <boost/asio/compose.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <memory>
#include <string>

#include "http/net_stream.hpp"

namespace owndir::http {

/// Where the frames end that are written (RFC 6455 section 5.2), and what becomes of a close among them. Without I/O.
class FrameGate {
 public:
  /// From now on what is written are frames.
  void begin() { counts_ = true; }
  /// From now on a close is held back.
  void hold() { holds_ = true; }
  /// Whether these bytes, which begin with `front`, begin a close that is to be held back. Nothing of it is written.
  bool holds_back(std::string_view front);
  void wrote(std::size_t size) { left_ -= std::min<std::uint64_t>(left_, size); }

 private:
  bool counts_ = false;
  bool holds_ = false;
  std::uint64_t left_ = 0;  ///< bytes of a frame that is being written
};

/// A whole close frame; `masked` as a client sends it. Without `code`, it is empty.
std::string close_frame(std::uint16_t code, std::string_view reason, bool masked);

class SocketTransport final : public NetStream {
 public:
  explicit SocketTransport(NetStream stream)
      : NetStream(std::move(stream)), held_(std::make_unique<Held>(get_executor())) {}

  /// After the handshake.
  void begin_frames() { held_->gate.begin(); }
  /// The close that Beast writes from now on is not sent before `release`, and then as that says.
  void hold_close() { held_->gate.hold(); }
  void release(std::string frame) {
    held_->frame = std::move(frame);
    held_->released = true;
    held_->timer.cancel();
  }
  void close() {
    NetStream::close();
    release({});
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    using Signature = void(boost::system::error_code, std::size_t);
    return asio::async_compose<Token, Signature>(WriteSome<Buffers>{this, buffers}, token, get_executor());
  }

  /// The connection's last wait is left to us: Beast's would wait for ever for the other end's.
  template <class Handler>
  friend void async_teardown(boost::beast::role_type, SocketTransport& transport, Handler&& handler) {
    boost::system::error_code error;
    transport.socket().shutdown(Socket::shutdown_send, error);
    asio::post(transport.get_executor(),
               boost::beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code()));
  }
  friend void teardown(boost::beast::role_type, SocketTransport&, boost::system::error_code&) {}
  friend void beast_close_socket(SocketTransport& transport) { transport.close(); }

  /// Plays the handshake of Beast's client, which knows no way to begin after one: what it asks is answered here, with
  /// the network untouched.
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code&) {
    return take_question(boost::beast::buffers_to_string(buffers));
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    boost::system::error_code error;
    return write_some(buffers, error);
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    return read_some(buffers, error);
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code&) {
    const std::size_t size = asio::buffer_copy(buffers, asio::buffer(answer_));
    answer_.erase(0, size);
    return size;
  }

 private:
  struct Held {
    explicit Held(const asio::any_io_executor& executor) : timer(executor, asio::steady_timer::time_point::max()) {}
    FrameGate gate;
    asio::steady_timer timer;  ///< cancelled when `frame` is there
    std::string frame;
    bool released = false;
  };
  template <class Buffers>
  struct WriteSome {
    SocketTransport* transport;
    Buffers buffers;
    enum class Step { begin, passed, held, answered } step = Step::begin;

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}, std::size_t size = 0) {
      NetStream& stream = *transport;
      Held& held = *transport->held_;
      const Buffers all = buffers;  // ours go where `self` goes
      switch (step) {
        case Step::begin: {
          char front[16];
          const std::size_t known = asio::buffer_copy(asio::buffer(front), all);
          const bool holds = held.gate.holds_back({front, known});
          step = holds ? Step::held : Step::passed;
          if (!holds) return void(stream.async_write_some(all, std::move(self)));
          if (!held.released) return void(held.timer.async_wait(std::move(self)));
          [[fallthrough]];
        }
        case Step::held:
          if (held.frame.empty() || !held.released) return self.complete(asio::error::operation_aborted, 0);
          step = Step::answered;
          return void(asio::async_write(stream, asio::buffer(held.frame), std::move(self)));
        case Step::answered: return self.complete(error, error ? 0 : asio::buffer_size(all));
        case Step::passed: held.gate.wrote(size); return self.complete(error, size);
      }
    }
  };

  std::size_t take_question(std::string text);

  std::unique_ptr<Held> held_;
  std::string question_, answer_;
};

/// Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
std::string accept_of(std::string_view key);

}  // namespace owndir::http
