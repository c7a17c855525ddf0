#pragma once
// The calls of one connection: takes the client's messages apart, runs each call as a coroutine of its own, and holds
// the limits. Owned by its session for the length of its run; network thread only.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fsnode/outbox.hpp"
#include "fsnode/session.hpp"
#include "fsnode/wire.hpp"

namespace owndir::fsnode {

/// Shared by a call's coroutine and whoever takes the client's messages.
struct OpenCall {
  OpenCall(Call opened, const asio::any_io_executor& executor) : call(std::move(opened)), wake(executor) {}

  Call call;
  Notifier wake;                 ///< something below has changed
  std::optional<Error> failure;  ///< the call is to end with this: cancelled, or broken by the client
  std::uint64_t credit = 0;      ///< read: bytes that may be sent; write: bytes that the client may still send
  std::vector<Bytes> data;       ///< binary messages with their ids
  bool ended = false;            ///< the client has sent all
  std::string sha256;

  void fail_with(Error error) {
    if (!failure) failure = std::move(error);
    wake.notify();
  }
};
using CallPointer = std::shared_ptr<OpenCall>;

/// JSON of the value of `ok`.
using Answer = Result<std::string>;

template <class Writer>
class Discarded;

class Connection {
 public:
  Connection(Engine& engine, const SessionOptions& options, const asio::any_io_executor& executor);

  struct Close {
    std::uint16_t code = 0;
    std::string reason;
  };
  /// Says hello and serves until the client is gone (nothing), or is to be told to go.
  Awaitable<std::optional<Close>> serve(exchange::WebSocket& socket);
  /// Ends all calls.
  Awaitable<void> stop() { return tasks_.stop(); }

 private:
  std::optional<Close> take(exchange::SocketMessage message);
  std::optional<Close> take_text(ClientMessage message);
  std::optional<Close> open(Call call);
  void take_data(OpenCall& call, Bytes message);
  OpenCall* find(std::uint32_t id);

  Awaitable<void> run(CallPointer call);
  Awaitable<Answer> perform(CallPointer call);
  Awaitable<Answer> info(CallPointer call);
  Awaitable<Answer> children(CallPointer call);
  Awaitable<Answer> read(CallPointer call);
  Awaitable<Answer> write(CallPointer call);
  Awaitable<Answer> upload(CallPointer call);
  Awaitable<Answer> move(CallPointer call);
  Awaitable<Answer> remove(CallPointer call);
  Awaitable<Answer> make_directory(CallPointer call);
  Awaitable<Answer> touch(CallPointer call);
  Awaitable<Answer> sub(CallPointer call);

  /// Tells the client that it may send `bytes` more.
  void grant(OpenCall& call, std::uint64_t bytes);
  /// The next data of a write; empty when the client has sent all.
  Awaitable<Result<std::vector<Bytes>>> next_data(OpenCall& call);

  /// Gives the client's data to `writer`, returning credit; then commits. In any case, nothing of it is left after.
  template <class Writer, class Commit>
  Awaitable<Answer> take_in(OpenCall& call, Discarded<Writer>& writer, const Commit& commit);

  Engine& engine_;
  const SessionOptions& options_;
  const Limits& limits_;
  asio::any_io_executor executor_;
  Outbox outbox_;
  std::map<std::uint32_t, CallPointer> calls_;
  TaskGroup tasks_;
};

}  // namespace owndir::fsnode
