#pragma once
// Connections of our children to the folder: one session of fsNode for each, over a socket pair whose other end the
// child inherits (docs/fsnode.md). Network thread only; `stop` before the engine ends.

#include <string>

#include "base/async.hpp"
#include "base/rooted_path.hpp"
#include "fsnode/engine.hpp"

namespace owndir::modules {

class FolderLink {
 public:
  /// `root`: the folder's absolute path, which children are told.
  FolderLink(asio::any_io_executor executor, fsnode::Engine& engine, std::string root);

  /// The child's end of a new connection; empty when the system gives none (then logged). It ends with the child's end.
  FileDescriptor open();
  Awaitable<void> stop();

 private:
  asio::any_io_executor executor_;
  fsnode::Engine& engine_;
  std::string root_;
  TaskGroup tasks_;
};

}  // namespace owndir::modules
