#include "modules/folder_link.hpp"

#include <sys/socket.h>

#include "base/log.hpp"
#include "fsnode/session.hpp"
#include "fsnode/stream_socket.hpp"

namespace owndir::modules {
namespace {

Awaitable<void> serve(std::unique_ptr<exchange::WebSocket> carrier, std::unique_ptr<exchange::SocketSession> given) {
  // Destroyed in this order's reverse: the session before what carries it.
  const auto socket = std::move(carrier);
  const auto session = std::move(given);
  co_await session->run(*socket);
}

}  // namespace

FolderLink::FolderLink(asio::any_io_executor executor, fsnode::Engine& engine, std::string root)
    : executor_(executor), engine_(engine), root_(std::move(root)), tasks_(executor) {}

FileDescriptor FolderLink::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    log("modules").error("the folder's code gets no connection to the folder: {}",
                         fail_errno("socketpair").value().to_string());
    return {};
  }
  FileDescriptor ours(ends[0]);
  auto socket = fsnode::make_stream_socket(executor_, std::move(ours));
  fsnode::SessionOptions options;
  options.root = root_;
  auto session = fsnode::make_session(engine_, std::move(options));
  tasks_.spawn("folder of a child", serve(std::move(socket), std::move(session)));
  return FileDescriptor(ends[1]);
}

Awaitable<void> FolderLink::stop() {
  return tasks_.stop();
}

}  // namespace owndir::modules
