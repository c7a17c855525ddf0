#pragma once
// A WebSocket (RFC 6455) on an accepted connection, by Boost.Beast, for a session of the handler's. Pings are answered
// and sent here; permessage-deflate is off. Network thread only.

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "exchange/web_socket.hpp"
#include "http/server.hpp"

namespace owndir::http {

/// Answers the request with this key by 101 and runs the session to its end. Nothing may have been received after the
/// request's head. Returns when the connection is closed; cancelled: closes with 1001 first. `limits` must outlive it.
Awaitable<void> run_web_socket(asio::ip::tcp::socket socket, const ServerLimits& limits, std::string key,
                               exchange::SocketAccept accept);

}  // namespace owndir::http
