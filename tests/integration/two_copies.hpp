#pragma once
// Two copies of one folder in one process: a server on the home copy, clients on the other, real WebRTC on loopback
// between them, and a courier that carries handshake files across as a sync tool would (temporary name, rename;
// removals too). For the rules of the whole path; the proof with a real sync tool and a real browser is tests/e2e.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "app/peer_sessions.hpp"
#include "app/reporter.hpp"
#include "app/uplink.hpp"
#include "gateway/gateway.hpp"
#include "rendezvous/client.hpp"
#include "rendezvous/server.hpp"

namespace owndir::test {

namespace fs = std::filesystem;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "owndir-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline void write_file(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

/// Carries new and removed files of the handshake directory both ways, every few milliseconds, until cancelled.
class Courier {
 public:
  Courier(fs::path home, fs::path away) : home_(std::move(home)), away_(std::move(away)) {}
  Awaitable<void> run() {
    for (;;) {
      carry(home_, away_, from_home_, from_away_);
      carry(away_, home_, from_away_, from_home_);
      co_await sleep_for(std::chrono::milliseconds(5));
    }
  }

 private:
  static bool is_record(const std::string& name) {
    // What a test puts there as junk ("offer-000…") stays where it is.
    return name.ends_with(".json") && name.front() != '.' && !name.starts_with("offer-000");
  }
  static void carry(const fs::path& from, const fs::path& to, std::set<std::string>& carried,
                    const std::set<std::string>& came) {
    if (!fs::exists(from)) return;
    fs::create_directories(to);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string name = entry.path().filename().string();
      if (!is_record(name) || came.contains(name) || !carried.insert(name).second) continue;
      fs::copy_file(entry.path(), to / (".syncthing." + name + ".tmp"), fs::copy_options::overwrite_existing, ignored);
      fs::rename(to / (".syncthing." + name + ".tmp"), to / name, ignored);
    }
    for (const std::string& name : carried)
      if (!fs::exists(from / name)) fs::remove(to / name, ignored);
  }

  fs::path home_, away_;
  std::set<std::string> from_home_, from_away_;
};

/// The home side: what `owndir serve` wires together, without the localhost port.
class Home {
 public:
  Home(asio::io_context& context, asio::thread_pool& files, fs::path folder, fs::path state)
      : context_(context), files_(files), folder_(std::move(folder)), state_(std::move(state)) {}

  Awaitable<void> start(rendezvous::Limits limits = {}) {
    fs::create_directories(state_);
    engine_ = std::move(*rtc::Engine::create(context_.get_executor()));
    gateway_ = gateway::make_gateway(std::move(*RootedFolder::open(folder_.string())), files_, {});
    if (wrap) gateway_ = wrap(std::move(gateway_));
    app::PeerSessionsOptions sessions;
    sessions_ = std::make_unique<app::PeerSessions>(context_.get_executor(), *engine_, *gateway_, reporter_, sessions);
    rooted_ = std::move(*RootedFolder::open(folder_.string()));
    rendezvous::ServerOptions options;
    options.name = "home";
    options.state_directory = state_.string();
    options.limits = limits;
    auto server = co_await rendezvous::Server::start(*rooted_, files_, *sessions_, options);
    if (!server) throw std::runtime_error(server.error().to_string());
    server_ = std::move(*server);
    sessions_->set_rendezvous(server_.get());
  }
  /// Nothing when it is not running.
  Awaitable<void> stop() {
    if (!server_) co_return;
    co_await server_->stop();
    sessions_->set_rendezvous(nullptr);
    co_await sessions_->stop();
    server_.reset();
    sessions_.reset();
    gateway_.reset();
    engine_.reset();
  }
  /// Puts a handler of the test's around the gateway; before `start`.
  std::function<std::unique_ptr<exchange::Handler>(std::unique_ptr<exchange::Handler>)> wrap;
  app::PeerSessions& sessions() { return *sessions_; }
  rendezvous::Server& server() { return *server_; }

 private:
  asio::io_context& context_;
  asio::thread_pool& files_;
  fs::path folder_, state_;
  app::Reporter reporter_{true};
  std::optional<RootedFolder> rooted_;
  std::unique_ptr<rtc::Engine> engine_;
  std::unique_ptr<exchange::Handler> gateway_;
  std::unique_ptr<app::PeerSessions> sessions_;
  std::unique_ptr<rendezvous::Server> server_;
};

/// The other side: what `owndir connect` wires together, without its local port.
class Away {
 public:
  Away(asio::io_context& context, asio::thread_pool& files, fs::path folder, fs::path state)
      : context_(context),
        files_(files),
        folder_(std::move(folder)),
        state_(std::move(state)),
        tasks_(context.get_executor()) {}

  Awaitable<void> start() {
    fs::create_directories(state_);
    engine_ = std::move(*rtc::Engine::create(context_.get_executor()));
    rooted_ = std::move(*RootedFolder::open(folder_.string()));
    rendezvous::ClientOptions options;
    options.name = "laptop";
    options.state_directory = state_.string();
    auto client = co_await rendezvous::Client::start(*rooted_, files_, options);
    if (!client) throw std::runtime_error(client.error().to_string());
    client_ = std::move(*client);
    uplink_ = std::make_unique<app::Uplink>(context_.get_executor(), *engine_, *client_, reporter_, uplink_options);
    tasks_.spawn("uplink", uplink_->run());
  }
  /// GET through the tunnel; waits while it is not up.
  Awaitable<std::string> get(std::string target) {
    for (;;) {
      exchange::Request request;
      request.head.method = "GET";
      request.head.target = target;
      auto response = co_await uplink_->handle(std::move(request));
      if (response && response->head.status != 503) {
        auto body = co_await exchange::read_all(std::move(response->body), 64 << 20);
        co_return body ? std::to_string(response->head.status) + " " + *body : body.error().to_string();
      }
      co_await sleep_for(std::chrono::milliseconds(10));
    }
  }
  app::Uplink& uplink() { return *uplink_; }
  /// For `start`.
  app::UplinkOptions uplink_options;
  /// Once.
  Awaitable<void> stop() {
    if (!uplink_) co_return;
    co_await tasks_.stop();
    co_await uplink_->close();
    co_await client_->spent();
    co_await client_->stop();
    uplink_.reset();
    client_.reset();
    engine_.reset();
  }

 private:
  asio::io_context& context_;
  asio::thread_pool& files_;
  fs::path folder_, state_;
  app::Reporter reporter_{true};
  TaskGroup tasks_;
  std::optional<RootedFolder> rooted_;
  std::unique_ptr<rtc::Engine> engine_;
  std::unique_ptr<rendezvous::Client> client_;
  std::unique_ptr<app::Uplink> uplink_;
};

/// Runs a test's coroutine on a fresh loop; an exception that leaves it fails the test. A watchdog ends what hangs.
class Loop {
 public:
  void run(Awaitable<void> body) {
    asio::steady_timer watchdog(context, std::chrono::seconds(120));
    watchdog.async_wait([&](boost::system::error_code error) {
      if (error) return;
      ADD_FAILURE() << "still running after two minutes";
      context.stop();
    });
    asio::co_spawn(context, std::move(body), [&](const std::exception_ptr& failure) {
      watchdog.cancel();
      try {
        if (failure) std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
    context.run();
    files.join();
  }
  asio::io_context context{1};
  asio::thread_pool files{2};
};

}  // namespace owndir::test
