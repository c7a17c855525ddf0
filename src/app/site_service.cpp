#include "app/site_service.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/review_text.hpp"
#include "base/blocking.hpp"
#include "base/log.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;
using State = site::SiteOutcome::State;

constexpr auto kRetireGrace = std::chrono::seconds(10);
constexpr auto kStopGrace = std::chrono::milliseconds(500);

std::string seconds_text(std::chrono::milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1000);
  return text;
}

}  // namespace

SiteService::SiteService(asio::any_io_executor executor, asio::thread_pool& files, fsnode::Engine& engine,
                         Reporter& reporter, site::SiteBuilderOptions options, std::string run_directory)
    : executor_(executor),
      files_(files),
      reporter_(reporter),
      options_(std::move(options)),
      run_directory_(std::move(run_directory)),
      link_(executor, engine, options_.folder),
      builder_(files,
               [this] {
                 site::SiteBuilderOptions with_folder = options_;
                 with_folder.open_folder = [this] { return link_.open(); };
                 return with_folder;
               }()),
      live_(executor),
      tasks_(executor) {}

void SiteService::load() {
  if (const auto current = builder_.current()) serve(*current);
}

void SiteService::serve(const site::Generation& generation) {
  if (generation.name == generation_) return;
  auto folder = RootedFolder::open(generation.site_directory());
  if (!folder) {
    log("app").error("the build {} cannot be served: {}", generation.name, folder.error().to_string());
    return;
  }
  auto next = std::make_shared<gateway::BuiltSite>();
  next->folder = std::move(*folder);
  next->digest = generation.result.digest;
  for (const auto& file : generation.result.files) next->files.insert(file.path);
  site_ = std::move(next);
  generation_ = generation.name;
  start_host(generation);
}

void SiteService::serve_nothing() {
  site_.reset();
  generation_.clear();
  if (host_) tasks_.spawn("retired module host", retire(std::exchange(host_, nullptr)));
}

void SiteService::start_host(const site::Generation& generation) {
  if (host_) tasks_.spawn("retired module host", retire(std::exchange(host_, nullptr)));
  if (generation.server().empty()) return;
  const auto runtime = modules::find_runtime();
  if (!runtime) {
    log("app").error("the folder's server code cannot run: {}", runtime.error().context);
    return;
  }
  modules::HostOptions host;
  host.runtime = *runtime;
  host.server = generation.server();
  host.folder = options_.folder;
  host.title = options_.title;
  for (const auto& file : generation.result.files) host.site.push_back(file.path);
  // A retiring host still has its sockets in a directory of its own.
  host.run_directory = run_directory_ + "/" + std::to_string(++hosts_);
  std::error_code error;
  std::filesystem::create_directory(host.run_directory, error);
  std::filesystem::permissions(host.run_directory, std::filesystem::perms::owner_all, error);
  host.open_folder = [this] { return link_.open(); };
  host_ = modules::ModuleHost::create(executor_, std::move(host));
}

Awaitable<void> SiteService::retire(std::shared_ptr<modules::ModuleHost> host) {
  co_await host->stop(kRetireGrace);
}

void SiteService::announce(const char* state, std::string text) {
  gateway::LiveState live;
  live.site = site_ ? site_->digest : "";
  live.state = state;
  live.text = std::move(text);
  live_.set(std::move(live));
}

void SiteService::take(const modules::BuildEvent& event) {
  if (const auto* step = std::get_if<modules::message::Step>(&event)) {
    const bool of_build = step->name != "look" && step->name != "publish";
    if (of_build && live_.get().state != "building") {
      announce("building", "The folder's app is being built.");
      reporter_.event("building", json::object(), clock_time() + "  building the folder's app");
    }
    log("site").debug("{} {} {} ms {}", step->name, step->done ? "done" : "begins", step->milliseconds, step->detail);
  } else if (const auto* warning = std::get_if<modules::message::Warning>(&event)) {
    reporter_.event("warning", problem_json(warning->problem), "  warning: " + problem_text(warning->problem));
  } else if (const auto* failure = std::get_if<modules::message::Failure>(&event)) {
    if (last_problem_.empty()) last_problem_ = problem_text(failure->problem);
    reporter_.event("error", problem_json(failure->problem), "  error: " + problem_text(failure->problem));
  }
}

