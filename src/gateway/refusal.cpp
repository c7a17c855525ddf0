#include "gateway/refusal.hpp"

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "gateway/html.hpp"
#include "gateway/listing_style.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
constexpr std::size_t kAddressBytes = 300;  ///< more of an address is not shown

constexpr std::string_view kStyle = R"css(
.refusal { max-width: 40rem; }
.refusal h1 { margin: 0 0 0.9rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.018em; }
.refusal p { margin: 0 0 0.7rem; overflow-wrap: anywhere; }
.refusal .address { margin-bottom: 1.2rem; color: var(--d-soft); }
.refusal code { font: 0.92em/1.5 ui-monospace, "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.refusal nav { display: flex; flex-wrap: wrap; gap: 0.7rem; margin-top: 1.6rem; }
.refusal nav a {
  padding: 0.5rem 1rem; border: 1px solid var(--d-line); border-radius: 9px; background: var(--d-card); color: inherit;
  font-weight: 550; text-decoration: none; overflow-wrap: anywhere;
}
.refusal nav a:hover { border-color: var(--d-accent); background: var(--d-wash); }
.refusal nav a:focus-visible { outline: 2px solid var(--d-accent); outline-offset: 2px; }
)css";

/// As a person would write it: decoded where it can be.
std::string shown_address(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto decoded = percent_decode(path);
  const std::string text = to_utf8(decoded ? std::string_view(*decoded) : path);
  const std::string_view cut = cut_utf8(text, kAddressBytes);
  return escape_html(cut) + (cut.size() < text.size() ? "…" : "");
}

void append_links(std::string& html, std::string_view target) {
  const auto parsed = parse_target(target);
  html += "<nav aria-label=\"Elsewhere\">";
  if (parsed && parsed->path.segments().size() > 1) {
    const RootedPath above = parsed->path.parent();
    html.append("<a href=\"").append(url_path(above, true)).append("\">Up to <bdi>");
    html.append(escape_name(above.segments().back())).append("</bdi></a>");
  }
  html += "<a href=\"/\">To the top of the folder</a></nav>\n";
}

std::string page_of(const Refusal& refusal, std::string_view target) {
  std::string html = page_start(refusal.title);
  if (refusal.reload_s > 0)
    html.append("<meta http-equiv=\"refresh\" content=\"").append(std::to_string(refusal.reload_s)).append("\">\n");
  html.append("<style>").append(kListingStyle).append(kStyle).append("</style>\n</head>\n");
  html.append("<body class=\"listing-page\">\n<div class=\"listing-head\"></div>\n<main class=\"listing-body\">\n");
  html.append("<div class=\"refusal\">\n<h1>").append(escape_html(refusal.title)).append("</h1>\n");
  if (refusal.has_links)
    html.append("<p class=\"address\"><code><bdi>").append(shown_address(target)).append("</bdi></code></p>\n");
  html.append("<p>").append(escape_html(refusal.what)).append("</p>\n");
  if (!refusal.next.empty()) html.append("<p>").append(escape_html(refusal.next)).append("</p>\n");
  if (refusal.has_links) append_links(html, target);
  html += "</div>\n</main>\n</body>\n</html>\n";
  return html;
}

}  // namespace

bool navigates(const exchange::RequestHead& head) {
  const bool reads = head.method == "GET" || head.method == "HEAD";
  return reads && head.fields.get("Accept").value_or("").find("text/html") != std::string_view::npos;
}

exchange::Response refuse(const Refusal& refusal, const exchange::RequestHead& head) {
  if (!navigates(head)) {
    std::string text = refusal.what;
    if (!refusal.next.empty()) text.append(" ").append(refusal.next);
    return exchange::text_response(refusal.status, text + "\n");
  }
  auto response = exchange::text_response(refusal.status, page_of(refusal, head.target), "text/html; charset=utf-8");
  response.head.fields.add("Content-Security-Policy", std::string(kPolicy));
  response.head.fields.add("Referrer-Policy", "no-referrer");
  return response;
}

Refusal refusal_of(std::uint16_t status) {
  switch (status) {
    case 400:
      return {400, "This address cannot be read", "This address cannot be read: it is not correctly encoded.",
              "Look for a stray % in it, or begin at the top of the folder."};
    case 403:
      return {403, "This cannot be opened", "This is in the folder but is neither a file nor a folder.",
              "Sockets, pipes and devices are not served."};
    case 404:
      return {
          404, "There is nothing here", "There is nothing at this address.",
          "It may have been moved or removed, or not have arrived yet. Look in the folder above, or reload the page "
          "when the sync has brought it."};
    case 414: return {414, "This address is too long", "This address is too long.", "Begin at the top of the folder."};
    default:
      return {status, "This could not be read", "The server could not read this: its log says why.",
              "Try again in a moment."};
  }
}

Refusal refusal_of(const Error& error) {
  std::uint16_t status = exchange::http_status(error);
  if (error.is(Errc::too_large)) status = 414;
  if (status >= 500) log("gateway").warn("{}", printable(error.to_string(), 400));
  Refusal refusal = refusal_of(status);
  if (status != 403) return refusal;
  if (error.is(Errc::forbidden)) {
    refusal.what = "This address leads out of the folder.";
    refusal.next = "Begin at the top of the folder.";
  } else if (error.code == std::errc::cross_device_link) {
    refusal.what = "This is a link that leads out of the folder, and the server follows no such link.";
    refusal.next = "To have it here, put what it leads to into the folder itself, in place of the link.";
  } else if (error.code == std::errc::too_many_symbolic_link_levels) {
    refusal.what = "This is a link that leads in a circle.";
    refusal.next = "Replace it by what it was meant to lead to.";
  } else {
    refusal.what = "The server may not read this.";
    refusal.next = "Where the server runs, give the person who runs it the permission to read it.";
  }
  return refusal;
}

}  // namespace owndir::gateway
