#pragma once
// For tests: a server on a free loopback port with its own network thread, and a client that speaks raw bytes.
// Blocking, with a limit on every wait, so that a fault fails a test instead of hanging it.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <string>
#include <thread>

#include "http/server.hpp"

namespace owndir::http {

/// Runs an io_context on a thread of its own until the end of its life.
class NetworkThread {
 public:
  NetworkThread() : work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  ~NetworkThread() {
    work_.reset();
    thread_.join();
  }
  NetworkThread(const NetworkThread&) = delete;
  NetworkThread& operator=(const NetworkThread&) = delete;

  asio::any_io_executor executor() { return io_.get_executor(); }
  void run(Awaitable<void> task) { asio::co_spawn(io_, std::move(task), asio::use_future).get(); }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

/// Bytes to and from 127.0.0.1.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Without waiting longer than a second for room; false when there is none.
  bool send_now(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd room{fd_, POLLOUT, 0};
      if (::poll(&room, 1, 1000) != 1) return false;
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  /// Everything until the server ends the connection.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::move(received_);
  }
  /// Up to and with `mark`; what there was when the connection ended first.
  std::string read_until(std::string_view mark) {
    std::size_t at = received_.find(mark);
    while (at == std::string::npos && receive()) at = received_.find(mark);
    const std::size_t size = at == std::string::npos ? received_.size() : at + mark.size();
    std::string taken = received_.substr(0, size);
    received_.erase(0, size);
    return taken;
  }
  /// The next `size` bytes; fewer when the connection ended first.
  std::string read_bytes(std::size_t size) {
    while (received_.size() < size && receive()) {
    }
    std::string taken = received_.substr(0, size);
    received_.erase(0, taken.size());
    return taken;
  }
  bool was_reset() const { return reset_; }
  int descriptor() const { return fd_; }

 private:
  bool receive() {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, 10'000) != 1) {
      ADD_FAILURE() << "nothing arrived for 10 s; so far: " << received_.substr(0, 2000);
      return false;
    }
    char buffer[16384];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
    reset_ = reset_ || (got < 0 && errno == ECONNRESET);
    return got > 0;
  }

  int fd_;
  std::string received_;
  bool reset_ = false;
};

/// A server in front of `handler`; stops when it goes.
class TestServer {
 public:
  explicit TestServer(exchange::Handler& handler, ServerLimits limits = {}) {
    ServerOptions options;
    options.limits = limits;
    // On the network thread: the server begins to accept at once.
    network_.run(listen(*this, options, handler));
  }
  ~TestServer() { stop(); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void stop() {
    if (server_) network_.run(server_->stop());
    server_.reset();
  }
  std::uint16_t port() const { return port_; }
  NetworkThread& network() { return network_; }

 private:
  static Awaitable<void> listen(TestServer& self, ServerOptions options, exchange::Handler& handler) {
    auto server = Server::listen(self.network_.executor(), options, handler);
    EXPECT_TRUE(server.has_value());
    if (server) self.server_ = std::move(*server);
    if (self.server_) self.port_ = self.server_->port();
    co_return;
  }

  NetworkThread network_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace owndir::http
