#include "app/connect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "app/local_port.hpp"
#include "app/reporter.hpp"
#include "app/tcp_forward.hpp"
#include "app/uplink.hpp"
#include "base/log.hpp"
#include "gateway/app_host.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::uint16_t kUsualPort = 8711;

constexpr std::size_t kInfoBytes = 64 * 1024;
constexpr std::size_t kMostApps = 64;

json status_json(const tunnel::ConnectionStats& stats) {
  return {{"open", stats.exchanges_active},
          {"opened", stats.exchanges_opened},
          {"received", stats.body_bytes_received},
          {"sent", stats.body_bytes_sent}};
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// One line: what is open, and what has passed since `before`, a second ago.
std::string status_text(const tunnel::ConnectionStats& stats, const tunnel::ConnectionStats& before) {
  return fmt::format(
      "connected · {} open · down {}/s, {} in all · up {}/s, {} in all", stats.exchanges_active,
      megabytes(stats.body_bytes_received - std::min(before.body_bytes_received, stats.body_bytes_received)),
      megabytes(stats.body_bytes_received),
      megabytes(stats.body_bytes_sent - std::min(before.body_bytes_sent, stats.body_bytes_sent)),
      megabytes(stats.body_bytes_sent));
}

/// Tells the other end which app a request is for, by the name under which it came. Behind the guard, which needs a
/// handler before the uplink can be made.
class Front final : public exchange::Handler {
 public:
  explicit Front(bool transparent) : transparent_(transparent) {}

  void set_next(exchange::Handler* next) { next_ = next; }
  void set_port(std::uint16_t port) { port_ = port; }

  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    if (next_ == nullptr) co_return exchange::text_response(503, "owndir: starting. Try again in a moment.\n");
    mark(request.head.fields);
    co_return co_await next_->handle(std::move(request));
  }
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override {
    if (!next_) co_return exchange::SocketAnswer(exchange::text_response(503, "owndir is starting.\n"));
    mark(request.head.fields);
    co_return co_await next_->open_socket(std::move(request));
  }

 private:
  void mark(exchange::Fields& fields) const {
    gateway::remove_owndir_fields(fields);
    const std::string host(fields.get("Host").value_or(""));
    if (auto app = gateway::app_of_host(host, port_)) fields.add(std::string(gateway::kAppField), std::move(*app));
    if (!transparent_) fields.add(std::string(gateway::kOriginField), "http://" + host);
  }

  const bool transparent_;
  std::uint16_t port_ = 0;
  exchange::Handler* next_ = nullptr;
};

class Connect {
 public:
  Connect(Runner& runner, const ConnectOptions& options)
      : runner_(runner),
        options_(options),
        reporter_(options.json),
        front_(options.transparent),
        tasks_(runner.context().get_executor()) {}

  Awaitable<int> run();

 private:
  Awaitable<Result<void>> start();
  Awaitable<Result<void>> start_client(const std::string& state);
  void say_hello();
  static Awaitable<void> watch(Connect& self);
  Awaitable<void> tell_apps();
  Awaitable<bool> wait();
  Awaitable<void> shut_down();

  Runner& runner_;
  const ConnectOptions& options_;
  Reporter reporter_;
  Front front_;
  TaskGroup tasks_;
  FileDescriptor lock_;
  std::optional<RootedFolder> folder_;
  std::unique_ptr<rtc::Engine> engine_;
  std::unique_ptr<gateway::LocalGuard> guard_;
  std::unique_ptr<http::Server> http_;
  std::vector<std::unique_ptr<TcpForward>> tcp_;
  std::unique_ptr<rendezvous::Client> client_;
  std::unique_ptr<Uplink> uplink_;
};

