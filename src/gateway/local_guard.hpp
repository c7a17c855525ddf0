#pragma once
// The localhost rules (docs/security.md): any web page can reach 127.0.0.1, so before a local request reaches the
// gateway its Host must be one of ours, cross-site reads are refused by Sec-Fetch-Site, every method but GET and HEAD
// (and every WebSocket) needs the exact Origin and the session cookie, which only the one-time link gives. Where other
// machines reach the port, reads need the cookie too: there a Host is whatever the sender likes. The cookie is never
// passed on. A browser that is signed in at one of our names is signed in at an app's by /@/app/NAME. Network thread
// only.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "exchange/handler.hpp"

namespace owndir::gateway {

/// Equal and not empty, in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

struct GuardOptions {
  std::vector<std::string> hosts;  ///< accepted host names without port: "127.0.0.1", "localhost", "[::1]"
  Random* random = nullptr;        ///< null: system_random()
  std::string session;             ///< what signed-in browsers hold, kept from an earlier run; empty: a new secret
  std::function<bool(std::string_view key)> takes_key;  ///< whether that is another one-time key; true at most once
  bool apps = false;  ///< "NAME.localhost" is ours too: the app of that name, whose documents are its own affair
  bool is_open_to_network = false;  ///< the port is not bound to loopback alone: reads need the session cookie too
};

class LocalGuard : public exchange::Handler {
 public:
  static std::unique_ptr<LocalGuard> create(exchange::Handler& next, GuardOptions options);
  /// Once the port is known.
  virtual void set_port(std::uint16_t port) = 0;
  /// A fresh one-time link target, "/@/login?key=…"; opening it sets the session cookie and leads to "/". Valid once,
  /// 10 min; the newest link replaces an unused older one.
  virtual std::string make_login_target() = 0;
};

}  // namespace owndir::gateway
