#pragma once
// Client::start with the file operations given, so that tests can fail them. See client.hpp.

#include "rendezvous/client.hpp"
#include "rendezvous/store.hpp"

namespace owndir::rendezvous {

Awaitable<Result<std::unique_ptr<Client>>> start_client(const RootedFolder& folder, asio::thread_pool& files,
                                                        ClientOptions options, std::shared_ptr<Store> store);

}  // namespace owndir::rendezvous
