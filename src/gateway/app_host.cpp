#include "gateway/app_host.hpp"

#include <algorithm>
#include <vector>

namespace owndir::gateway {
namespace {

constexpr std::size_t kLongestName = 32;
constexpr std::string_view kBelow = ".localhost";
constexpr std::string_view kPrefix = "owndir-";

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

bool is_app_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_name_char);
}

std::optional<std::string> app_of_host(std::string_view host, std::uint16_t port) {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string suffix = ":" + std::to_string(port);
  if (name.ends_with(suffix))
    name.resize(name.size() - suffix.size());
  else if (port != 80)
    return std::nullopt;
  if (!name.ends_with(kBelow)) return std::nullopt;
  name.resize(name.size() - kBelow.size());
  if (!is_app_name(name)) return std::nullopt;
  return name;
}

void remove_owndir_fields(exchange::Fields& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields)
    if (field.name.size() >= kPrefix.size() && exchange::iequals(field.name.substr(0, kPrefix.size()), kPrefix))
      names.push_back(field.name);
  for (const std::string& name : names) fields.remove(name);
}

}  // namespace owndir::gateway
