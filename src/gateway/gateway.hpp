#pragma once
// What answers a request, local or tunnelled, in this order: `/@/` (the core's own resources and listings), an exact
// file of the built site under `/.owndir/.dist/`, the folder's files and directory pages. Containment is
// RootedFolder's. File work runs on `files`; everything else on the network thread.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/rooted_path.hpp"
#include "exchange/handler.hpp"

namespace owndir::gateway {

struct GatewayOptions {
  std::string name;  ///< of the folder, for titles
  /// The server's own copy of the built site: path below `.owndir/.dist/` to content; a view valid as long as the
  /// process.
  std::function<std::optional<std::string_view>(std::string_view path)> site_file;
  std::size_t listing_entries = 50'000;  ///< more are cut off and the listing says so
};

std::unique_ptr<exchange::Handler> make_gateway(RootedFolder folder, asio::thread_pool& files, GatewayOptions options);

}  // namespace owndir::gateway
