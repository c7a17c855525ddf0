#include "gateway/gateway.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/blocking.hpp"
#include "base/clock.hpp"
#include "base/media_type.hpp"
#include "gateway/app_host.hpp"
#include "gateway/assets.hpp"
#include "gateway/conditions.hpp"
#include "gateway/file_response.hpp"
#include "gateway/html.hpp"
#include "gateway/listing.hpp"
#include "gateway/recent_files.hpp"
#include "gateway/refusal.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

using exchange::Response;

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kForever = "public, max-age=31536000, immutable";
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::size_t kPageBytes = std::size_t{16} << 20;
constexpr std::string_view kFolderProtocol = "owndir.fs.1";

bool reads(const exchange::RequestHead& head) {
  return head.method == "GET" || head.method == "HEAD";
}

/// What middleware set for an answer that is not its own. What describes the content stays that of the content, and a
/// policy can only be made stricter.
void merge(exchange::Fields& fields, const exchange::Fields& set_by_middleware) {
  for (const auto& field : set_by_middleware) {
    const bool of_content = exchange::iequals(field.name, "content-type") || exchange::iequals(field.name, "etag") ||
                            exchange::iequals(field.name, "last-modified") ||
                            exchange::iequals(field.name, "content-range") ||
                            exchange::iequals(field.name, "content-encoding");
    const bool adds = exchange::iequals(field.name, "set-cookie") || exchange::iequals(field.name, "vary") ||
                      exchange::iequals(field.name, "content-security-policy");
    if (of_content) continue;
    if (adds)
      fields.add(field.name, field.value);
    else
      fields.set(field.name, field.value);
  }
}

bool wants_json(const exchange::Fields& fields) {
  const std::string_view accept = fields.get("Accept").value_or("");
  return accept.find("application/json") != accept.npos && accept.find("text/html") == accept.npos;
}

Response refusal(std::uint16_t status, const exchange::RequestHead& head) {
  return refuse(refusal_of(status), head);
}

Response refusal(const Error& error, const exchange::RequestHead& head) {
  return refuse(refusal_of(error), head);
}

Response content(std::string_view body, std::string_view type, std::string_view cache) {
  Response response;
  response.head.reason = exchange::standard_reason(200);
  response.head.fields = {{"Content-Type", std::string(type)},
                          {"Content-Length", std::to_string(body.size())},
                          {"Cache-Control", std::string(cache)}};
  return response;
}

/// For views that live as long as the process: conditional by their entity tag.
Response static_content(std::string_view body, std::string_view type, std::string_view cache, std::string_view etag,
                        const exchange::Fields& request) {
  Response response = content(body, type, cache);
  response.head.fields.add("ETag", std::string(etag));
  const Verdict verdict = evaluate(request, {std::string(etag), INT64_MAX});
  if (verdict == Verdict::not_modified) {
    response.head.status = 304;
    response.head.reason = exchange::standard_reason(304);
    response.head.fields.remove("Content-Length");
    return response;
  }
  response.body = exchange::make_static_body(body);
  return response;
}

class Gateway final : public exchange::Handler {
 public:
  Gateway(RootedFolder folder, asio::thread_pool& files, GatewayOptions options)
      : folder_(std::move(folder)), files_(files), options_(std::move(options)) {}

  Awaitable<Result<Response>> handle(exchange::Request request) override {
    remove_owndir_fields(request.head.fields);
    const std::string method = request.head.method;
    Response response = co_await answer(std::move(request));
    finish(response, method);
    co_return response;
  }

  std::optional<Response> answer_now(const exchange::RequestHead& head) override {
    if (head.method != "GET") return std::nullopt;
    const RecentFiles::Entry* recent = recent_.find(folder_, head.target);
    if (recent == nullptr || (options_.module_host && options_.module_host())) return std::nullopt;
    const auto site = options_.built_site ? options_.built_site() : nullptr;
    if (site && exact_file(*site, recent->target)) return std::nullopt;
    Response response = file_response(FileDescriptor(), recent->facts, head, recent->target, files_);
    finish(response, head.method);
    return response;
  }

  Awaitable<Result<exchange::SocketAnswer>> open_socket(exchange::Request request) override {
    const auto target = parse_target(request.head.target);
    const std::string path = target ? target->path.str() : std::string();
    exchange::SocketAccept accept;
    if (path == "@/live" && options_.live != nullptr) accept.session = options_.live->make_session();
    if (path == "@/fs" && options_.folder_session) {
      const auto offered = exchange::offered_protocols(request.head.fields);
      const bool known = std::find(offered.begin(), offered.end(), kFolderProtocol) != offered.end();
      if (!offered.empty() && !known)
        co_return exchange::SocketAnswer(exchange::text_response(
            400, "The page asks for another version of the folder's protocol than this server has: reload it.\n"));
      if (known) accept.protocol = kFolderProtocol;
      accept.session = options_.folder_session();
    }
    if (!accept.session) co_return exchange::SocketAnswer(refusal(404, request.head));
    co_return exchange::SocketAnswer(std::move(accept));
  }

