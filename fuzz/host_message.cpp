// The lines that the Node program prints: the folder's own code runs in that process and may print anything.
#include "modules/host_message.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/rooted_path.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace owndir;
  const auto parsed = modules::parse_host_message({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  if (const auto* done = std::get_if<modules::message::Done>(&*parsed))
    for (const auto& file : done->files)
      if (!RootedPath::parse(file.path)) std::abort();
  return 0;
}
