#include "app/proxy.hpp"

#include <nlohmann/json.hpp>

#include "app/folder_app.hpp"
#include "app/home_end.hpp"
#include "app/page_files.hpp"
#include "base/log.hpp"
#include "gateway/upstream.hpp"
#include "site/publish.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::size_t kApps = 32;
constexpr std::size_t kPageBytes = std::size_t{1} << 20;

/// Events may be rare: a stream of them is not dead because it is silent for some minutes.
constexpr auto kSilentStream = std::chrono::hours(1);

std::string app_list(const std::vector<gateway::Upstream>& apps) {
  std::size_t width = 0;
  for (const gateway::Upstream& app : apps) width = std::max(width, app.name.size());
  std::string list;
  for (const gateway::Upstream& app : apps)
    list += "  " + app.name + std::string(width - app.name.size() + 3, ' ') + app.origin.str() + "\n";
  return list;
}

/// Why it does not start without being told that everybody in the folder gets in.
std::string refusal(const ProxyOptions& options, const std::vector<gateway::Upstream>& apps) {
  return "this would open to every device that the folder is shared with:\n\n" + app_list(apps) +
         "\nWhoever can write a file into " + options.directory +
         ", on any of these devices, could use them as if sitting at this computer. Single\n"
         "devices cannot be let in yet. If everybody who has the folder may use this, say so:  --folder-members";
}

class Proxy {
 public:
  Proxy(Runner& runner, const ProxyOptions& options, std::vector<gateway::Upstream> apps)
      : runner_(runner),
        options_(options),
        reporter_(options.json),
        home_(runner, options, reporter_),
        probes_(runner.context().get_executor()) {
    gateway::UpstreamsOptions upstreams;
    upstreams.name = folder_name(home_.shown_folder());
    upstreams.apps = std::move(apps);
    upstreams.transparent = options.transparent;
    upstreams.limits.body_wait = kSilentStream;
    upstreams.limits.head.as_browsers = true;
    upstreams_ = gateway::Upstreams::create(runner.context().get_executor(), std::move(upstreams));
  }

  Awaitable<int> run();

 private:
  Result<void> publish();
  Awaitable<void> look_at(std::size_t index);
  void say_hello();

  Runner& runner_;
  const ProxyOptions& options_;
  Reporter reporter_;
  HomeEnd home_;
  std::unique_ptr<gateway::Upstreams> upstreams_;
  TaskGroup probes_;
  bool has_page_ = false;  ///< the folder holds our page
};

/// The page, unless the folder holds the site of its modules: that one is its server's.
Result<void> Proxy::publish() {
  const auto index = read_file(home_.folder(), *RootedPath::parse(".owndir/.dist/index.html"), kPageBytes);
  const bool missing = !index && index.error().code == std::errc::no_such_file_or_directory;
  has_page_ = missing || (index && site::is_page(*index));
  if (has_page_) {
    auto published = publish_page(home_.folder(), options_.directory, home_.state(), reporter_);
    if (published && options_.launcher) leave_launcher(home_.folder(), ".owndir/.dist");
    return published;
  }
  reporter_.event("published", {{"written", json::array()}, {"unchanged", 0}, {"kept", true}},
                  "The folder holds a site of its own in .owndir/.dist; it stays as it is. Reach the apps with "
                  " owndir connect DIR.\n");
  return {};
}

/// Beside the start: an app that is not there, or slow to be reached, holds up nothing.
Awaitable<void> Proxy::look_at(std::size_t index) {
  const gateway::Upstream& app = upstreams_->apps()[index];
  const Result<void> there = co_await upstreams_->probe(index);
  if (there) co_return;
  const gateway::UpstreamTrouble trouble = gateway::trouble_with(app, there.error());
  reporter_.event("silent", {{"app", app.name}, {"reason", there.error().to_string()}},
                  "Not there yet: " + trouble.what + "\n" + trouble.next + "\n");
}

void Proxy::say_hello() {
  json apps = json::array();
  for (const gateway::Upstream& app : upstreams_->apps())
    apps.push_back({{"name", app.name}, {"url", app.origin.str()}});
  std::string text = "owndir passes on, through " + home_.shown_folder() + "\n\n" + app_list(upstreams_->apps()) + "\n";
  const std::string page = options_.launcher ? "owndir.html" : ".owndir/.dist/index.html";
  text +=
      "  on your devices      " + (has_page_ ? "open " + page + " in the synced folder, or run  owndir connect DIR\n"
                                             : std::string("run  owndir connect DIR\n"));
  text += "  STUN servers         " + home_.shown_stun() + "\n";
  text += "  who gets in          whoever can write into this folder (--folder-members)\n";
  if (options_.transparent) text += "  transparent          hosts, origins and cookies are passed on as they are\n";
  reporter_.event("listening",
                  {{"server", home_.id()}, {"folder", options_.directory}, {"stun", options_.stun}, {"apps", apps}},
                  text + "\nPress Ctrl-C to stop.\n");
}

Awaitable<int> Proxy::run() {
  Result<void> started = home_.prepare("proxy");
  if (started) started = publish();
  if (started) started = co_await home_.start(*upstreams_, options_.max_peers);
  if (started) {
    say_hello();
    for (std::size_t i = 0; i < upstreams_->apps().size(); ++i) probes_.spawn("look at an app", look_at(i));
    while (!runner_.stopping()) co_await runner_.stop_requested().wait();
    reporter_.event("stopping", json::object(), "Stopping.");
  } else {
    print_error(started.error());
  }
  co_await probes_.stop();
  co_await home_.stop();
  co_await upstreams_->stop();
  co_return started ? kExitOk : kExitFailure;
}

}  // namespace

Result<std::vector<gateway::Upstream>> proxied_apps(const ProxyOptions& options) {
  std::vector<gateway::Upstream> apps;
  if (options.to.empty()) return fail(Errc::malformed, "which app? Write  owndir proxy DIR --to http://127.0.0.1:8080");
  if (options.to.size() > kApps) return fail(Errc::malformed, "at most " + std::to_string(kApps) + " apps at once");
  if (!options.app_name.empty() && options.to.size() > 1)
    return fail(Errc::malformed, "--name is for one --to; with several, write --to NAME=URL");
  for (const std::string& text : options.to) {
    auto app = gateway::parse_upstream(text);
    if (!app) return fail(Errc::malformed, "--to " + app.error().context);
    if (!options.app_name.empty()) app->name = options.app_name;
    if (!gateway::is_app_name(app->name))
      return fail(Errc::malformed,
                  "--name '" + app->name + "' must be of small letters, digits and inner dashes, 32 at most");
    for (const gateway::Upstream& other : apps)
      if (other.name == app->name)
        return fail(Errc::malformed, "two apps are called '" + app->name + "'; write --to NAME=URL for one of them");
    apps.push_back(std::move(*app));
  }
  return apps;
}

int run_proxy(const ProxyOptions& options) {
  auto apps = proxied_apps(options);
  if (!apps) {
    print_error(apps.error());
    return kExitUsage;
  }
  if (!options.folder_members) {
    print_error(refusal(options, *apps));
    return kExitUsage;
  }
  Runner runner;
  Proxy proxy(runner, options, std::move(*apps));
  return runner.run(proxy.run());
}

}  // namespace owndir::app
