#include "exchange/handler.hpp"

namespace owndir::exchange {

std::optional<Response> Handler::answer_now(const RequestHead&) {
  return std::nullopt;
}

Awaitable<Result<SocketAnswer>> Handler::open_socket(Request) {
  co_return SocketAnswer(text_response(501, "There is no WebSocket at this address.\n"));
}

Response text_response(std::uint16_t status, std::string text, std::string_view type) {
  Response response;
  response.head.status = status;
  response.head.reason = standard_reason(status);
  response.head.fields = {{"Content-Type", std::string(type)},
                          {"Content-Length", std::to_string(text.size())},
                          {"Cache-Control", "no-store"},
                          {"X-Content-Type-Options", "nosniff"}};
  response.body = make_body(std::move(text));
  return response;
}

std::uint16_t http_status(const Error& error) {
  if (error.code.category() == errc_category()) {
    switch (static_cast<Errc>(error.code.value())) {
      case Errc::malformed: return 400;
      case Errc::too_large: return 413;
      case Errc::limit: return 429;
      case Errc::timeout: return 504;
      case Errc::cancelled:
      case Errc::closed:
      case Errc::protocol: return 502;
      case Errc::not_found: return 404;
      case Errc::forbidden: return 403;
      case Errc::conflict: return 409;
      case Errc::unsupported: return 501;
      case Errc::replay:
      case Errc::expired:
      case Errc::foreign:
      case Errc::internal: return 500;
    }
  }
  if (error.code == std::errc::no_such_file_or_directory || error.code == std::errc::not_a_directory) return 404;
  if (error.code == std::errc::permission_denied || error.code == std::errc::operation_not_permitted ||
      error.code == std::errc::cross_device_link || error.code == std::errc::too_many_symbolic_link_levels)
    return 403;
  if (error.code == std::errc::filename_too_long) return 414;
  if (error.code == std::errc::no_space_on_device) return 507;
  if (error.code == std::errc::too_many_files_open) return 503;
  return 500;
}

}  // namespace owndir::exchange
