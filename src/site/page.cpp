#include <openssl/sha.h>

#include <array>
#include <string>

#include "base/bytes.hpp"
#include "base/embedded.hpp"
#include "site/publish.hpp"

namespace owndir::site {
namespace {

std::string short_hash(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  return to_hex(std::as_bytes(std::span(digest)).first(8));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// The names, and the one content that is made here, for as long as the process.
struct Page {
  std::string html;
  std::vector<SiteFile> files;

  Page() {
    const auto index = embedded_file("index.html");
    const auto script = embedded_file("page.js");
    const auto style = embedded_file("page.css");
    if (!index || !script || !style) return;
    const std::string script_name = "page-" + short_hash(*script) + ".js";
    const std::string style_name = "page-" + short_hash(*style) + ".css";
    html = *index;
    replace_all(html, "{{script}}", script_name);
    replace_all(html, "{{style}}", style_name);
    files = {{script_name, *script}, {style_name, *style}, {"dist.js", *script}};
    // Under their own names: where a page finds them, and what the browser compares to tell a new worker.
    for (const char* name : {"owndir-sw.js", "owndir-app.html", "owndir-frame.html", "owndir-media.js"})
      if (const auto content = embedded_file(name)) files.push_back({name, *content});
    files.push_back({"index.html", html});
  }
};

}  // namespace

std::vector<SiteFile> page_site() {
  static const Page page;
  return page.files;
}

bool is_page(std::string_view html) {
  static constexpr std::string_view kScript = "src=\"page-";
  const std::size_t at = html.find(kScript);
  if (at == html.npos) return false;
  const std::string_view name = html.substr(at + kScript.size(), 20);
  return name.find_first_not_of("0123456789abcdef") == 16 && name.substr(16).starts_with(".js\"");
}

}  // namespace owndir::site
