#include "app/connect.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "app/local_port.hpp"
#include "app/reporter.hpp"
#include "app/uplink.hpp"
#include "base/log.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::uint16_t kUsualPort = 8711;

/// The guard needs a handler before the uplink can be made, since the uplink's events carry the port.
class Forwarder final : public exchange::Handler {
 public:
  void set(exchange::Handler* next) { next_ = next; }
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    if (next_ == nullptr) co_return exchange::text_response(503, "owndir: starting. Try again in a moment.\n");
    co_return co_await next_->handle(std::move(request));
  }
  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override {
    if (!next_) co_return exchange::SocketAnswer(exchange::text_response(503, "owndir is starting.\n"));
    co_return co_await next_->open_socket(std::move(request));
  }

 private:
  exchange::Handler* next_ = nullptr;
};

class Connect {
 public:
  Connect(Runner& runner, const ConnectOptions& options)
      : runner_(runner), options_(options), reporter_(options.json), tasks_(runner.context().get_executor()) {}

  Awaitable<int> run();

 private:
  Awaitable<Result<void>> start();
  Awaitable<Result<void>> start_client(const std::string& state);
  void say_hello();
  Awaitable<bool> wait();
  Awaitable<void> shut_down();

  Runner& runner_;
  const ConnectOptions& options_;
  Reporter reporter_;
  TaskGroup tasks_;
  FileDescriptor lock_;
  std::optional<RootedFolder> folder_;
  std::unique_ptr<rtc::Engine> engine_;
  Forwarder forwarder_;
  std::unique_ptr<gateway::LocalGuard> guard_;
  std::unique_ptr<http::Server> http_;
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

  auto port = open_local_port(runner_.context().get_executor(), options_, kUsualPort, *state, forwarder_);
  if (!port) co_return fail(std::move(port.error()));
  guard_ = std::move(port->guard);
  http_ = std::move(port->server);

  UplinkOptions uplink_options;
  uplink_options.ice_servers = std::move(*servers);
  uplink_options.offer_valid = options_.offer_valid;
  uplink_options.url = local_url(options_.bind, http_->port()) + "/";
  uplink_ = std::make_unique<Uplink>(runner_.context().get_executor(), *engine_, *client_, reporter_,
                                     std::move(uplink_options));
  forwarder_.set(uplink_.get());
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
  const std::string login = url + guard_->make_login_target();
  std::string seen = "no server has left a sign yet; the offer waits for one";
  if (const auto servers = client_->servers(); !servers.empty()) {
    const rendezvous::Presence& newest = servers.front().presence;
    seen = printable(newest.name, 80) + (newest.up ? " is up" : " was stopped") + " as far as the sync has told";
  }
  reporter_.event("listening", {{"url", login}, {"port", http_->port()}},
                  "owndir connects through " + options_.directory + "\n\n" +  //
                      "  local address        " + login + "\n" +              //
                      "  server               " + seen + "\n\n" +             //
                      "Press Ctrl-C to stop.\n");
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
  forwarder_.set(nullptr);
  if (http_) co_await http_->stop();
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
