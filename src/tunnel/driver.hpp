#pragma once
// What a Connection is behind its interface: the machine's hands. It owns the machine, the senders of the channels, the
// bodies on their way and the coroutines that answer requests. Kept alive by its own coroutines until the connection is
// over. Network thread only. driver.cpp carries out the machine's actions, driver_exchange.cpp runs exchanges,
// driver_socket.cpp WebSockets.

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "tunnel/channel_sender.hpp"
#include "tunnel/connection.hpp"
#include "tunnel/incoming.hpp"
#include "tunnel/machine.hpp"

namespace owndir::tunnel {

class Driver final : public IncomingOwner, public std::enable_shared_from_this<Driver> {
 public:
  Driver(asio::any_io_executor executor, std::vector<std::shared_ptr<exchange::MessageChannel>> channels,
         ConnectionOptions options);

  void start();
  Awaitable<Result<void>> ready();
  Awaitable<Result<exchange::Response>> handle(exchange::Request request);
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request);
  Awaitable<void> shut_down(std::chrono::milliseconds grace);
  void close(Code code, Error why);
  Awaitable<Error> closed();
  bool is_closed() const { return closed_.has_value(); }
  ConnectionStats stats() const;

  void consumed(ExchangeId id, std::size_t bytes) override;
  void abandoned(ExchangeId id) override;

 private:
  /// What has come in on a WebSocket. Bounded by the credit that was given.
  struct Inbox {
    explicit Inbox(const asio::any_io_executor& executor) : changed(executor) {}
    std::deque<Bytes> pieces;           ///< socket_message frames
    std::optional<SocketClose> closed;  ///< by the other end
    std::optional<Error> error;         ///< the end, when it was not closed
    bool over = false;
    Notifier changed;
    std::function<void()> on_closed;  ///< the other end has, and waits for an answer
    std::function<void()> on_over;
  };
  /// One exchange as the driver sees it.
  struct Carried {
    Carried(const asio::any_io_executor& executor, ExchangeId id)
        : incoming(std::make_shared<IncomingQueue>(executor)),
          outgoing(std::make_shared<Outgoing>(executor, id)),
          answered(executor) {}
    std::shared_ptr<IncomingQueue> incoming;
    std::shared_ptr<Outgoing> outgoing;
    std::size_t channel = 0;
    std::optional<TaskGroup::TaskId> task;  ///< server: answers it; client: sends its request body
    Notifier answered;                      ///< client: `answer` is there
    std::optional<Result<Answered>> answer;
    bool refused = false;
    std::shared_ptr<Inbox> inbox;  ///< of an open WebSocket
  };
  /// An exchange whose task is about to start.
  struct Starting {
    std::shared_ptr<Carried> carried;
    exchange::Request request;
    bool socket = false;
  };
  /// A call of `handle` that waits for room.
  struct Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : room(executor) {}
    Notifier room;
  };
  /// Counts a coroutine that holds the driver, for `closed`.
  class Running {
   public:
    explicit Running(Driver& driver) : driver_(driver) { ++driver_.running_; }
    ~Running() {
      if (--driver_.running_ == 0) driver_.changed_.notify();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Driver& driver_;
  };
  class Place;
  class Unfinished;
  class Socket;

  // driver.cpp
  void act();
  void apply(SendFrame& action);
  void apply(Ready& action);
  void apply(Draining& action);
  void apply(Opened& action);
  void apply(Answered& action);
  void apply(Received& action);
  void apply(MessagePiece& action);
  void apply(SocketClosed& action);
  void apply(Writable& action);
  void apply(Finished& action);
  void apply(Broken& action);
  void apply(Closed& action);
  void forget(ExchangeId id, const Error& error, bool cancel_task);
  void admit_waiters();
  void write_piece(Outgoing& outgoing);
  SteadyTime now() const { return clock_.steady(); }
  Awaitable<void> keep_time(std::shared_ptr<Driver> self);
  void message_came(std::size_t channel, Bytes message);
  void channel_changed(std::size_t channel);

  // driver_exchange.cpp
  void give_up(ExchangeId id, Code code, std::string_view text);
  bool others_came(const Outgoing& outgoing) const;
  void invite(std::size_t channel);
  exchange::Response unanswered(const Error& error);
  Awaitable<Result<void>> wait_for_room();
  Awaitable<Result<std::shared_ptr<Carried>>> ask(exchange::Request request, bool socket);
  Awaitable<Result<std::shared_ptr<Carried>>> try_once(exchange::Request& request, bool socket, bool& refused);
  exchange::Response take_response(const std::shared_ptr<Carried>& carried);
  Awaitable<void> send_request_body(std::shared_ptr<Driver> self, std::shared_ptr<Carried> carried,
                                    exchange::Body body);
  Awaitable<void> serve(std::shared_ptr<Driver> self, std::shared_ptr<Carried> carried, exchange::Request request);
  Awaitable<void> send_response(std::shared_ptr<Carried> carried, std::string method,
                                Result<exchange::Response> answer);
  bool send_head(const Carried& carried, const std::string& method, exchange::Response& response);
  Awaitable<void> send_body(std::shared_ptr<Carried> carried, exchange::Body body);

  // driver_socket.cpp
  Awaitable<void> serve_socket(std::shared_ptr<Driver> self, std::shared_ptr<Carried> carried,
                               exchange::Request request);
  Awaitable<void> run_session(std::shared_ptr<Carried> carried, exchange::SocketAccept accept);
  bool accept_socket(const Carried& carried, const exchange::SocketAccept& accept);
  void close_sockets();
  static void end_inbox(Inbox& inbox, const Error& error);

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<exchange::MessageChannel>> channels_;
  ConnectionOptions options_;
  const Clock& clock_;
  Machine machine_;
  std::vector<ChannelSender> senders_;
  TaskGroup tasks_;
  Notifier changed_;  ///< ready, closed, an exchange over, a channel drained, a task ended
  std::unordered_map<ExchangeId, std::shared_ptr<Carried>> carried_;
  ExchangeId newest_ = 0;
  SteadyTime newest_at_;
  std::deque<Waiter*> waiters_;
  std::vector<Action> batch_;
  std::deque<Starting> starting_;
  Bytes scratch_;
  bool acting_ = false;
  bool draining_channels_ = false;
  std::size_t running_ = 0;
  std::optional<Error> closed_;
  std::uint64_t body_bytes_sent_ = 0;
  std::uint64_t body_bytes_received_ = 0;
};

}  // namespace owndir::tunnel
