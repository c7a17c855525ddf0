#include "gateway/upstream_pages.hpp"

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "gateway/html.hpp"
#include "gateway/listing_style.hpp"
#include "gateway/refusal.hpp"

namespace owndir::gateway {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

bool is_http(const Upstream& app) {
  return app.kind == Upstream::Kind::http;
}

/// ":PORT" of a Host of this machine, or "".
std::string port_of(std::string_view host) {
  const auto origin = parse_origin("http://" + std::string(host));
  return origin && origin->port != 80 ? ":" + std::to_string(origin->port) : std::string();
}

void append_app(std::string& html, const Upstream& app, std::string_view host, bool guarded) {
  const std::string name = "<bdi>" + escape_html(app.name) + "</bdi>";
  html += "<tr><td class=\"name\">";
  if (is_http(app) && guarded)
    html.append("<a href=\"/@/app/").append(app.name).append("\">");
  else if (is_http(app))
    html.append("<a href=\"http://").append(app.name).append(".localhost").append(port_of(host)).append("/\">");
  else
    html += "<span>";
  html.append(name).append(is_http(app) ? "</a>" : "</span>").append("</td><td class=\"date\">");
  html.append(is_http(app) ? "web app" : "TCP: <code>owndir connect DIR --tcp " + app.name + "</code>");
  html += "</td></tr>\n";
}

exchange::Response refusal(std::uint16_t status, std::string title, std::string what, std::string next,
                           const exchange::RequestHead& head) {
  Refusal refusal;
  refusal.status = status;
  refusal.title = std::move(title);
  refusal.what = std::move(what);
  refusal.next = std::move(next);
  refusal.has_links = false;
  return refuse(refusal, head);
}

}  // namespace

std::string apps_info(const UpstreamsOptions& options) {
  nlohmann::ordered_json info = {{"name", to_utf8(options.name)}, {"version", OWNDIR_VERSION}};
  info["apps"] = nlohmann::ordered_json::array();
  for (const Upstream& app : options.apps)
    info["apps"].push_back({{"name", app.name},
                            {"title", app.name},
                            {"kind", is_http(app) ? "http" : "tcp"},
                            {"transparent", options.transparent}});
  return info.dump() + "\n";
}

exchange::Response apps_page(const UpstreamsOptions& options, std::string_view host, bool guarded) {
  std::string html = page_start(options.name);
  html.append("<style>").append(kListingStyle).append("</style>\n</head>\n<body class=\"listing-page\">\n");
  html.append("<header class=\"listing-head\">\n<h1><bdi>").append(escape_name(options.name));
  html += "</bdi></h1>\n<p>Apps that run at home, behind this folder. Choose one.</p>\n</header>\n";
  html += "<main class=\"listing-body\">\n<table class=\"listing-table\">\n";
  html +=
      "<thead><tr><th scope=\"col\" class=\"name\">App</th><th scope=\"col\" class=\"date\">Kind</th></tr></thead>\n";
  html += "<tbody>\n";
  for (const Upstream& app : options.apps) append_app(html, app, host, guarded);
  html += "</tbody>\n</table>\n</main>\n</body>\n</html>\n";
  auto response = exchange::text_response(200, std::move(html), "text/html; charset=utf-8");
  response.head.fields.add("Content-Security-Policy", std::string(kPolicy));
  response.head.fields.add("Referrer-Policy", "no-referrer");
  return response;
}

exchange::Response unknown_app(const UpstreamsOptions& options, std::string_view name,
                               const exchange::RequestHead& head) {
  std::string list;
  for (const Upstream& app : options.apps) list += (list.empty() ? "" : ", ") + app.name;
  return refusal(404, "There is no such app",
                 "There is no app \"" + printable(std::string(cut_utf8(name, 64))) + "\" behind this folder.",
                 "There is: " + list + ".", head);
}

exchange::Response not_for_http(const Upstream& app, const exchange::RequestHead& head) {
  return refusal(404, "This is not a web app", "\"" + app.name + "\" is a TCP service, not a web app.",
                 "Reach it with  owndir connect DIR --tcp " + app.name + ".", head);
}

exchange::Response no_answer(const Upstream& app, const Error& error, const exchange::RequestHead& head) {
  const UpstreamTrouble trouble = trouble_with(app, error);
  auto response = refusal(trouble.status, app.name + " does not answer", trouble.what, trouble.next, head);
  if (trouble.status == 503) response.head.fields.add("Retry-After", "5");
  return response;
}

UpstreamTrouble trouble_with(const Upstream& app, const Error& error) {
  const std::string where = "\"" + app.name + "\" (" + app.origin.str() + ")";
  const std::string reason = printable(error.to_string(), 300);
  if (error.is(Errc::timeout))
    return {504, "The app " + where + " did not answer in time.",
            "Where owndir proxy runs, look whether the app is busy or hangs; then try again."};
  if (error.is(Errc::limit))
    return {503, "The app " + where + " has too many requests at once.", "Try again in a moment."};
  if (error.is(Errc::malformed))
    return {400, "This request cannot be passed on to the app " + where + ": " + reason + ".", ""};
  if (error.is(Errc::not_found))
    return {502, "The app " + where + " cannot be found: " + reason + ".",
            "Where owndir proxy runs, check the host's name in --to, and that names are resolved there."};
  if (error.is(Errc::forbidden))
    return {502, "The app " + where + " is not asked: " + reason + ".",
            "Give --to the address of the machine itself; this one names a network, not a machine."};
  if (error.is(Errc::foreign))
    return {
        502, "The app " + where + " has a certificate that is not trusted: " + reason + ".",
        "Where owndir proxy runs, add the authority that signed it to the system's (update-ca-certificates), or name "
        "its file in SSL_CERT_FILE; or use the name that the certificate is for."};
  if (error.is(Errc::protocol) || error.is(Errc::too_large))
    return {502, "The app " + where + " gave an answer that cannot be passed on: " + reason + ".",
            "Check in --to whether it speaks http or https there."};
  return {502, "The app " + where + " does not answer: " + reason + ".",
          "Where owndir proxy runs, check that the app runs and listens at that address; then try again."};
}

}  // namespace owndir::gateway
