// Files of the folder over plain HTTP, with the localhost rules in front, against nginx with one worker: both serve the
// same folder to the same clients in turns. JSON lines; a ratio above 1 is in our favour.
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gateway/gateway.hpp"
#include "gateway/local_guard.hpp"
#include "http/server.hpp"
#include "wanted.hpp"

namespace {

using namespace owndir;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kClients = 8;
constexpr int kRounds = 5;
constexpr auto kRound = std::chrono::milliseconds(700);

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// One GET on a kept connection; the bytes of the body, 0 when something went wrong.
std::size_t get(int fd, const std::string& request) {
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return 0;
  std::array<char, 65536> buffer;
  std::string head;
  std::size_t length = 0;
  std::size_t have = 0;
  while (length == 0 || have < length) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return 0;
    if (length > 0) {
      have += static_cast<std::size_t>(got);
      continue;
    }
    head.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t end = head.find("\r\n\r\n");
    if (end == head.npos) continue;
    const std::size_t field = head.find("Content-Length: ");
    if (!head.starts_with("HTTP/1.1 200") || field > end) return 0;
    length = std::strtoull(head.c_str() + field + 16, nullptr, 10);
    have = head.size() - end - 4;
  }
  return length;
}

/// Requests a second over all clients.
double measure(std::uint16_t port, const std::string& file) {
  const std::string request = fmt::format("GET /{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", file, port);
  std::atomic<int> done{0};
  std::atomic<bool> failed{false};
  const auto end = Clock::now() + kRound;
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      const int fd = connect_to(port);
      for (; fd >= 0 && !failed && Clock::now() < end; ++done)
        if (get(fd, request) == 0) failed = true;
      if (fd < 0) failed = true;
      ::close(fd);
    });
  }
  for (std::thread& client : clients) client.join();
  return failed ? 0 : done / std::chrono::duration<double>(kRound).count();
}

[[noreturn]] void serve(const fs::path& folder, std::uint16_t port) {
  asio::io_context io;
  asio::thread_pool files(2);
  const auto gateway = gateway::make_gateway(std::move(*RootedFolder::open(folder.string())), files, {});
  gateway::GuardOptions rules;
  rules.hosts = {"127.0.0.1"};
  const auto guard = gateway::LocalGuard::create(*gateway, rules);
  guard->set_port(port);
  http::ServerOptions options;
  options.port = port;
  const auto server = http::Server::listen(io.get_executor(), options, *guard);
  if (server) io.run();
  ::_exit(1);
}

[[noreturn]] void run_nginx(const fs::path& work, const fs::path& folder, std::uint16_t port) {
  const fs::path config = work / "nginx.conf";
  std::ofstream(config) << fmt::format(
      "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;\n{3}"
      "events {{ worker_connections 256; }}\n"
      "http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/plain;\n"
      "  client_body_temp_path {0}/t; proxy_temp_path {0}/t; fastcgi_temp_path {0}/t; uwsgi_temp_path {0}/t; "
      "scgi_temp_path {0}/t;\n"
      "  server {{ listen 127.0.0.1:{2}; root {1}; }} }}\n",
      work.string(), folder.string(), port, ::geteuid() == 0 ? "user root;\n" : "");
  ::execlp("nginx", "nginx", "-c", config.c_str(), "-e", (work / "error.log").c_str(), nullptr);
  ::execl("/usr/sbin/nginx", "nginx", "-c", config.c_str(), "-e", (work / "error.log").c_str(), nullptr);
  ::_exit(127);
}

bool wait_for(std::uint16_t port, pid_t process) {
  for (const auto end = Clock::now() + std::chrono::seconds(10); Clock::now() < end;) {
    if (const int fd = connect_to(port); fd >= 0) return ::close(fd) == 0;
    if (::waitpid(process, nullptr, WNOHANG) == process) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Wanted wanted(argc, argv);
  std::vector<std::pair<std::string, std::string>> chosen;
  for (const auto& [file, figure] :
       {std::pair("small.txt", "http.static.4KiB"), std::pair("large.txt", "http.static.8MiB")}) {
    if (wanted(figure)) chosen.emplace_back(file, figure);
  }
  if (chosen.empty()) return 0;
  std::string name = (fs::temp_directory_path() / "owndir-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  const fs::path work = name;
  const fs::path folder = work / "folder";
  fs::create_directory(folder);
  std::ofstream(folder / "small.txt") << std::string(4096, 'x');
  std::ofstream(folder / "large.txt") << std::string(std::size_t{8} << 20, 'x');

  const std::uint16_t our_port = free_port();
  const pid_t ours = ::fork();
  if (ours == 0) serve(folder, our_port);
  const std::uint16_t their_port = free_port();
  const pid_t theirs = ::fork();
  if (theirs == 0) run_nginx(work, folder, their_port);

  int status = 0;
  if (!wait_for(our_port, ours)) {
    fmt::print(stderr, "our server did not start\n");
    status = 1;
  } else if (!wait_for(their_port, theirs)) {
    fmt::print("{{\"name\":\"http.static\",\"skipped\":\"nginx does not start; is it installed?\"}}\n");
  } else {
    for (const auto& [file, figure] : chosen) {
      std::vector<double> our_rates;
      std::vector<double> their_rates;
      for (int round = 0; round < kRounds; ++round) {
        our_rates.push_back(measure(our_port, file));
        their_rates.push_back(measure(their_port, file));
      }
      const double a = median(our_rates);
      const double b = median(their_rates);
      if (a == 0 || b == 0) status = 1;
      fmt::print("{{\"name\":\"{}\",\"ratio\":{:.2f},\"ours_per_s\":{:.0f},\"nginx_per_s\":{:.0f}}}\n", figure,
                 b > 0 ? a / b : 0, a, b);
    }
  }
  for (const pid_t process : {ours, theirs}) {
    ::kill(process, SIGTERM);
    ::waitpid(process, nullptr, 0);
  }
  fs::remove_all(work);
  return status;
}
