#include "rendezvous/examine.hpp"

namespace owndir::rendezvous {

Examined examine(const std::string& name, Result<std::string> bytes, const Limits& limits) {
  const auto parsed = parse_name(name);
  if (!parsed) return {fail(Errc::internal, name), {}};
  if (!bytes) return {fail(std::move(bytes.error())), {}};
  return {parse_record(*parsed, *bytes, limits), digest(*bytes)};
}

bool is_final(const Error& error) {
  return error.is(Errc::foreign) || error.is(Errc::unsupported) || error.is(Errc::too_large) ||
         error.code == std::errc::cross_device_link || error.code == std::errc::too_many_symbolic_link_levels ||
         error.code == std::errc::permission_denied || error.code == std::errc::operation_not_permitted;
}

}  // namespace owndir::rendezvous
