#include "base/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace owndir {
namespace {

struct SystemRandom final : Random {
  void fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace

std::string Random::hex(std::size_t bytes) {
  Bytes buffer(bytes);
  fill(buffer);
  return to_hex(buffer);
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace owndir
