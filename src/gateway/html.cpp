#include "gateway/html.hpp"

#include "base/percent.hpp"
#include "base/utf8.hpp"

namespace owndir::gateway {
const std::string_view kIconSvg =
    R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0f766e" stroke-width="2" stroke-linejoin="round"><path d="M3 6.2A1.7 1.7 0 0 1 4.7 4.5h4.1L11 7h8.3A1.7 1.7 0 0 1 21 8.7v9.1a1.7 1.7 0 0 1-1.7 1.7H4.7A1.7 1.7 0 0 1 3 17.8z"/><path d="M8.5 19.5v-6.2a3.5 3.5 0 0 1 7 0v6.2"/></svg>)";

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          escaped += "\xef\xbf\xbd";
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

std::string escape_name(std::string_view name) {
  return escape_html(to_utf8(name));
}

std::string page_start(std::string_view title) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  html.append(escape_name(title)).append("</title>\n<link rel=\"icon\" href=\"data:image/svg+xml,");
  html.append(percent_encode(kIconSvg)).append("\">\n");
  return html;
}

}  // namespace owndir::gateway
