#include "app/local_port.hpp"

namespace owndir::app {

std::vector<std::string> local_hosts(const std::string& address) {
  std::vector<std::string> hosts = {"127.0.0.1", "localhost", "[::1]"};
  const std::string own = address.find(':') == address.npos ? address : "[" + address + "]";
  if (own != "127.0.0.1" && own != "[::1]" && own != "0.0.0.0" && own != "[::]") hosts.push_back(own);
  return hosts;
}

std::string local_url(const std::string& address, std::uint16_t port) {
  std::string host = address.find(':') == address.npos ? address : "[" + address + "]";
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return "http://" + host + ":" + std::to_string(port);
}

Result<std::unique_ptr<http::Server>> listen_locally(asio::any_io_executor executor, const CommonOptions& options,
                                                     std::uint16_t usual, exchange::Handler& handler) {
  http::ServerOptions server;
  server.address = options.bind;
  server.port = options.port_given ? options.port : usual;
  auto listening = http::Server::listen(executor, server, handler);
  if (!listening && !options.port_given && listening.error().code == std::errc::address_in_use) {
    server.port = 0;
    listening = http::Server::listen(executor, server, handler);
  }
  if (!listening && listening.error().code == std::errc::address_in_use)
    return fail(listening.error().code, "port " + std::to_string(server.port) +
                                            " is taken by another program; give another --port, or 0 for any free one");
  return listening;
}

}  // namespace owndir::app
