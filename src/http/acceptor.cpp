#include "http/acceptor.hpp"

namespace owndir::http {

using asio::ip::tcp;

Result<tcp::acceptor> listen_at(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  const auto numeric = asio::ip::make_address(address, error);
  if (error) return fail(Errc::malformed, "\"" + address + "\" is not a numeric address");
  const tcp::endpoint endpoint(numeric, port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(std::error_code(error.value(), std::generic_category()),
                "listening on " + address + " port " + std::to_string(port));
  return acceptor;
}

}  // namespace owndir::http
