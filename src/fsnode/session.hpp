#pragma once
// One client of the folder: speaks the wire protocol (docs/fsnode.md) on whatever carries messages. Network thread
// only.

#include <memory>
#include <string>

#include "exchange/web_socket.hpp"
#include "fsnode/engine.hpp"

namespace owndir::fsnode {

struct SessionOptions {
  std::string root;      ///< told in hello: the folder's absolute path to the module host, "" to everybody else
  bool writable = true;  ///< false: every change is refused
};

/// `engine` must outlive it. When its run ends, so have all calls; nothing of them is left on the disk but partial
/// uploads.
std::unique_ptr<exchange::SocketSession> make_session(Engine& engine, SessionOptions options = {});

}  // namespace owndir::fsnode
