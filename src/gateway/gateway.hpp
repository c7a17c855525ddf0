#pragma once
// What answers a request, local or tunnelled, in this order: `/@/` (the core's own resources, listings, and the
// WebSockets `/@/fs` and `/@/live`), the folder's own middleware, an exact file of the built site (which is also what
// `/.owndir/.dist/` serves), the folder's own routes, the folder's files and directory pages, and last the nearest page
// above that the site has. Containment is RootedFolder's. File work runs on `files`; everything else on the network
// thread.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/rooted_path.hpp"
#include "exchange/handler.hpp"
#include "gateway/built_site.hpp"
#include "gateway/live.hpp"
#include "modules/module_host.hpp"

namespace owndir::gateway {

struct GatewayOptions {
  std::string name;  ///< of the folder, for titles
  /// Of a folder without modules: the page inside the program, path below `.owndir/.dist/` to content; a view valid as
  /// long as the process.
  std::function<std::optional<std::string_view>(std::string_view path)> site_file;
  /// The built site that is served now; null when there is none.
  std::function<std::shared_ptr<const BuiltSite>()> built_site;
  /// What runs the folder's own server code now; null when there is none.
  std::function<std::shared_ptr<modules::ModuleHost>()> module_host;
  /// A session on the folder for `/@/fs`; empty: none is offered.
  std::function<std::unique_ptr<exchange::SocketSession>()> folder_session;
  LiveBoard* live = nullptr;             ///< for `/@/live`; null: none is offered
  std::size_t listing_entries = 50'000;  ///< more are cut off and the listing says so
};

std::unique_ptr<exchange::Handler> make_gateway(RootedFolder folder, asio::thread_pool& files, GatewayOptions options);

}  // namespace owndir::gateway
