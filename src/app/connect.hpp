#pragma once
// `owndir connect`: the native client. Does the client's half of the handshake on its own copy of the folder and opens
// a local port that carries whole HTTP to the server; connects again when the channel is lost.

#include <optional>

#include "app/common.hpp"

namespace owndir::app {

struct ConnectOptions : CommonOptions {
  std::optional<std::string> server;  ///< id of the one server to reach
  std::chrono::seconds timeout{0};    ///< give up (exit code 3) when not connected by then; 0: never
  std::chrono::seconds offer_valid{720};
  struct Tcp {
    std::string app;
    std::uint16_t port = 0;  ///< 0: any free one
  };
  std::vector<Tcp> tcp;      ///< local ports for TCP apps
  bool transparent = false;  ///< the local port takes any Host and is not guarded; nothing is rewritten
};

/// Blocks until stopped. Returns an ExitCode.
int run_connect(const ConnectOptions& options);

}  // namespace owndir::app
