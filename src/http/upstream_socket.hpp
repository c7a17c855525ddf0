#pragma once
// The client's end of a WebSocket: the rules of its handshake, and its life as a task of the Client's, so that whoever
// holds it may drop it at any time. Internal to the client; network thread only.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange/web_socket.hpp"
#include "http/socket_carrier.hpp"

namespace owndir::http {

/// A fresh Sec-WebSocket-Key.
std::string make_socket_key();

/// What is wrong with a 101 (RFC 6455 section 4.1), nothing when it opens a WebSocket.
std::optional<std::string> socket_answer_fault(const exchange::ResponseHead& answer, std::string_view key,
                                               const std::vector<std::string>& offered);

class UpstreamSocket {
 public:
  /// After a good 101.
  UpstreamSocket(const asio::any_io_executor& executor, NetStream stream, const SocketLimits& limits);

  /// Keeps it going in `tasks`, and in `open` while it goes; the handle ends it when it is destroyed.
  static Result<std::unique_ptr<exchange::WebSocket>> hand_out(std::shared_ptr<UpstreamSocket> self, TaskGroup& tasks,
                                                               std::set<UpstreamSocket*>& open);

 private:
  class Handle;
  static Awaitable<void> run(std::shared_ptr<UpstreamSocket> self, std::set<UpstreamSocket*>& open);

  SocketCarrier carrier_;
  Notifier dropped_;
  bool is_dropped_ = false;
};

}  // namespace owndir::http
