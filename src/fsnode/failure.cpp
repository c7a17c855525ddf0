#include "fsnode/failure.hpp"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"

namespace owndir::fsnode {

int wire_status(const Error& error) {
  if (error.code == std::errc::no_space_on_device) return 507;
  if (error.code.category() != errc_category()) return 500;
  switch (static_cast<Errc>(error.code.value())) {
    case Errc::malformed: return 400;
    case Errc::forbidden: return 403;
    case Errc::not_found: return 404;
    case Errc::conflict: return 409;
    case Errc::too_large: return 413;
    case Errc::limit: return 429;
    case Errc::cancelled: return 499;
    default: return 500;
  }
}

std::string error_message(std::uint32_t id, const Error& error) {
  return R"({"id":)" + std::to_string(id) + R"(,"error":{"success":false,"status":)" +
         std::to_string(wire_status(error)) + R"(,"error":)" + nlohmann::json(to_utf8(error.context)).dump() + "}}";
}

std::string shown(const RootedPath& path) {
  return path.is_root() ? "the folder itself" : to_utf8(path.str());
}

tl::unexpected<Error> refuse(Errc code, const RootedPath& path, const char* text) {
  return fail(code, shown(path) + " " + text);
}

Error explain(const Error& error, const RootedPath& path, const char* verb) {
  if (error.code.category() == errc_category()) return error;
  const std::string name = shown(path);
  const std::string cannot = name + " cannot be " + verb;
  const auto as = [](Errc code, std::string text) { return Error{make_error_code(code), std::move(text)}; };
  switch (error.code.value()) {
    case EXDEV: return as(Errc::forbidden, name + " leads out of the folder");
    case ENOENT:
    case ENOTDIR: return as(Errc::not_found, name + " does not exist");
    case ELOOP: return as(Errc::not_found, name + " is a link that leads in circles");
    case EACCES:
    case EPERM: return as(Errc::forbidden, cannot + ": its permissions on the server do not allow it");
    case EROFS: return as(Errc::forbidden, cannot + ": its file system is read-only");
    case EEXIST: return as(Errc::conflict, "existing file found at " + name);
    case EISDIR: return as(Errc::conflict, name + " is a directory");
    case ENOTEMPTY: return as(Errc::conflict, name + " is not empty");
    case EBUSY:
    case ETXTBSY: return as(Errc::conflict, cannot + " while it is in use");
    case ENOSPC:
    case EDQUOT:
      return {std::make_error_code(std::errc::no_space_on_device), cannot + ": no room is left on the server's disk"};
    case EFBIG: return as(Errc::too_large, cannot + ": it is too large for its file system");
    case ENAMETOOLONG: return as(Errc::malformed, cannot + ": its name is too long");
    default: return as(Errc::internal, cannot + ": " + error.code.message());
  }
}

tl::unexpected<Error> explain_errno(const RootedPath& path, const char* verb) {
  const tl::unexpected<Error> error = fail_errno({});
  return tl::unexpected<Error>(explain(error.value(), path, verb));
}

}  // namespace owndir::fsnode
