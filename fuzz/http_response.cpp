// The HTTP/1.1 response reader: whatever the folder's server code answers, in pieces of any size.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange/field_value.hpp"
#include "http/response_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace owndir;
  if (size < 2) return 0;
  // The first byte chooses where the bytes are cut on their way, the second the method and whose rules hold.
  const std::size_t step = data[0] == 0 ? size : data[0];
  const bool as_browsers = (data[1] & 2) != 0;
  http::ResponseReader reader((data[1] & 1) != 0, {.as_browsers = as_browsers});
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string received, body;
  bool in_body = false;
  for (std::size_t at = 0; at < all.size(); at += step) {
    received += all.substr(at, step);
    std::string_view rest = received;
    if (!in_body) {
      const auto head = reader.take_head(rest);
      if (!head) return 0;
      in_body = head->has_value();
      if (in_body)
        for (const auto& field : (*head)->fields)
          if (!exchange::is_token(field.name) || !exchange::is_passable_value(field.value) ||
              (!as_browsers && !exchange::is_field_value(field.value)))
            std::abort();
    }
    if (in_body && !reader.take_body(rest, body)) return 0;
    received.erase(0, received.size() - rest.size());
  }
  std::string_view rest = received;
  if (!in_body) {
    const auto head = reader.take_head(rest, true);
    if (!head) return 0;
    in_body = head->has_value();
  }
  if (body.size() > all.size()) std::abort();
  const auto finished = reader.finish();
  if (finished && !reader.body_done()) std::abort();
  return 0;
}
