#pragma once
// Server::start with the file operations given, so that tests can fail them. See server.hpp.

#include "rendezvous/server.hpp"
#include "rendezvous/store.hpp"

namespace owndir::rendezvous {

Awaitable<Result<std::unique_ptr<Server>>> start_server(const RootedFolder& folder, asio::thread_pool& files,
                                                        Answerer& answerer, ServerOptions options,
                                                        std::shared_ptr<Store> store);

}  // namespace owndir::rendezvous
