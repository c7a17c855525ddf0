// The handshake record parser and the name parser. The first byte chooses the kind of name; the rest is the file's
// bytes. What parses must come out of serialize in a form that parses to the same.
#include "rendezvous/record.hpp"

#include <cstddef>
#include <cstdlib>

using namespace owndir::rendezvous;

namespace {

constexpr const char* kNames[] = {"offer-0123456789abcdef-fedcba9876543210.json",
                                  "answer-0123456789abcdef-fedcba9876543210-00112233445566aa-1760000000123.json",
                                  "server-00112233445566aa-1760000000001.json"};

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto name = parse_name(kNames[data[0] % 3]);
  require(name.has_value());
  if (const auto record = parse_record(*name, bytes)) {
    const std::string again = serialize(*record);
    Limits roomy;
    roomy.record_bytes = 1 << 20;
    const auto twice = parse_record(*name, again, roomy);
    require(twice.has_value() && *twice == *record);
  }
  if (const auto other = parse_name(bytes)) require(other->n < 1000000000000000);
  const std::string shown = display_name(bytes);
  require(display_name(shown) == shown);
  return 0;
}
