// The folder over fsNode's wire, on a socketpair as the module host has it, against the bare work: a walk with readdir
// and stat, a copy as cat does it, and (reading) our own HTTP server with the same file. JSON lines; a ratio is the
// other's time by ours: above 1 is in our favour. All rounds take turns; times are medians.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "fsnode/session.hpp"
#include "fsnode/stream_socket.hpp"
#include "gateway/gateway.hpp"
#include "http/server.hpp"
#include "wanted.hpp"

namespace {

using namespace owndir;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::uint64_t kSize = std::uint64_t{1} << 30;
constexpr int kEntries = 10'000;
constexpr int kRounds = 3;       ///< of a gibibyte
constexpr int kListRounds = 30;  ///< of a listing, which is short
constexpr std::size_t kPiece = 65536;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "bench_fsnode: {}\n", what);
  std::exit(1);
}
void require(bool condition, const char* what) {
  if (!condition) give_up(what);
}

void read_fully(int fd, void* out, std::size_t size) {
  for (char* at = static_cast<char*>(out); size > 0;) {
    const ssize_t got = ::read(fd, at, size);
    require(got > 0, "the other end is gone");
    at += got;
    size -= static_cast<std::size_t>(got);
  }
}
void write_fully(int fd, const void* data, std::size_t size) {
  for (const char* at = static_cast<const char*>(data); size > 0;) {
    const ssize_t put = ::write(fd, at, size);
    require(put > 0, "the other end is gone");
    at += put;
    size -= static_cast<std::size_t>(put);
  }
}

/// The client's end of the socketpair; blocking.
class Client {
 public:
  explicit Client(int fd) : fd_(fd) {}

  struct Message {
    bool text = false;
    std::string data;
  };
  Message& next() {
    std::array<unsigned char, 5> header;
    read_fully(fd_, header.data(), header.size());
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | header[i];
    message_.text = header[4] == 0;
    message_.data.resize(size);
    read_fully(fd_, message_.data.data(), size);
    return message_;
  }
  void send(bool text, std::string_view data) {
    std::string framed;
    framed.reserve(data.size() + 5);
    for (int shift = 0; shift < 32; shift += 8) framed += static_cast<char>(data.size() >> shift);
    framed += text ? '\0' : '\1';
    framed += data;
    write_fully(fd_, framed.data(), framed.size());
  }
  void send(const Json& json) { send(true, json.dump()); }

 private:
  int fd_;
  Message message_;
};

/// The server: engine and session, and HTTP for comparison, on a network thread of their own.
class Server {
 public:
  explicit Server(const fs::path& folder)
      : engine_(std::move(*RootedFolder::open(folder.string())), files_),
        gateway_(gateway::make_gateway(std::move(*RootedFolder::open(folder.string())), files_, {})) {
    std::array<int, 2> ends{};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "no socketpair");
    client_ = FileDescriptor(ends[1]);
    socket_ = fsnode::make_stream_socket(io_.get_executor(), FileDescriptor(ends[0]));
    session_ = fsnode::make_session(engine_);
    tasks_.spawn("session", session_->run(*socket_));
    auto http = http::Server::listen(io_.get_executor(), {}, *gateway_);
    require(http.has_value(), "no port to listen on");
    http_ = std::move(*http);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Server() {
    client_.reset();
    io_.stop();
    thread_.join();
    files_.join();
  }
  int client() const { return client_.get(); }
  std::uint16_t port() const { return http_->port(); }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::thread_pool files_{2};
  fsnode::Engine engine_;
  std::unique_ptr<exchange::Handler> gateway_;
  std::unique_ptr<exchange::WebSocket> socket_;
  std::unique_ptr<exchange::SocketSession> session_;
  std::unique_ptr<http::Server> http_;
  TaskGroup tasks_{io_.get_executor()};
  FileDescriptor client_;
  std::thread thread_;
};

double seconds(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Medians of some ways to do the same, in turns, after one round that does not count.
std::vector<double> medians(int rounds, const std::vector<std::function<void()>>& ways) {
  std::vector<std::vector<double>> times(ways.size());
  for (int round = 0; round <= rounds; ++round) {
    for (std::size_t way = 0; way < ways.size(); ++way) {
      const double time = seconds(ways[way]);
      if (round > 0) times[way].push_back(time);
    }
  }
  std::vector<double> middle;
  for (std::vector<double>& list : times) {
    std::sort(list.begin(), list.end());
    middle.push_back(list[list.size() / 2]);
  }
  return middle;
}

void list_bare(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const directory = ::fdopendir(fd);
  int count = 0;
  while (const dirent* entry = ::readdir(directory)) {
    struct stat state{};
    if (::fstatat(fd, entry->d_name, &state, AT_SYMLINK_NOFOLLOW) == 0) ++count;
  }
  ::closedir(directory);
  require(count == kEntries + 2, "the walk found other entries");
}

void list_fsnode(Client& client) {
  client.send({{"id", 1}, {"op", "children"}, {"path", "many"}, {"info", true}});
  for (;;) {
    const Client::Message& message = client.next();
    if (!message.data.starts_with(R"({"id":1,"ok":)")) {
      require(message.data.starts_with(R"({"id":1,"part":)"), "children failed");
      continue;
    }
    require(Json::parse(message.data).at("ok") == kEntries, "children told of other entries");
    return;
  }
}

/// As `cat FILE` into a socket that somebody reads.
void read_bare(const fs::path& file) {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "no socketpair");
  std::thread cat([&] {
    const FileDescriptor from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::vector<char> buffer(2 * kPiece);
    for (ssize_t got = 0; (got = ::read(from.get(), buffer.data(), buffer.size())) > 0;)
      write_fully(ends[0], buffer.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
  });
  std::vector<char> buffer(2 * kPiece);
  std::uint64_t size = 0;
  for (ssize_t got = 0; (got = ::read(ends[1], buffer.data(), buffer.size())) > 0;)
    size += static_cast<std::uint64_t>(got);
  cat.join();
  ::close(ends[1]);
  require(size == kSize, "cat read another size");
}

void read_http(std::uint16_t port) {
  const FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "no connection");
  const std::string request =
      fmt::format("GET /large HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", port);
  write_fully(fd.get(), request.data(), request.size());
  std::vector<char> buffer(2 * kPiece);
  std::uint64_t size = 0;
  for (ssize_t got = 0; (got = ::read(fd.get(), buffer.data(), buffer.size())) > 0;)
    size += static_cast<std::uint64_t>(got);
  require(size > kSize, "HTTP answered with another size");
}

