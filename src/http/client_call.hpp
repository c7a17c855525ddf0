#pragma once
// One exchange of a Client on its connection, and what the exchanges of one Client share. Held by the coroutine that
// sends the request's body and by the response's body. Internal to the client; network thread only.

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "http/client.hpp"
#include "http/net_stream.hpp"
#include "http/response_reader.hpp"

namespace owndir::http {

class UpstreamSocket;

struct Client::State {
  State(asio::any_io_executor e, Address a, ClientLimits l);

  /// A kept connection that still looks good, the one in use last.
  std::optional<NetStream> take_idle();
  void keep(NetStream stream);
  static void sweep(const std::shared_ptr<State>& self);
  bool is_full() const { return calls.size() + sockets.size() >= limits.exchanges; }

  struct Idle {
    NetStream stream;
    SteadyTime since;
  };

  asio::any_io_executor executor;
  ClientLimits limits;
  Connector connector;
  std::set<Call*> calls;
  std::set<UpstreamSocket*> sockets;
  std::deque<Idle> idle;
  asio::steady_timer sweeping;
  bool stopping = false;
  TaskGroup tasks;  ///< what sends request bodies, and what keeps WebSockets going
};

class Client::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<State> state, bool head_request, bool upgrade);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// On a kept connection (true) or a new one.
  static Awaitable<Result<bool>> connect(std::shared_ptr<Call> self, bool fresh);
  static Awaitable<Result<void>> write(std::shared_ptr<Call> self, std::string text);
  static Awaitable<void> send_body(std::shared_ptr<Call> self, exchange::Body body, bool chunked, bool expects);
  static Awaitable<Result<exchange::ResponseHead>> receive_head(std::shared_ptr<Call> self);
  static Awaitable<Result<Bytes>> read_body(std::shared_ptr<Call> self, std::size_t limit);

  void wait_for_head() { due_in(read_due_, state_->limits.head_wait); }
  void abort();
  /// Ends the exchange, with what is still being sent of it.
  void end();
  /// After the whole response: keeps the connection where both ends can use it again.
  void settle();
  void begins_body() { sent_ = false; }
  void sends_in(TaskGroup::TaskId task) { sending_ = task; }
  const ResponseReader& reader() const { return reader_; }
  /// Nothing of an answer has arrived.
  bool untouched() const { return !heard_ && !timed_out_; }
  /// After a 101: what was received too far is put back.
  NetStream take_stream();

 private:
  static Awaitable<Result<bool>> receive(std::shared_ptr<Call> self);
  static Awaitable<bool> wait_to_continue(std::shared_ptr<Call> self);
  void due_in(asio::steady_timer& timer, std::chrono::milliseconds wait);

  std::shared_ptr<State> state_;
  std::optional<NetStream> stream_;
  asio::steady_timer read_due_, write_due_;
  ResponseReader reader_;
  std::string input_;    ///< received and not yet decoded
  std::string decoded_;  ///< body bytes; the first taken_ of them are handed out
  std::size_t taken_ = 0;
  std::string piece_;
  std::optional<TaskGroup::TaskId> sending_;
  Notifier continue_;   ///< 100, or a final answer
  bool sent_ = true;    ///< the request is sent, its body included
  bool heard_ = false;  ///< a byte has arrived
  bool ended_ = false;  ///< the server has ended its side in order
  bool head_ = false;
  bool timed_out_ = false;
};

class Client::CallBody final : public exchange::BodySource {
 public:
  explicit CallBody(std::shared_ptr<Call> call);
  ~CallBody() override;
  Awaitable<Result<Bytes>> read(std::size_t limit) override;
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::shared_ptr<Call> call_;
  std::optional<std::uint64_t> length_;
};

}  // namespace owndir::http
