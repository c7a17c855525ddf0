// What is rewritten between a client's origin and an upstream's. The input's first line is the client's origin, the
// others are fields; what came in as fields that can be sent must go out as such.
#include "gateway/upstream_fields.hpp"

#include <cstdlib>
#include <string_view>

using namespace owndir;

namespace {

exchange::Fields fields_of(std::string_view text) {
  exchange::Fields fields;
  while (!text.empty() && fields.size() < 256) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(": ");
    if (colon == line.npos) continue;
    const std::string_view name = line.substr(0, colon), value = line.substr(colon + 2);
    if (exchange::is_token(name) && exchange::is_field_value(value)) fields.add(std::string(name), std::string(value));
  }
  return fields;
}

void check(const exchange::Fields& fields) {
  for (const auto& field : fields)
    if (!exchange::is_token(field.name) || !exchange::is_field_value(field.value)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::optional<gateway::WebOrigin> client = gateway::parse_origin(first);
  if (client && gateway::parse_origin(client->str()) != client) std::abort();
  const gateway::WebOrigin upstream{"http", "localhost", 8384};
  exchange::Fields request = fields_of(text);
  gateway::take_own_fields(request);
  exchange::Fields response = request;
  gateway::rewrite_request(request, upstream, client);
  check(request);
  if (request.get("Host") != "localhost:8384") std::abort();
  gateway::rewrite_response(response, upstream, client);
  check(response);
  return 0;
}