Awaitable<Result<void>> Connect::start() {
  auto folder = RootedFolder::open(options_.directory);
  if (!folder) co_return fail(folder.error().code, "cannot open the folder " + options_.directory);
  folder_ = std::move(*folder);
  auto state = make_state_directory(options_, "connect");
  if (!state) co_return fail(std::move(state.error()));
  auto lock = lock_state_directory(*state);
  if (!lock) co_return fail(std::move(lock.error()));
  lock_ = std::move(*lock);
  auto servers = ice_servers(options_);
  if (!servers) co_return fail(std::move(servers.error()));
  Result<void> client = co_await start_client(*state);
  if (!client) co_return client;
  auto engine = rtc::Engine::create(runner_.context().get_executor());
  if (!engine) co_return fail(std::move(engine.error()));
  engine_ = std::move(*engine);

  auto port = open_local_port(runner_.context().get_executor(), options_, kUsualPort, *state, front_,
                              options_.transparent ? Guarding::nothing : Guarding::apps);
  if (!port) co_return fail(std::move(port.error()));
  guard_ = std::move(port->guard);
  http_ = std::move(port->server);
  front_.set_port(http_->port());

  UplinkOptions uplink_options;
  uplink_options.ice_servers = std::move(*servers);
  uplink_options.offer_valid = options_.offer_valid;
  uplink_options.transparent = options_.transparent;
  uplink_options.url = local_url(options_.bind, http_->port()) + "/";
  uplink_ = std::make_unique<Uplink>(runner_.context().get_executor(), *engine_, *client_, reporter_,
                                     std::move(uplink_options));
  front_.set_next(uplink_.get());
  for (const ConnectOptions::Tcp& wanted : options_.tcp) {
    TcpForwardOptions forward;
    forward.app = wanted.app;
    forward.address = options_.bind;
    forward.port = wanted.port;
    auto listening = TcpForward::listen(runner_.context().get_executor(), std::move(forward), *uplink_);
    if (!listening) co_return fail(std::move(listening.error()));
    tcp_.push_back(std::move(*listening));
  }
  co_return Result<void>();
}

Awaitable<Result<void>> Connect::start_client(const std::string& state) {
  rendezvous::ClientOptions client_options;
  client_options.name = options_.name.empty() ? host_name() : options_.name;
  client_options.state_directory = state;
  client_options.server = options_.server;
  client_options.polling = options_.polling;
  client_options.limits.offer_valid_s = static_cast<std::uint64_t>(options_.offer_valid.count());
  auto client = co_await rendezvous::Client::start(*folder_, runner_.files(), std::move(client_options));
  if (!client && (client.error().is(Errc::not_found) || client.error().code == std::errc::no_such_file_or_directory))
    co_return fail(Errc::not_found, options_.directory + " has no " + std::string(rendezvous::kDirectory) +
                                        ": no server has been here, or the sync has not brought it yet. Run "
                                        "`owndir serve` on the folder at home and wait for the sync");
  if (!client) co_return fail(std::move(client.error()));
  client_ = std::move(*client);
  co_return Result<void>();
}

void Connect::say_hello() {
  const std::string url = local_url(options_.bind, http_->port());
  const std::string login = guard_ ? url + guard_->make_login_target() : url + "/";
  std::string tcp;
  json ports = json::object();
  for (const auto& forward : tcp_) {
    tcp += "  tcp " + forward->app() + std::string(forward->app().size() < 17 ? 17 - forward->app().size() : 1, ' ') +
           options_.bind + " port " + std::to_string(forward->port()) + "\n";
    ports[forward->app()] = forward->port();
  }
  std::string seen = "no server has left a sign yet; the offer waits for one";
  if (const auto servers = client_->servers(); !servers.empty()) {
    const rendezvous::Presence& newest = servers.front().presence;
    seen = printable(newest.name, 80) + (newest.up ? " is up" : " was stopped") + " as far as the sync has told";
  }
  reporter_.event(
      "listening", {{"url", login}, {"port", http_->port()}, {"tcp", ports}},
      "owndir connects through " + options_.directory + "\n\n" +  //
          "  local address        " + login + "\n" + tcp +        //
          "  server               " + seen + "\n" +               //
          (guard_ ? "" : "  who gets in          every program and every web page on this machine (--transparent)\n") +
          "\n" + "Press Ctrl-C to stop.\n");
}

