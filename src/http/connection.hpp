#pragma once
// One accepted connection: reads requests, lets the handler answer one at a time in their order, writes the responses.
// Three coroutines run side by side until the first ends, which ends the others: `serve` (requests and responses),
// `pump` (fills the bounded input, notices that the client is gone) and `watch` (the deadlines). What becomes a
// WebSocket goes on in web_socket.hpp. Shared, because a
// request body may be held by a task of the handler's after the connection's own have ended; it then reads `closed`.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "http/request_reader.hpp"
#include "http/response_plan.hpp"
#include "http/server.hpp"

namespace owndir::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, const ServerLimits& limits, exchange::Handler& handler);

  /// The life of the connection. Never throws; the socket is closed when it ends.
  static Awaitable<void> run(std::shared_ptr<Connection> self);

  /// Answers a connection that is one too many, without waiting, and closes it.
  static void turn_away(asio::ip::tcp::socket socket);

 private:
  class RequestBody;

  Awaitable<void> serve();
  Awaitable<void> pump();
  Awaitable<void> watch();

  Awaitable<bool> serve_one();
  Awaitable<std::optional<IncomingHead>> receive_head();
  Awaitable<exchange::SocketAnswer> ask_handler(exchange::Request request, bool for_socket);
  Awaitable<exchange::SocketAnswer> answer(exchange::Request request, IncomingHead& in);
  Awaitable<bool> respond(exchange::Response response, const IncomingHead& in, bool keep_alive);
  Awaitable<bool> send_body(exchange::Body body, const ResponsePlan& plan);
  Awaitable<bool> send_run(std::string_view head, exchange::FileRun run);
  static bool cut_short(const Error& error);
  static SteadyTime after(std::chrono::milliseconds wait) { return std::chrono::steady_clock::now() + wait; }
  Awaitable<bool> send(std::string_view head, ByteView piece, std::string_view tail);
  Awaitable<void> refuse(Refusal refusal);
  Awaitable<void> linger();
  Awaitable<Result<Bytes>> read_body(std::size_t limit);
  bool settle_request_body();

  void compact_input();
  std::string_view input() const { return std::string_view(input_).substr(taken_); }
  void take_input(std::string_view rest);
  void due_at(SteadyTime& deadline, SteadyTime when);
  void try_send_now(std::string_view text);
  void abort();
  void finish();

  /// A WebSocket that the handler has accepted; the connection goes on as one when `serve` has ended.
  struct Upgrade {
    std::string key;
    exchange::SocketAccept accept;
  };

  asio::ip::tcp::socket socket_;
  const ServerLimits& limits_;
  exchange::Handler& handler_;
  RequestReader reader_;

  std::string input_;  ///< received bytes; the first taken_ of them are used up
  std::size_t taken_ = 0;
  std::string decoded_;  ///< body bytes decoded and not yet handed out
  Notifier arrived_;     ///< input, or its end
  Notifier room_;        ///< input was taken

  asio::steady_timer timer_;
  SteadyTime read_due_ = SteadyTime::max();
  SteadyTime write_due_ = SteadyTime::max();

  bool eof_ = false;      ///< nothing more will arrive
  bool in_head_ = false;  ///< part of a head has arrived
  bool timed_out_ = false;
  bool responding_ = false;      ///< part of a response is sent, the rest is not
  bool response_begun_ = false;  ///< of the current request
  bool continue_wanted_ = false;
  bool body_held_ = false;  ///< a RequestBody of the current request exists
  bool closed_ = false;
  std::optional<Upgrade> upgrade_;
};

}  // namespace owndir::http