 private:
  /// What every answer has.
  void finish(Response& response, std::string_view method) {
    auto& fields = response.head.fields;
    if (!fields.contains("X-Content-Type-Options")) fields.add("X-Content-Type-Options", "nosniff");
    if (!fields.contains("Cross-Origin-Resource-Policy")) fields.add("Cross-Origin-Resource-Policy", "same-origin");
    if (!fields.contains("Date")) fields.add("Date", date_now());
    if (exchange::is_bodiless(method, response.head.status)) response.body.reset();
  }

  const std::string& date_now() {
    const std::int64_t now = to_unix_ms(system_clock().wall()) / 1000;
    if (now != date_second_) date_ = http_date(now);
    date_second_ = now;
    return date_;
  }

  Awaitable<Response> answer(exchange::Request request) {
    const exchange::RequestHead& head = request.head;
    const auto target = parse_target(head.target);
    if (!target) co_return refusal(target.error(), head);
    const auto& segments = target->path.segments();
    if (is_hidden(target->path)) co_return refusal(404, head);
    if (!segments.empty() && segments[0] == "@") co_return co_await core(*target, head);
    const auto site = options_.built_site ? options_.built_site() : nullptr;
    if (segments.size() >= 2 && segments[0] == ".owndir" && segments[1] == ".dist" && (site || options_.site_file)) {
      if (!reads(head)) co_return only_reads();
      if (!site) co_return page_inside(*target, head);
      co_return co_await below_dist(*site, *target, head);
    }
    const auto host = options_.module_host ? options_.module_host() : nullptr;
    if (!host) co_return co_await from_site_or_folder(site.get(), *target, head);
    const bool exact = site && reads(head) && (exact_file(*site, *target) || is_site_directory(*site, *target));
    if (exact && !host->has_middleware()) co_return co_await from_site_or_folder(site.get(), *target, head);
    const exchange::RequestHead asked = request.head;
    auto said = co_await host->handle(std::move(request));
    if (!said) co_return refusal(said.error(), asked);
    if (auto* response = std::get_if<Response>(&*said)) co_return std::move(*response);
    Response response = co_await from_site_or_folder(site.get(), *target, asked);
    merge(response.head.fields, std::get<modules::Pass>(*said).fields);
    co_return response;
  }

  Response only_reads() {
    Response response = exchange::text_response(405, "This can only be read: GET and HEAD.\n");
    response.head.fields.add("Allow", "GET, HEAD");
    return response;
  }

  Awaitable<Response> from_site_or_folder(const BuiltSite* site, const Target& target,
                                          const exchange::RequestHead& head) {
    if (!reads(head)) co_return only_reads();
    if (site != nullptr) {
      if (const auto file = exact_file(*site, target)) co_return co_await site_file(*site, *file, target, head);
      if (is_site_directory(*site, target)) co_return redirect_to_directory(target);
    }
    co_return co_await from_folder(site, target, head);
  }

  /// The built site at the place where it is published.
  Awaitable<Response> below_dist(const BuiltSite& site, const Target& target, const exchange::RequestHead& head) {
    Target inside = target;
    inside.path =
        RootedPath::parse(std::string_view(target.path.str()).substr(std::string_view(".owndir/.dist").size()))
            .value_or(RootedPath());
    if (inside.path.is_root() && !target.directory) co_return redirect_to_directory(target);
    if (const auto file = exact_file(site, inside)) co_return co_await site_file(site, *file, inside, head);
    if (is_site_directory(site, inside)) co_return redirect_to_directory(target);
    co_return refusal(404, head);
  }

  /// The site is the owner's approved code: no sandbox.
  Awaitable<Response> site_file(const BuiltSite& site, const RootedPath& path, const Target& target,
                                const exchange::RequestHead& head) {
    Result<OpenFile> file = co_await open_file(files_, site.folder, path, head.method == "GET");
    if (!file) co_return refusal(file.error(), head);
    if (file->kind != OpenFile::Kind::file) co_return refusal(404, head);
    Response response = file_response(std::move(file->descriptor), file->facts, head, target, files_);
    response.head.fields.remove("Content-Security-Policy");
    if (has_content_hash(path.str()) && response.head.status < 300)
      response.head.fields.set("Cache-Control", std::string(kForever));
    co_return response;
  }

  /// The nearest page above, as if it were here.
  Awaitable<Response> page_above(const BuiltSite& site, const NearestPage& page, const exchange::RequestHead& head) {
    auto work = [&site, &page] { return read_file(site.folder, page.file, kPageBytes); };
    Result<std::string> html = co_await run_blocking(files_, work);
    if (!html) co_return refusal(html.error(), head);
    std::string body = page.base == "./" ? std::move(*html) : with_base(*html, page.base);
    Response response = content(body, kHtml, "no-cache");
    response.head.fields.add("Vary", "Accept");
    const std::string etag = content_tag(body);
    response.head.fields.add("ETag", etag);
    if (evaluate(head.fields, {etag, INT64_MAX}) == Verdict::not_modified) {
      response.head.status = 304;
      response.head.reason = exchange::standard_reason(304);
      response.head.fields.remove("Content-Length");
    } else {
      response.body = exchange::make_body(std::move(body));
    }
    co_return response;
  }

