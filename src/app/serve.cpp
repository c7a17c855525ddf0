#include "app/serve.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/home_end.hpp"
#include "app/local_port.hpp"
#include "app/page_files.hpp"
#include "app/reporter.hpp"
#include "app/review_text.hpp"
#include "app/site_service.hpp"
#include "base/log.hpp"
#include "fsnode/session.hpp"
#include "gateway/gateway.hpp"
#include "http/server.hpp"
#include "site/publish.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::uint16_t kUsualPort = 8710;

class Serve {
 public:
  Serve(Runner& runner, const ServeOptions& options)
      : runner_(runner),
        options_(options),
        reporter_(options.json),
        home_(runner, options, reporter_),
        site_(site::page_site()) {}

  Awaitable<int> run();

 private:
  Result<void> prepare_app();
  Awaitable<void> ask_first();
  Result<void> publish();
  Result<void> listen();
  Awaitable<void> shut_down();
  void say_hello();

  Runner& runner_;
  const ServeOptions& options_;
  Reporter reporter_;
  HomeEnd home_;
  std::vector<site::SiteFile> site_;
  std::string title_, site_state_, run_directory_;
  std::unique_ptr<fsnode::Engine> tree_;
  std::unique_ptr<SiteService> app_;
  std::unique_ptr<exchange::Handler> gateway_;
  std::unique_ptr<gateway::LocalGuard> guard_;
  std::unique_ptr<http::Server> http_;
};

Result<void> Serve::prepare_app() {
  auto builder = builder_options(options_);
  if (!builder) return fail(std::move(builder.error()));
  title_ = builder->title;
  site_state_ = builder->state_directory;
  auto run = make_run_directory(site_state_);
  if (!run) return fail(std::move(run.error()));
  run_directory_ = std::move(*run);
  auto folder = RootedFolder::open(options_.directory);
  if (!folder) return fail(std::move(folder.error()));
  fsnode::EngineOptions engine;
  engine.name = title_;
  engine.inotify = !options_.polling;
  tree_ = std::make_unique<fsnode::Engine>(std::move(*folder), runner_.files(), std::move(engine));
  app_ = std::make_unique<SiteService>(runner_.context().get_executor(), runner_.files(), *tree_, reporter_,
                                       std::move(*builder), run_directory_);
  app_->load();
  return {};
}

/// The one question at a first serve, where somebody can answer it; later changes are told and wait for `owndir trust`.
Awaitable<void> Serve::ask_first() {
  if (options_.trust || options_.json || !on_terminal()) co_return;
  const auto reviewed = co_await app_->builder().review();
  if (!reviewed || reviewed->second.modules.empty() || !reviewed->second.first) co_return;
  const std::string question = options_.directory + " holds code that would run on this computer, as you:\n\n" +
                               review_text(reviewed->second) +
                               "\nLet it run? Without your yes the file browser is served. [y/N] ";
  const bool approved = co_await ask(runner_, question);
  if (!approved) {
    app_->mark_told(reviewed->second.digest);
    reporter_.event("unapproved", review_json(reviewed->second),
                    "Nothing of it runs. To let it run later:  owndir trust " + options_.directory + "\n");
    co_return;
  }
  const auto saved = co_await app_->builder().approve(reviewed->first);
  if (!saved) log("app").error("{}", saved.error().to_string());
}

Result<void> Serve::publish() {
  if (app_->built_site()) {  // it is there, or has just been published, by the service
    reporter_.event("published", {{"written", json::array()}, {"unchanged", 0}}, "");
  } else if (auto published = publish_page(home_.folder(), options_.directory, site_state_, reporter_); !published) {
    return published;
  }
  if (options_.launcher) leave_launcher(home_.folder(), app_->place());
  return {};
}

Result<void> Serve::listen() {
  gateway::GatewayOptions gateway_options;
  gateway_options.name = title_;
  gateway_options.site_file = [this](std::string_view path) -> std::optional<std::string_view> {
    for (const site::SiteFile& file : site_)
      if (file.path == path) return file.content;
    return std::nullopt;
  };
  gateway_options.built_site = [this] { return app_->built_site(); };
  gateway_options.module_host = [this] { return app_->module_host(); };
  gateway_options.folder_session = [this] { return fsnode::make_session(*tree_); };
  gateway_options.live = &app_->live();
  auto served = RootedFolder::open(options_.directory);
  if (!served) return fail(std::move(served.error()));
  gateway_ = gateway::make_gateway(std::move(*served), runner_.files(), std::move(gateway_options));
  auto port = open_local_port(runner_.context().get_executor(), options_, kUsualPort, home_.state(), *gateway_);
  if (!port) return fail(std::move(port.error()));
  guard_ = std::move(port->guard);
  http_ = std::move(port->server);
  return {};
}

void Serve::say_hello() {
  const std::string url = local_url(options_.bind, http_->port());
  const std::string login = url + guard_->make_login_target();
  std::string who = "whoever can write into this folder";
  if (options_.trust) who += ", and run programs here as you (--trust)";
  if (is_open_to_network(options_.bind))
    who += ";\n                       every machine of the network that has the link (--bind; not encrypted)";
  const std::string page = options_.launcher ? "owndir.html" : ".owndir/.dist/index.html";
  reporter_.event(
      "listening",
      {{"url", login},
       {"port", http_->port()},
       {"server", home_.id()},
       {"folder", options_.directory},
       {"stun", options_.stun}},
      "owndir serves " + home_.shown_folder() + "\n\n" +                                                        //
          "  on this machine      " + login + "\n" +                                                            //
          "                       (signs a browser in, once, within 10 minutes; another: owndir link DIR)\n" +  //
          "  on your devices      open " + page + " in the synced folder\n" +                                   //
          "  STUN servers         " + home_.shown_stun() + "\n" +                                               //
          "  who gets in          " + who + "\n\n" +                                                            //
          "Press Ctrl-C to stop.\n");
}

Awaitable<int> Serve::run() {
  Result<void> started = home_.prepare("serve");
  if (started) started = prepare_app();
  if (started) co_await ask_first();
  // The first build comes before the first visitor; later ones do not hold anybody up.
  if (started && !app_->built_site()) co_await app_->first();
  if (started) started = publish();
  if (started) started = listen();
  if (started) started = co_await home_.start(*gateway_, options_.max_peers);
  if (started) {
    say_hello();
    app_->start();
    while (!runner_.stopping()) co_await runner_.stop_requested().wait();
    reporter_.event("stopping", json::object(), "Stopping.");
  } else {
    print_error(started.error());
  }
  co_await shut_down();
  co_return started ? kExitOk : kExitFailure;
}

Awaitable<void> Serve::shut_down() {
  if (http_) co_await http_->stop();
  co_await home_.stop();
  if (app_) co_await app_->stop();
  std::error_code ignored;
  if (!run_directory_.empty()) std::filesystem::remove_all(run_directory_, ignored);
}

}  // namespace

int run_serve(const ServeOptions& options) {
  Runner runner;
  Serve serve(runner, options);
  const int code = runner.run(serve.run());
  runner.files().join();  // the folder's engine ends after its work
  return code;
}

}  // namespace owndir::app
