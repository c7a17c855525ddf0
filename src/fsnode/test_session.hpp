#pragma once
// For tests: a session on a temporary folder, and the client's end of its socket. Everything runs in the test's thread,
// inside next().

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/test_folder.hpp"
#include "fsnode/session.hpp"

namespace owndir::fsnode {

using Json = nlohmann::json;
using namespace std::chrono_literals;

/// Both ends in one: what the session sends gathers in `sent`, at most `room` messages.
class FakeSocket final : public exchange::WebSocket {
 public:
  explicit FakeSocket(const asio::any_io_executor& executor) : arrived_(executor), taken_(executor) {}

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    while (incoming_.empty() && !gone_) {
      const bool notified = co_await arrived_.wait();
      if (!notified) co_return std::nullopt;
    }
    if (incoming_.empty()) co_return std::nullopt;
    exchange::SocketMessage message = std::move(incoming_.front());
    incoming_.pop_front();
    co_return message;
  }
  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    while (sent.size() >= room && !gone_) {
      const bool notified = co_await taken_.wait();
      if (!notified) break;
    }
    if (gone_) co_return fail(Errc::closed);
    sent.push_back(std::move(message));
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    closed = code;
    closed_reason = std::move(reason);
    co_return;
  }
  std::uint16_t close_code() const override { return exchange::close_code::kBroken; }
  std::string close_reason() const override { return {}; }

  void arrive(exchange::SocketMessage message) {
    incoming_.push_back(std::move(message));
    arrived_.notify();
  }
  void leave() {
    gone_ = true;
    arrived_.notify();
    taken_.notify();
  }
  void taken() { taken_.notify(); }

  std::deque<exchange::SocketMessage> sent;
  std::size_t room = 1'000'000;
  std::optional<std::uint16_t> closed;
  std::string closed_reason;

 private:
  std::deque<exchange::SocketMessage> incoming_;
  Notifier arrived_;
  Notifier taken_;
  bool gone_ = false;
};

class TestSession {
 public:
  explicit TestSession(EngineOptions options = {}, SessionOptions session = {})
      : engine_(std::make_unique<Engine>(folder.open(), files, std::move(options))) {
    connect(std::move(session));
  }
  ~TestSession() {
    disconnect();
    files.join();
    io.restart();
    io.poll();
  }

  /// A new connection after `disconnect`.
  void connect(SessionOptions options = {}) {
    socket_ = std::make_unique<FakeSocket>(io.get_executor());
    session_ = make_session(*engine_, std::move(options));
    over_ = false;
    tasks_.spawn("session", run());
    hello = receive();
  }
  /// The client goes away; returns when the session has ended.
  void disconnect() {
    socket_->leave();
    run_until([&] { return over_; });
  }

  void send(const Json& message) { send_text(message.dump()); }
  void send_text(std::string_view text) { socket_->arrive({true, to_bytes(text)}); }
  void send_data(std::uint32_t id, std::string_view data) {
    std::string message;
    for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(id >> shift);
    send_binary(message.append(data));
  }
  void send_binary(std::string_view message) { socket_->arrive({false, to_bytes(message)}); }

  /// The next message of the server, binary or text; nothing when the session ended instead.
  std::optional<exchange::SocketMessage> next() {
    run_until([&] { return over_ || !socket_->sent.empty(); });
    if (socket_->sent.empty()) return std::nullopt;
    auto message = std::move(socket_->sent.front());
    socket_->sent.pop_front();
    socket_->taken();
    return message;
  }
  /// The next message, which is text.
  Json receive() {
    const auto message = next();
    if (!message || !message->text) {
      ADD_FAILURE() << (message ? "binary" : "nothing") << " instead of text";
      return {};
    }
    return Json::parse(as_text(message->data));
  }
  /// The next message, which is data.
  std::string receive_data() {
    const auto message = next();
    if (!message || message->text || message->data.size() < 5) {
      ADD_FAILURE() << (message ? as_text(message->data) : "nothing") << " instead of data";
      return {};
    }
    return std::string(as_text(message->data).substr(4));
  }
  /// Sends a call and returns what it is answered with next.
  Json ask(const Json& call) {
    send(call);
    return receive();
  }
  /// A whole write; its last answer.
  Json write(const std::string& path, std::string_view data, Json more = Json::object()) {
    more.update({{"id", 99}, {"op", "write"}, {"path", path}});
    Json first = ask(more);
    if (first.contains("error")) return first;
    for (std::size_t at = 0; at < data.size(); at += 65536) send_data(99, data.substr(at, 65536));
    send({{"id", 99}, {"end", true}});
    return final_of(99);
  }
  /// The answer that ends call `id`; what comes before is dropped.
  Json final_of(int id) {
    for (;;) {
      const auto message = next();
      if (!message) {
        ADD_FAILURE() << "the session ended";
        return {};
      }
      if (!message->text) continue;
      Json text = Json::parse(as_text(message->data));
      if (text.at("id") == id && (text.contains("ok") || text.contains("error"))) return text;
    }
  }
  template <class Condition>
  void run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) FAIL() << "nothing happened for a minute";
      io.run_one_for(100ms);
    }
  }

  FakeSocket& socket() { return *socket_; }
  Engine& engine() { return *engine_; }
  bool over() const { return over_; }

  TestFolder folder{true};
  asio::io_context io;
  asio::thread_pool files{2};
  Json hello;

 private:
  Awaitable<void> run() {
    co_await session_->run(*socket_);
    over_ = true;
  }

  asio::executor_work_guard<asio::io_context::executor_type> work_{io.get_executor()};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<FakeSocket> socket_;
  std::unique_ptr<exchange::SocketSession> session_;
  bool over_ = true;
  TaskGroup tasks_{io.get_executor()};
};

}  // namespace owndir::fsnode