Awaitable<void> SiteService::refresh() {
  const SteadyTime began = std::chrono::steady_clock::now();
  last_problem_.clear();
  const site::SiteEvents on_event = [this](const modules::BuildEvent& event) { take(event); };
  const auto outcome = co_await builder_.run(on_event);
  if (!outcome) {
    log("site").error("{}", outcome.error().to_string());
    announce("failed", "The folder's modules cannot be read: " + outcome.error().context);
    co_return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  if (outcome->state == State::empty && site_) {
    serve_nothing();
    auto page = [this] {
      const auto folder = RootedFolder::open(options_.folder);
      return folder ? site::publish(*folder, site::page_site(), options_.state_directory) : fail(folder.error());
    };
    const auto published = co_await run_blocking(files_, page);
    if (!published) log("site").error("cannot write the page: {}", published.error().to_string());
  }
  if (outcome->current && outcome->state != State::empty) serve(*outcome->current);
  tell(*outcome, took);
}

void SiteService::tell(const site::SiteOutcome& outcome, std::chrono::milliseconds took) {
  if (outcome.published) {
    place_ = outcome.dist;
    for (const std::string& path : outcome.published->foreign)
      log("site").warn("{}/{} is not ours; it is left alone and not served", outcome.dist, printable(path));
  }
  switch (outcome.state) {
    case State::empty: {
      announce("ok", "");
      const std::string hints = hints_text(*outcome.review, "          ");
      if (!hints.empty() && std::exchange(told_, outcome.review->digest) != outcome.review->digest)
        reporter_.event(
            "no_module", {{"text", hints}},
            clock_time() + "  there is code in this folder, but no module; the file browser is served:" + hints);
      return;
    }
    case State::unapproved: {
      announce("unapproved", "The folder's code has changed. At home, run: owndir trust " + options_.folder);
      if (told_ == outcome.review->digest) return;
      told_ = outcome.review->digest;
      const std::string served = site_ ? "the last approved build is served" : "the file browser is served";
      log("site").info("the modules of {} are not approved as they are; {}", options_.folder, served);
      reporter_.event("unapproved", review_json(*outcome.review),
                      clock_time() + "  code in this folder waits for your approval; until then " + served + ":\n" +
                          review_text(*outcome.review) + "  to let it run:  owndir trust " + options_.folder);
      return;
    }
    case State::fresh: announce("ok", ""); return;
    case State::built:
      announce("ok", "");
      reporter_.event(
          "built", {{"site", outcome.current->result.digest}, {"ms", took.count()}},
          clock_time() + "  built the folder's app in " + seconds_text(took) + ": " + result_text(*outcome.current));
      return;
    case State::failed: {
      const std::string reason = last_problem_.empty() ? outcome.failure->context : last_problem_;
      announce("failed", reason);
      log("site").info("the folder's app cannot be built: {}", printable(outcome.failure->context, 1000));
      reporter_.event("failed", {{"text", reason}},
                      clock_time() + "  the folder's app cannot be built" +
                          (last_problem_.empty() ? ": " + outcome.failure->context : std::string()) +
                          (site_ ? "\n          the last good build is still served" : ""));
      return;
    }
  }
}

void SiteService::start() {
  tasks_.spawn("site", watch(*this));
}

Awaitable<void> SiteService::first() {
  // What changes while a build runs is a change since before it.
  co_await builder_.wait_for_change(watched_);
  co_await refresh();
}

Awaitable<void> SiteService::watch(SiteService& self) {
  if (self.watched_.empty()) co_await self.first();
  for (;;) {
    co_await self.builder_.wait_for_change(self.watched_);
    co_await self.refresh();
  }
}

Awaitable<void> SiteService::stop() {
  // Hosts first: an orderly end is theirs, and a cancelled task would cut it short.
  if (host_) co_await host_->stop(kStopGrace);
  co_await tasks_.stop();
  co_await link_.stop();
}

}  // namespace owndir::app
