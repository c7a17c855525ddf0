#include "base/result.hpp"

#include <cerrno>

namespace owndir {
namespace {

struct Category final : std::error_category {
  const char* name() const noexcept override { return "owndir"; }
  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::malformed: return "malformed";
      case Errc::too_large: return "too large";
      case Errc::limit: return "limit reached";
      case Errc::timeout: return "timed out";
      case Errc::cancelled: return "cancelled";
      case Errc::closed: return "closed";
      case Errc::not_found: return "not found";
      case Errc::forbidden: return "forbidden";
      case Errc::conflict: return "conflict";
      case Errc::replay: return "replayed";
      case Errc::expired: return "expired";
      case Errc::foreign: return "meant for somebody else";
      case Errc::unsupported: return "not supported";
      case Errc::protocol: return "protocol error";
      case Errc::internal: return "internal error";
    }
    return "unknown error";
  }
};

}  // namespace

const std::error_category& errc_category() noexcept {
  static const Category category;
  return category;
}

std::string Error::to_string() const {
  return context.empty() ? code.message() : context + ": " + code.message();
}

tl::unexpected<Error> fail_errno(std::string context) {
  return fail(std::error_code(errno, std::generic_category()), std::move(context));
}

}  // namespace owndir
