// The HTTP/1.1 request reader: whatever arrives on the local port, in pieces of any size. A head that is accepted must
// keep every rule that the layers above rely on, and bodies must make progress or end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange/field_value.hpp"
#include "exchange/head.hpp"
#include "http/request_reader.hpp"

namespace {

using namespace owndir;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const http::IncomingHead& incoming, const http::HeadLimits& limits) {
  require(exchange::is_token(incoming.head.method) && incoming.head.method.size() <= limits.method);
  require(exchange::is_target(incoming.head.target) && incoming.head.target.size() <= limits.target);
  require(incoming.head.fields.size() <= limits.fields);
  for (const exchange::Field& field : incoming.head.fields) {
    require(exchange::is_token(field.name) && field.name.size() <= limits.field_name);
    require(exchange::is_passable_value(field.value) && field.value.size() <= limits.field_value);
    require(limits.as_browsers || exchange::is_field_value(field.value));
    require(!exchange::iequals(field.name, "transfer-encoding") && !exchange::iequals(field.name, "connection"));
  }
}

/// Reads requests from the front of `input` until more is needed (true) or the connection would end (false).
bool read_requests(http::RequestReader& reader, const http::HeadLimits& limits, bool& in_body,
                   std::string_view& input) {
  for (;;) {
    if (!in_body) {
      const auto head = reader.take_head(input);
      if (!head) return false;
      if (!*head) return true;
      check(**head, limits);
      in_body = (*head)->has_body;
      continue;
    }
    std::string piece;
    const std::size_t before = input.size();
    if (!reader.take_body(input, piece)) return false;
    if (reader.body_done())
      in_body = false;
    else if (input.size() == before && piece.empty())
      return true;
  }
}

/// All of it by these rules, in pieces of `step` bytes.
void read_all(std::string_view all, std::size_t step, const http::HeadLimits& limits) {
  http::RequestReader reader(limits);
  std::string received;
  bool in_body = false;
  for (std::size_t at = 0; at < all.size(); at += step) {
    received += all.substr(at, step);
    std::string_view rest = received;
    if (!read_requests(reader, limits, in_body, rest)) return;
    received.erase(0, received.size() - rest.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses where the bytes are cut on their way.
  const std::size_t step = data[0] == 0 ? size : data[0];
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  read_all(all, step, {});
  read_all(all, step, {.as_browsers = true});
  return 0;
}
