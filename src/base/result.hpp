#pragma once
// The one result type. An expected failure is an Error: a code that a program can act on and a context that says what
// was being done, in words for the log. Exceptions are for bugs and for start-up. Any thread.

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace owndir {

/// Failures that are ours; those of the operating system keep std::generic_category or std::system_category.
enum class Errc {
  malformed = 1,  ///< bytes from outside that do not parse
  too_large,      ///< one item beyond its limit
  limit,          ///< too many items at once, or too fast
  timeout,        ///< a wait reached its deadline
  cancelled,      ///< somebody asked for the end of it
  closed,         ///< the other end, or the thing itself, is gone
  not_found,
  forbidden,    ///< outside the folder, or not for this caller
  conflict,     ///< already there, or changed meanwhile
  replay,       ///< a handshake record seen before
  expired,      ///< a handshake record after its validity
  foreign,      ///< a handshake record meant for somebody else
  unsupported,  ///< a version or feature that this end does not have
  protocol,     ///< the peer broke the protocol
  internal,     ///< a fault of ours
};

const std::error_category& errc_category() noexcept;
inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), errc_category()};
}

struct Error {
  std::error_code code;
  std::string context;

  /// "context: message", for the log.
  std::string to_string() const;
  bool is(Errc errc) const { return code == make_error_code(errc); }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::error_code code, std::string context = {}) {
  return tl::unexpected<Error>(Error{code, std::move(context)});
}
inline tl::unexpected<Error> fail(Errc code, std::string context = {}) {
  return fail(make_error_code(code), std::move(context));
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
/// From errno, which must not have been touched since the failing call.
tl::unexpected<Error> fail_errno(std::string context);

}  // namespace owndir

template <>
struct std::is_error_code_enum<owndir::Errc> : std::true_type {};