  Awaitable<Response> core(const Target& target, const exchange::RequestHead& head) {
    if (!reads(head)) co_return only_reads();
    const auto& segments = target.path.segments();
    if (segments.size() >= 2 && segments[1] == "list") {
      const auto path =
          RootedPath::parse(std::string_view(target.path.str()).substr(std::string_view("@/list").size()));
      if (!path) co_return refusal(path.error(), head);
      co_return co_await directory(*path, true, head);
    }
    if (segments.size() == 2 && segments[1] == "info") {
      const nlohmann::ordered_json info = {{"name", to_utf8(options_.name)}, {"version", OWNDIR_VERSION}};
      co_return exchange::text_response(200, info.dump() + "\n", kJson);
    }
    if (segments.size() == 3 && segments[1] == "assets") {
      if (const auto asset = find_asset(segments[2]))
        co_return static_content(asset->content, asset->type, asset->immutable ? kForever : "no-cache", asset->etag,
                                 head.fields);
    }
    co_return refusal(404, head);
  }

  /// The server's own copy only: what others wrote beside it is never served.
  Response page_inside(const Target& target, const exchange::RequestHead& head) {
    std::string path = target.path.str().substr(std::string_view(".owndir/.dist").size());
    if (path.empty() && !target.directory) return redirect_to_directory(target);
    if (path.empty()) path = "/index.html";
    path.erase(0, 1);
    const auto found = options_.site_file(path);
    if (!found || (target.directory && path != "index.html")) return refusal(404, head);
    std::string_view type = media_type(path);
    if (type.empty()) type = "application/octet-stream";
    const std::string etag = content_tag(*found);
    // A name that carries a hash never changes its content.
    const bool forever = path != "index.html" && path.find('-') != path.npos;
    return static_content(*found, type, forever ? kForever : "no-cache", etag, head.fields);
  }

  Awaitable<Response> from_folder(const BuiltSite* site, const Target& target, const exchange::RequestHead& head) {
    Result<OpenFile> file = co_await open_file(files_, folder_, target.path, head.method == "GET");
    const auto page = site != nullptr && navigates(head) ? nearest_page(*site, target) : std::nullopt;
    const bool missing = !file && exchange::http_status(file.error()) == 404;
    // Browsers ask for it wherever a page names no icon.
    if (missing && target.path.str() == "favicon.ico" && !navigates(head))
      co_return static_content(kIconSvg, "image/svg+xml", "no-cache", content_tag(kIconSvg), head.fields);
    if (!file && !(missing && page)) co_return refusal(file.error(), head);
    if (missing) co_return co_await page_above(*site, *page, head);
    switch (file->kind) {
      case OpenFile::Kind::directory: {
        if (!target.directory) co_return redirect_to_directory(target);
        if (page && !target.has_parameter("listing")) co_return co_await page_above(*site, *page, head);
        Response response = co_await directory(target.path, wants_json(head.fields), head);
        response.head.fields.add("Vary", "Accept");
        co_return response;
      }
      case OpenFile::Kind::special: co_return refusal(403, head);
      case OpenFile::Kind::file: break;
    }
    if (target.directory) co_return refusal(404, head);
    recent_.keep(head.target, target, file->facts);
    co_return file_response(std::move(file->descriptor), file->facts, head, target, files_);
  }

  Awaitable<Response> directory(const RootedPath& path, bool json, const exchange::RequestHead& head) {
    auto work = [this, &path, json]() -> Result<std::string> {
      const auto listing = read_listing(folder_, path, options_.listing_entries);
      if (!listing) return fail(listing.error());
      return json ? listing_json(*listing) : listing_page(*listing, options_.name, listing_assets());
    };
    Result<std::string> body = co_await run_blocking(files_, work);
    if (!body) co_return refusal(body.error(), head);
    Response response = content(*body, json ? kJson : kHtml, "no-cache");
    if (!json) {
      response.head.fields.add("Content-Security-Policy", std::string(kPagePolicy));
      response.head.fields.add("Referrer-Policy", "no-referrer");
      response.head.fields.add("Cross-Origin-Opener-Policy", "same-origin");
    }
    response.body = exchange::make_body(std::move(*body));
    co_return response;
  }

  /// Relative, so that it holds wherever the folder is mounted; without a trailing '/' the page's links would be wrong.
  Response redirect_to_directory(const Target& target) {
    std::string location = percent_encode(target.path.segments().back()) + "/";
    if (!target.query.empty()) location.append("?").append(target.query);
    Response response = exchange::text_response(308, "The directory is at " + location + "\n");
    response.head.fields.add("Location", location);
    return response;
  }

  RootedFolder folder_;
  asio::thread_pool& files_;
  GatewayOptions options_;
  RecentFiles recent_;
  std::string date_;  ///< of the second below
  std::int64_t date_second_ = -1;
};

}  // namespace

std::unique_ptr<exchange::Handler> make_gateway(RootedFolder folder, asio::thread_pool& files, GatewayOptions options) {
  return std::make_unique<Gateway>(std::move(folder), files, std::move(options));
}

}  // namespace owndir::gateway
