#pragma once
// Opens connections to one server that the owner has named: a Unix socket, or TCP to the addresses of one host, with or
// without TLS. A host is resolved at the first connection; its addresses are checked (no link-local, multicast,
// unspecified or broadcast one) and kept until none of them takes a connection any more. Network thread only.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/async.hpp"

namespace owndir::http {

class NetStream;

/// Where a server is.
struct Address {
  std::string path = {};  ///< of a Unix socket; the rest is for TCP
  std::string host = {};  ///< a name, or a numeric address without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::string trusted_pem = {};  ///< certificates that are trusted besides the system's
};

/// "HOST:PORT", brackets for IPv6; the path of a Unix socket.
std::string to_string(const Address& address);

class Connector {
 public:
  Connector(asio::any_io_executor executor, Address address);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// Errors: errno's of connect, Errc::timeout, Errc::not_found for a name without an address, Errc::forbidden for one
  /// whose addresses are all refused, Errc::foreign for a certificate that does not hold, Errc::protocol for other
  /// faults of TLS. The context says what was tried.
  Awaitable<Result<NetStream>> connect(std::chrono::milliseconds wait);

  const Address& address() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace owndir::http
