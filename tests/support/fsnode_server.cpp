// fsnode_server FOLDER: serves the folder over fsNode's wire on descriptor 3 (docs/fsnode.md), as the module host is
// served, until the other end closes. For the tests of the TypeScript client (web/fsnode/engine.test.ts).
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <memory>

#include "base/async.hpp"
#include "fsnode/session.hpp"
#include "fsnode/stream_socket.hpp"

namespace {

using namespace owndir;

Awaitable<void> serve(exchange::SocketSession& session, exchange::WebSocket& socket, asio::io_context& io) {
  co_await session.run(socket);
  io.stop();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fsnode_server FOLDER, with a socket as descriptor 3\n", stderr);
    return 2;
  }
  const std::string path = argv[1];
  auto folder = RootedFolder::open(path);
  if (!folder) {
    std::fprintf(stderr, "fsnode_server: %s cannot be opened\n", argv[1]);
    return 1;
  }
  asio::io_context io;
  asio::thread_pool files(2);
  {
    fsnode::EngineOptions options;
    options.name = path.substr(path.rfind('/') + 1);
    fsnode::Engine engine(std::move(*folder), files, options);
    fsnode::SessionOptions session_options;
    session_options.root = path;
    const auto session = fsnode::make_session(engine, session_options);
    const auto socket = fsnode::make_stream_socket(io.get_executor(), FileDescriptor(3));
    TaskGroup tasks(io.get_executor());
    tasks.spawn("session", serve(*session, *socket, io));
    io.run();
    files.join();
  }
  return 0;
}
