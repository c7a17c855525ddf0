#include "app/local_port.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>

#include "app/login_link.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/rooted_path.hpp"

namespace owndir::app {
namespace {

constexpr std::string_view kSessionFile = "session";
constexpr std::size_t kSessionBytes = 32;
constexpr auto kSessionLife = std::chrono::hours(24 * 30);

/// As in a URL.
std::string bracketed(const std::string& address) {
  return address.find(':') == address.npos ? address : "[" + address + "]";
}

/// The addresses of this machine's interfaces that are up, numeric, without those of one link only (they need a zone).
std::vector<std::string> interface_hosts() {
  std::vector<std::string> hosts;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return hosts;
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      ::inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto* in6 = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      if (!IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) ::inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
    }
    if (text[0] != '\0') hosts.push_back(bracketed(text));
  }
  ::freeifaddrs(all);
  return hosts;
}

bool is_session(const std::string& text) {
  return text.size() == 2 * kSessionBytes && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Result<std::unique_ptr<http::Server>> listen_locally(asio::any_io_executor executor, const CommonOptions& options,
                                                     std::uint16_t usual, exchange::Handler& handler,
                                                     Guarding guarding) {
  http::ServerOptions server;
  server.limits.as_browsers = guarding != Guarding::folder;
  server.address = options.bind;
  server.port = options.port_given ? options.port : usual;
  auto listening = http::Server::listen(executor, server, handler);
  if (!listening && !options.port_given && listening.error().code == std::errc::address_in_use) {
    server.port = 0;
    listening = http::Server::listen(executor, server, handler);
    if (listening)
      log("app").warn("port {} is taken by another program; using {} instead", usual, (*listening)->port());
  }
  if (!listening && listening.error().code == std::errc::address_in_use)
    return fail(listening.error().code, "port " + std::to_string(server.port) +
                                            " is taken by another program; give another --port, or 0 for any free one");
  return listening;
}

Result<std::unique_ptr<gateway::LocalGuard>> make_guard(const CommonOptions& options, Guarding guarding,
                                                        const std::string& state_directory,
                                                        exchange::Handler& handler) {
  auto session = kept_session(state_directory);
  if (!session) return fail(std::move(session.error()));
  gateway::GuardOptions guard_options;
  guard_options.hosts = local_hosts(options.bind);
  guard_options.is_open_to_network = is_open_to_network(options.bind);
  guard_options.apps = guarding == Guarding::apps;
  guard_options.session = std::move(*session);
  guard_options.takes_key = [state_directory](std::string_view key) { return take_key(state_directory, key); };
  return gateway::LocalGuard::create(handler, std::move(guard_options));
}

}  // namespace

std::vector<std::string> local_hosts(const std::string& address) {
  std::vector<std::string> hosts = {"127.0.0.1", "localhost", "[::1]"};
  std::vector<std::string> own = {bracketed(address)};
  if (own.front() == "0.0.0.0" || own.front() == "[::]") own = interface_hosts();
  for (std::string& host : own)
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(std::move(host));
  return hosts;
}

bool is_open_to_network(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  return error || !parsed.is_loopback();
}

Result<std::string> kept_session(const std::string& state_directory) {
  const auto folder = RootedFolder::open(state_directory);
  if (!folder) return fail(folder.error());
  const auto path = RootedPath::parse(kSessionFile);
  if (const auto facts = folder->stat(*path)) {
    const auto changed = std::chrono::system_clock::from_time_t(facts->st_mtime);
    const auto age = std::chrono::system_clock::now() - changed;
    auto kept = read_file(*folder, *path, 2 * kSessionBytes);
    if (kept && is_session(*kept) && age >= std::chrono::hours(-1) && age < kSessionLife) return kept;
  }
  std::string fresh = system_random().hex(kSessionBytes);
  auto written = write_file_atomically(*folder, kSessionFile, fresh, 0600);
  if (!written) return fail(std::move(written.error()));
  return fresh;
}

std::string local_url(const std::string& address, std::uint16_t port) {
  std::string host = bracketed(address);
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return "http://" + host + ":" + std::to_string(port);
}

Result<LocalPort> open_local_port(asio::any_io_executor executor, const CommonOptions& options, std::uint16_t usual,
                                  const std::string& state_directory, exchange::Handler& handler, Guarding guarding) {
  LocalPort port;
  if (guarding != Guarding::nothing) {
    auto guard = make_guard(options, guarding, state_directory, handler);
    if (!guard) return fail(std::move(guard.error()));
    port.guard = std::move(*guard);
  }
  exchange::Handler& first = port.guard ? *port.guard : handler;
  auto server = listen_locally(executor, options, usual, first, guarding);
  if (!server) return fail(std::move(server.error()));
  port.server = std::move(*server);
  if (!port.guard) return port;
  port.guard->set_port(port.server->port());
  const auto left = leave_address(state_directory, local_url(options.bind, port.server->port()));
  if (!left) return fail(left.error());
  return port;
}

}  // namespace owndir::app
