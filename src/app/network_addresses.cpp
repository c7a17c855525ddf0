#include "app/network_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>

namespace owndir::app {

namespace {

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    const in_addr& ip = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    const std::uint32_t number = ntohl(ip.s_addr);
    if (number >> 24U == 127 || number >> 16U == 0xa9feU) return {};
    inet_ntop(AF_INET, &ip, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_LINKLOCAL(&ip)) return {};
    inet_ntop(AF_INET6, &ip, text.data(), text.size());
  }
  return text.data();
}

}  // namespace

std::vector<std::string> network_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> held(first, &freeifaddrs);
  std::vector<std::string> found;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    if (std::string text = text_of(each->ifa_addr); !text.empty()) found.push_back(std::move(text));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace owndir::app