/// What is behind each new connection, and how it goes.
Awaitable<void> Connect::watch(Connect& self) {
  using namespace asio::experimental::awaitable_operators;
  std::uint64_t seen = 0;
  tunnel::ConnectionStats before;
  for (;;) {
    co_await (self.uplink_->changed().wait() || sleep_for(std::chrono::seconds(1)));
    if (self.uplink_->connections() != seen) {
      seen = self.uplink_->connections();
      before = {};
      co_await self.tell_apps();
    }
    const auto now = self.uplink_->stats();
    if (!now) continue;
    self.reporter_.status(status_json(*now), status_text(*now, before));
    before = *now;
  }
}

/// Which apps a proxy offers, and where they are here.
Awaitable<void> Connect::tell_apps() {
  exchange::Request request;
  request.head = {"GET", "/@/info", {}};
  auto response = co_await uplink_->handle(std::move(request));
  if (!response || response->head.status != 200) co_return;
  const auto text = co_await exchange::read_all(std::move(response->body), kInfoBytes);
  if (!text) co_return;
  const std::string local = std::to_string(http_->port());
  json apps = json::array();
  std::string lines;
  const json info = json::parse(*text, nullptr, false);
  if (!info.is_object() || !info.contains("apps") || !info["apps"].is_array()) co_return;
  for (const json& app : info["apps"]) {
    if (apps.size() >= kMostApps || !app.is_object()) break;
    const std::string name = app.value("name", json()).is_string() ? app["name"].get<std::string>() : "";
    if (!gateway::is_app_name(name)) continue;
    const std::string url = "http://" + name + ".localhost:" + local + "/";
    apps.push_back({{"name", name}, {"url", url}});
    lines += "  " + name + std::string(name.size() < 20 ? 20 - name.size() : 1, ' ') + " " + url + "\n";
  }
  if (apps.empty()) co_return;
  const std::string first = guard_ ? "  (a browser that opened the link above gets there by  " +
                                         local_url(options_.bind, http_->port()) + "/@/app/NAME)\n"
                                   : "";
  reporter_.event("apps", {{"apps", apps}}, "  apps\n" + lines + first);
}

/// Until the stop signal (true) or the deadline without a connection (false).
Awaitable<bool> Connect::wait() {
  using namespace asio::experimental::awaitable_operators;
  if (options_.timeout.count() > 0 && !runner_.stopping()) {
    const auto first = co_await (runner_.stop_requested().wait() || sleep_for(options_.timeout));
    if (first.index() == 1 && !uplink_->was_connected()) co_return false;
  }
  while (!runner_.stopping()) co_await runner_.stop_requested().wait();
  co_return true;
}

Awaitable<int> Connect::run() {
  const Result<void> started = co_await start();
  int code = kExitFailure;
  if (started) {
    say_hello();
    tasks_.spawn("uplink", uplink_->run());
    tasks_.spawn("status", watch(*this));
    code = kExitOk;
    if (co_await wait()) {
      reporter_.event("stopping", json::object(), "Stopping.");
    } else {
      print_error("no connection within " + std::to_string(options_.timeout.count()) +
                  " s; is `owndir serve` running at the other side, and the sync on both?");
      code = kExitNoConnection;
    }
  } else {
    print_error(started.error());
  }
  co_await shut_down();
  co_return code;
}

Awaitable<void> Connect::shut_down() {
  front_.set_next(nullptr);
  if (http_) co_await http_->stop();
  for (const auto& forward : tcp_) co_await forward->stop();
  co_await tasks_.stop();
  if (uplink_) co_await uplink_->close();
  if (client_) {
    co_await client_->spent();
    co_await client_->stop();
  }
}

}  // namespace

int run_connect(const ConnectOptions& options) {
  Runner runner;
  Connect connect(runner, options);
  return runner.run(connect.run());
}

}  // namespace owndir::app
