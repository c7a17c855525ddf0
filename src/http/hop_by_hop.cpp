#include "http/hop_by_hop.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace owndir::http {

namespace {

constexpr std::array<std::string_view, 6> kAlways = {"connection", "keep-alive",        "proxy-connection",
                                                     "te",         "transfer-encoding", "upgrade"};

}  // namespace

bool has_hop_by_hop(const exchange::Fields& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const exchange::Field& field) {
    return std::any_of(kAlways.begin(), kAlways.end(),
                       [&](std::string_view name) { return exchange::iequals(field.name, name); });
  });
}

void remove_hop_by_hop(exchange::Fields& fields) {
  static constexpr std::array<std::string_view, 4> kNever = {"host", "content-length", "cache-control", "cookie"};
  std::vector<std::string> named;
  for (const auto& field : fields) {
    if (!exchange::iequals(field.name, "connection")) continue;
    for_each_token(field.value, [&](std::string_view token) { named.emplace_back(token); });
  }
  for (const std::string& name : named) {
    const auto same = [&](std::string_view kept) { return exchange::iequals(kept, name); };
    if (std::none_of(kNever.begin(), kNever.end(), same)) fields.remove(name);
  }
  for (const std::string_view name : kAlways) fields.remove(name);
}

}  // namespace owndir::http
