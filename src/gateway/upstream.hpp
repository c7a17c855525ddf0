#pragma once
// What answers requests of `owndir proxy`: the apps that its owner has named, and nothing else. A request names its app
// by the field `owndir-app` and then goes to that app whatever its path; without it, `/@/info` and `/@/apps` are this
// program's own, and the rest goes to the app when there is only one (docs/proxy.md). Network thread only.

#include <memory>
#include <string>
#include <vector>

#include "exchange/handler.hpp"
#include "gateway/upstream_url.hpp"
#include "http/client.hpp"

namespace owndir::gateway {

struct UpstreamsOptions {
  std::string name;  ///< of the folder, for titles
  std::vector<Upstream> apps;
  bool transparent = false;  ///< rewrite nothing
  http::ClientLimits limits;
};

class Upstreams : public exchange::Handler {
 public:
  static std::unique_ptr<Upstreams> create(asio::any_io_executor executor, UpstreamsOptions options);

  virtual const std::vector<Upstream>& apps() const = 0;
  /// Whether something takes connections there now.
  virtual Awaitable<Result<void>> probe(std::size_t app) = 0;
  /// Ends every connection. After the last request. Once.
  virtual Awaitable<void> stop() = 0;
};

/// Why an upstream gave no answer, and what to check, for a person; the error is one of http::Client's.
struct UpstreamTrouble {
  std::uint16_t status = 502;
  std::string what, next;
};
UpstreamTrouble trouble_with(const Upstream& app, const Error& error);

}  // namespace owndir::gateway
