#pragma once
// HTTP/1.1 requests to a server on a Unix stream socket, one connection an exchange, both bodies streamed and pulled.
// Network thread only. Beast does not leave this layer.

#include <chrono>
#include <memory>
#include <string>

#include "exchange/handler.hpp"
#include "http/request_reader.hpp"

namespace owndir::http {

struct ClientLimits {
  HeadLimits head;
  std::chrono::milliseconds head_wait{300'000};  ///< from the request to its response's head, unless a body is still
                                                 ///< being sent; beyond: Errc::timeout
  std::chrono::milliseconds body_wait{
      300'000};               ///< a body that brings nothing, or is not taken, for so long is cut off
  std::size_t piece = 65536;  ///< bytes read and sent at once
};

class UnixClient {
 public:
  UnixClient(asio::any_io_executor executor, std::string path, ClientLimits limits = {});
  ~UnixClient();
  UnixClient(const UnixClient&) = delete;
  UnixClient& operator=(const UnixClient&) = delete;

  /// Errors: errno's of connect, Errc::closed when the server ended the connection before a whole head,
  /// Errc::timeout, Errc::protocol. Destroying the response's body ends the exchange.
  Awaitable<Result<exchange::Response>> send(exchange::Request request);

  /// Ends what is still being sent, and waits for it. Bodies that are held elsewhere read Errc::closed from then on.
  Awaitable<void> stop();

 private:
  struct State;
  class Call;
  class CallBody;
  std::shared_ptr<State> state_;
};

}  // namespace owndir::http
