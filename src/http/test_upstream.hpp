#pragma once
// For tests: a server on a free loopback port that does exactly what a test says, right or wrong, and a client's
// network thread to ask it. Blocking, with a limit on every wait.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/client.hpp"
#include "http/test_client.hpp"

namespace owndir::http {

/// What a server's script has promised; a failure when it does not come.
template <class T>
T within(std::promise<T>& promise) {
  std::future<T> future = promise.get_future();
  if (future.wait_for(std::chrono::seconds(10)) == std::future_status::ready) return future.get();
  ADD_FAILURE() << "the server was not asked within 10 s";
  return {};
}

/// The server's end of one connection.
class Peer {
 public:
  Peer(int fd, std::size_t n) : number(n), fd_(fd) {}
  ~Peer() { close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::size_t number;  ///< of the connection, from 0

  /// A request's head; "" when the client has ended the connection.
  std::string read_head() { return read_until("\r\n\r\n"); }
  std::string read_until(std::string_view mark) {
    std::size_t at = received_.find(mark);
    while (at == std::string::npos && receive()) at = received_.find(mark);
    if (at == std::string::npos) return {};
    std::string taken = received_.substr(0, at + mark.size());
    received_.erase(0, taken.size());
    return taken;
  }
  std::string read_bytes(std::size_t size) {
    while (received_.size() < size && receive()) {
    }
    std::string taken = received_.substr(0, size);
    received_.erase(0, taken.size());
    return taken;
  }
  /// Until the client ends the connection.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::move(received_);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    const std::lock_guard lock(closing_);
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// From another thread: nothing more is read.
  void end() {
    const std::lock_guard lock(closing_);
    if (fd_ >= 0) ::shutdown(fd_, SHUT_RD);
  }
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
    return got > 0;
  }

  std::mutex closing_;
  int fd_;
  std::string received_;
};

/// Plays `script` on every connection, each on a thread of its own, and then closes it. When it goes,
/// what scripts still wait for has ended.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<void(Peer&)> script)
      : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 512), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (Connection& each : connections_) each.peer.end();
    for (Connection& each : connections_) each.thread.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  Address address() const { return {.host = "127.0.0.1", .port = port_}; }
  std::size_t connections() const { return count_; }

 private:
  struct Connection {
    Connection(int fd, std::size_t number) : peer(fd, number) {}
    Peer peer;
    std::thread thread;
  };

  void accept() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      Connection& connection = connections_.emplace_back(fd, count_++);
      connection.thread = std::thread([this, &connection] {
        script_(connection.peer);
        connection.peer.close();
      });
    }
  }

  std::function<void(Peer&)> script_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> count_ = 0;
  std::list<Connection> connections_;
  std::thread thread_;
};

struct Reply {
  std::uint16_t status = 0;
  exchange::Fields fields;
  std::string body;
  std::optional<Error> fault;  ///< of the head when status is 0, else of the body

  std::string field(std::string_view name) const { return std::string(fields.get(name).value_or("")); }
};

inline Awaitable<void> read_reply(Reply& reply, Result<exchange::Response> response) {
  if (!response) {
    reply.fault = response.error();
    co_return;
  }
  reply.status = response->head.status;
  reply.fields = response->head.fields;
  while (response->body) {
    Result<Bytes> piece = co_await response->body->read(4096);
    if (!piece) {
      reply.fault = piece.error();
      co_return;
    }
    if (piece->empty()) break;
    reply.body += as_text(*piece);
  }
}

/// A body that comes in these pieces.
class PiecesBody final : public exchange::BodySource {
 public:
  explicit PiecesBody(std::vector<std::string> pieces, std::optional<Error> fault = std::nullopt)
      : pieces_(std::move(pieces)), fault_(std::move(fault)) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    if (next_ == pieces_.size() && fault_) co_return fail(*fault_);
    if (next_ == pieces_.size()) co_return Bytes();
    EXPECT_LE(pieces_[next_].size(), limit);
    co_return to_bytes(pieces_[next_++]);
  }

 private:
  std::vector<std::string> pieces_;
  std::optional<Error> fault_;
  std::size_t next_ = 0;
};

/// A Client with a thread of its own; stops when it goes.
class TestAsker {
 public:
  explicit TestAsker(Address address, ClientLimits limits = {})
      : client_(std::make_unique<Client>(network_.executor(), std::move(address), limits)) {}
  ~TestAsker() { stop(); }
  TestAsker(const TestAsker&) = delete;
  TestAsker& operator=(const TestAsker&) = delete;

  void stop() {
    if (client_) network_.run(stop_it(*this));
  }
  Reply ask(std::string method, std::string target, exchange::Fields fields = {}, exchange::Body body = nullptr) {
    Reply reply;
    exchange::Request request;
    request.head = {std::move(method), std::move(target), std::move(fields)};
    request.body = std::move(body);
    network_.run(ask_it(*client_, std::move(request), reply));
    return reply;
  }
  Reply get(std::string target = "/") { return ask("GET", std::move(target)); }
  Client& client() { return *client_; }
  NetworkThread& network() { return network_; }

 private:
  static Awaitable<void> stop_it(TestAsker& self) {
    co_await self.client_->stop();
    self.client_.reset();
  }
  static Awaitable<void> ask_it(Client& client, exchange::Request request, Reply& reply) {
    Result<exchange::Response> response = co_await client.send(std::move(request));
    co_await read_reply(reply, std::move(response));
  }

  NetworkThread network_;
  std::unique_ptr<Client> client_;
};

}  // namespace owndir::http
