#pragma once
// The site of a running server: serves the last good build from the state directory, builds anew when approved code has
// changed, tells open pages, and keeps the child that runs the folder's server code. Owns both; network thread only.

#include <memory>
#include <string>

#include "app/reporter.hpp"
#include "base/async.hpp"
#include "fsnode/engine.hpp"
#include "gateway/built_site.hpp"
#include "gateway/live.hpp"
#include "modules/folder_link.hpp"
#include "modules/module_host.hpp"
#include "site/site_builder.hpp"

namespace owndir::app {

class SiteService {
 public:
  /// `run_directory`: mode 0700, for sockets; see modules::HostOptions. The engine and the reporter outlive `stop`.
  SiteService(asio::any_io_executor executor, asio::thread_pool& files, fsnode::Engine& engine, Reporter& reporter,
              site::SiteBuilderOptions options, std::string run_directory);

  /// What is served now; null: the page inside the program.
  std::shared_ptr<const gateway::BuiltSite> built_site() const { return site_; }
  std::shared_ptr<modules::ModuleHost> module_host() const { return host_; }
  gateway::LiveBoard& live() { return live_; }
  site::SiteBuilder& builder() { return builder_; }

  /// Serves the last good build, if there is one. Blocks shortly; once, before anything is answered.
  void load();
  /// The person has seen what waits for approval under this digest; it is not told again.
  void mark_told(const std::string& digest) { told_ = digest; }
  /// Looks, builds and publishes once, before `start`.
  Awaitable<void> first();
  /// From now on, whenever something has changed.
  void start();
  /// Where the site is published, as far as known.
  const std::string& place() const { return place_; }
  Awaitable<void> stop();

 private:
  static Awaitable<void> watch(SiteService& self);
  static Awaitable<void> retire(std::shared_ptr<modules::ModuleHost> host);
  void serve(const site::Generation& generation);
  void serve_nothing();
  void start_host(const site::Generation& generation);
  void tell(const site::SiteOutcome& outcome, std::chrono::milliseconds took);
  void take(const modules::BuildEvent& event);
  Awaitable<void> refresh();
  void announce(const char* state, std::string text);

  asio::any_io_executor executor_;
  asio::thread_pool& files_;
  Reporter& reporter_;
  site::SiteBuilderOptions options_;
  std::string run_directory_;
  modules::FolderLink link_;
  site::SiteBuilder builder_;
  gateway::LiveBoard live_;
  std::shared_ptr<const gateway::BuiltSite> site_;
  std::shared_ptr<modules::ModuleHost> host_;
  std::string generation_;  ///< name of what is served
  std::string place_ = ".owndir/.dist";
  std::string told_;          ///< digest of the code whose wait for approval has been told
  std::string last_problem_;  ///< of the build under way
  std::string watched_;       ///< see SiteBuilder::wait_for_change
  std::uint64_t hosts_ = 0;
  TaskGroup tasks_;
};

}  // namespace owndir::app