void read_fsnode(Client& client) {
  client.send({{"id", 1}, {"op", "read"}, {"path", "large"}});
  std::uint64_t size = 0, credit = 0;
  for (;;) {
    const Client::Message& message = client.next();
    if (message.text) {
      if (message.data.starts_with(R"({"id":1,"head")")) continue;
      require(message.data.starts_with(R"({"id":1,"ok")") && size == kSize, "read failed");
      return;
    }
    size += message.data.size() - 4;
    credit += message.data.size() - 4;
    if (credit >= 4 * kPiece) client.send({{"id", 1}, {"credit", std::exchange(credit, 0)}});
  }
}

/// As `cat >FILE` from a socket that somebody feeds, as durable and as atomic as ours.
void write_bare(const fs::path& file) {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "no socketpair");
  std::thread feeder([fd = ends[0]] {
    const std::string data(kPiece, 'w');
    for (std::uint64_t size = 0; size < kSize; size += data.size()) write_fully(fd, data.data(), data.size());
    ::close(fd);
  });
  const fs::path temporary = file.string() + ".bare";
  const FileDescriptor to(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  std::vector<char> buffer(2 * kPiece);
  std::uint64_t size = 0;
  for (ssize_t got = 0; (got = ::read(ends[1], buffer.data(), buffer.size())) > 0;) {
    write_fully(to.get(), buffer.data(), static_cast<std::size_t>(got));
    size += static_cast<std::uint64_t>(got);
  }
  feeder.join();
  ::close(ends[1]);
  const FileDescriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  require(size == kSize && ::fsync(to.get()) == 0 && ::rename(temporary.c_str(), file.c_str()) == 0 &&
              ::fsync(folder.get()) == 0,
          "the copy failed");
}

void write_fsnode(Client& client) {
  client.send({{"id", 1}, {"op", "write"}, {"path", "written"}, {"size", kSize}});
  std::string message("\0\0\0\1", 4);
  message.append(kPiece, 'w');
  std::uint64_t credit = 0;
  const auto take = [&] {
    const Json told = Json::parse(client.next().data);
    if (told.contains("error")) give_up(told.dump());
    credit += told.value("credit", std::uint64_t{0});
    return told.contains("ok");
  };
  for (std::uint64_t size = 0; size < kSize; size += kPiece) {
    while (credit < kPiece) take();
    client.send(false, message);
    credit -= kPiece;
  }
  client.send({{"id", 1}, {"end", true}});
  while (!take()) {
  }
}

void print(const char* name, const char* against, double ours, double theirs, double amount, const char* unit) {
  fmt::print("{{\"name\":\"{}\",\"against\":\"{}\",\"ratio\":{:.3f},\"ours_{}\":{:.0f},\"theirs_{}\":{:.0f}}}\n", name,
             against, theirs / ours, unit, amount / ours, unit, amount / theirs);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Wanted wanted(argc, argv);
  if (!wanted("fsnode.list") && !wanted("fsnode.read") && !wanted("fsnode.write")) return 0;
  std::string work = (fs::temp_directory_path() / "owndir-bench-XXXXXX").string();
  require(::mkdtemp(work.data()) != nullptr, "no temporary folder");
  {
    Server server(work);
    Client client(server.client());
    require(client.next().data.starts_with(R"({"hello":1)"), "no hello");
    constexpr double kMebibytes = static_cast<double>(kSize) / (1 << 20);
    if (wanted("fsnode.list")) {
      fs::create_directory(work + "/many");
      for (int i = 0; i < kEntries; ++i) std::ofstream(work + "/many/entry " + std::to_string(i) + ".txt") << "x";
      const auto times = medians(kListRounds, {[&] { list_bare(work + "/many"); }, [&] { list_fsnode(client); }});
      print("fsnode.list", "readdir and stat", times[1], times[0], kEntries, "entries_s");
    }
    if (wanted("fsnode.read")) {
      std::ofstream file(work + "/large", std::ios::binary);
      const std::string data(1 << 20, 'r');
      for (std::uint64_t size = 0; size < kSize; size += data.size()) file << data;
      file.close();
      const auto times = medians(kRounds, {[&] { read_bare(work + "/large"); }, [&] { read_http(server.port()); },
                                           [&] { read_fsnode(client); }});
      print("fsnode.read", "cat", times[2], times[0], kMebibytes, "mib_s");
      print("fsnode.read", "plain HTTP", times[2], times[1], kMebibytes, "mib_s");
      fs::remove(work + "/large");
    }
    if (wanted("fsnode.write")) {
      const auto times = medians(kRounds, {[&] { write_bare(work + "/written"); }, [&] { write_fsnode(client); }});
      print("fsnode.write", "cat from a socket, fsync and rename", times[1], times[0], kMebibytes, "mib_s");
    }
  }
  fs::remove_all(work);
  return 0;
}
