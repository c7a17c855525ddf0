#pragma once
// A listening TCP socket of this machine (RFC 9293). Plain function; the acceptor belongs to the caller and is used on
// the executor's thread.

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "base/async.hpp"

namespace owndir::http {

/// `address` is numeric; port 0: any free one. Errors: errno's of bind and listen, with address and port in the
/// context; Errc::malformed for an address.
Result<asio::ip::tcp::acceptor> listen_at(const asio::any_io_executor& executor, const std::string& address,
                                          std::uint16_t port);

}  // namespace owndir::http
