// Request and response heads: what is read is written byte for byte, and nothing that a hop must not pass on is read.
#include <cstdlib>

#include "exchange/field_value.hpp"
#include "tunnel/head_codec.hpp"

using namespace owndir;
using namespace owndir::tunnel;

namespace {

void check_fields(const exchange::Fields& fields) {
  for (const exchange::Field& field : fields)
    if (is_connection_level(field.name) || !exchange::is_token(field.name) || !exchange::is_passable_value(field.value))
      std::abort();
}
void check_same(const Bytes& written, ByteView payload) {
  if (as_text(written) != as_text(payload)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView payload = std::as_bytes(std::span(data, size));
  const Limits limits;
  const std::uint64_t room = payload.size();
  Bytes written;
  if (const auto head = decode_request_head(payload, limits)) {
    check_fields(head->fields);
    if (!append_request_head(written, *head, limits, room)) std::abort();
    check_same(written, payload);
  }
  written.clear();
  if (const auto head = decode_response_head(payload, limits)) {
    check_fields(head->fields);
    if (!append_response_head(written, *head, limits, room)) std::abort();
    check_same(written, payload);
  }
  return 0;
}
