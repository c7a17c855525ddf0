#pragma once
// The addresses of this device's network interfaces: when they change, it has moved to another network. Any thread.

#include <string>
#include <vector>

namespace owndir::app {

/// In order, without loopback and link-local ones; empty where there is no network, or nothing is known of it.
std::vector<std::string> network_addresses();

}  // namespace owndir::app
