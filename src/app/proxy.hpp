#pragma once
// `owndir proxy`: offers web apps and TCP services of this machine, or its network, to whoever connects through the
// folder. Publishes the page, answers offers, and opens no port. Owns everything it starts; `run_proxy` returns when
// all of it has ended.

#include <string>
#include <vector>

#include "app/common.hpp"
#include "gateway/upstream_url.hpp"

namespace owndir::app {

struct ProxyOptions : CommonOptions {
  std::vector<std::string> to;  ///< "[NAME=]URL" each
  std::string app_name;         ///< of the only app, in place of what its URL gives
  bool folder_members = false;  ///< the owner has accepted that whoever can write the folder gets in
  bool transparent = false;
  bool launcher = true;
  std::size_t max_peers = 64;
};

/// The apps as they will be called. Errc::malformed with a sentence.
Result<std::vector<gateway::Upstream>> proxied_apps(const ProxyOptions& options);

/// Blocks until stopped. Returns an ExitCode: kExitUsage where the apps cannot be named, or without folder_members.
int run_proxy(const ProxyOptions& options);

}  // namespace owndir::app
