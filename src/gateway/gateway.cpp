#include "gateway/gateway.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/blocking.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/media_type.hpp"
#include "gateway/assets.hpp"
#include "gateway/conditions.hpp"
#include "gateway/file_response.hpp"
#include "gateway/listing.hpp"
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

bool wants_json(const exchange::Fields& fields) {
  const std::string_view accept = fields.get("Accept").value_or("");
  return accept.find("application/json") != accept.npos && accept.find("text/html") == accept.npos;
}

/// What a person reads who asked for something that cannot be had.
std::string sentence(std::uint16_t status) {
  switch (status) {
    case 400: return "This address cannot be read: it is not correctly encoded.";
    case 403:
      return "This is in the folder but cannot be opened: it leads outside, is not an ordinary file, or the server may "
             "not read it.";
    case 404: return "There is nothing at this address. It may have been moved or removed, or not have arrived yet.";
    case 414: return "This address is too long.";
    default: return "The server could not read this: its log says why.";
  }
}

Response refusal(std::uint16_t status) {
  return exchange::text_response(status, sentence(status) + "\n");
}

Response refusal(const Error& error) {
  std::uint16_t status = exchange::http_status(error);
  if (error.is(Errc::too_large)) status = 414;
  if (status >= 500) log("gateway").warn("{}", printable(error.to_string(), 400));
  return refusal(status);
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
    Response response = co_await answer(request.head);
    auto& fields = response.head.fields;
    fields.set("X-Content-Type-Options", "nosniff");
    if (!fields.contains("Cross-Origin-Resource-Policy")) fields.add("Cross-Origin-Resource-Policy", "same-origin");
    fields.add("Date", http_date(to_unix_ms(system_clock().wall()) / 1000));
    if (exchange::is_bodiless(request.head.method, response.head.status)) response.body.reset();
    co_return response;
  }

 private:
  Awaitable<Response> answer(const exchange::RequestHead& head) {
    if (head.method != "GET" && head.method != "HEAD") {
      Response response = exchange::text_response(405, "The folder can only be read here: GET and HEAD.\n");
      response.head.fields.add("Allow", "GET, HEAD");
      co_return response;
    }
    const auto target = parse_target(head.target);
    if (!target) co_return refusal(target.error());
    const auto& segments = target->path.segments();
    if (is_hidden(target->path)) co_return refusal(404);
    if (!segments.empty() && segments[0] == "@") co_return co_await core(*target, head);
    if (options_.site_file && segments.size() >= 2 && segments[0] == ".owndir" && segments[1] == ".dist")
      co_return site(*target, head);
    co_return co_await from_folder(*target, head);
  }

  Awaitable<Response> core(const Target& target, const exchange::RequestHead& head) {
    const auto& segments = target.path.segments();
    if (segments.size() >= 2 && segments[1] == "list") {
      const auto path =
          RootedPath::parse(std::string_view(target.path.str()).substr(std::string_view("@/list").size()));
      if (!path) co_return refusal(path.error());
      co_return co_await directory(*path, true);
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
    co_return refusal(404);
  }

  /// The server's own copy only: what others wrote beside it is never served.
  Response site(const Target& target, const exchange::RequestHead& head) {
    std::string path = target.path.str().substr(std::string_view(".owndir/.dist").size());
    if (path.empty() && !target.directory) return redirect_to_directory(target);
    if (path.empty()) path = "/index.html";
    path.erase(0, 1);
    const auto found = options_.site_file(path);
    if (!found || (target.directory && path != "index.html")) return refusal(404);
    std::string_view type = media_type(path);
    if (type.empty()) type = "application/octet-stream";
    const std::string etag = content_tag(*found);
    // A name that carries a hash never changes its content.
    const bool forever = path != "index.html" && path.find('-') != path.npos;
    return static_content(*found, type, forever ? kForever : "no-cache", etag, head.fields);
  }

  Awaitable<Response> from_folder(const Target& target, const exchange::RequestHead& head) {
    auto work = [this, &target, with_content = head.method == "GET"] {
      return open_file(folder_, target.path, with_content);
    };
    Result<OpenFile> file = co_await run_blocking(files_, work);
    if (!file) co_return refusal(file.error());
    switch (file->kind) {
      case OpenFile::Kind::directory: {
        if (!target.directory) co_return redirect_to_directory(target);
        Response response = co_await directory(target.path, wants_json(head.fields));
        response.head.fields.add("Vary", "Accept");
        co_return response;
      }
      case OpenFile::Kind::special: co_return refusal(403);
      case OpenFile::Kind::file: break;
    }
    if (target.directory) co_return refusal(404);
    co_return file_response(std::move(*file), head, target, files_);
  }

  Awaitable<Response> directory(const RootedPath& path, bool json) {
    auto work = [this, &path, json]() -> Result<std::string> {
      const auto listing = read_listing(folder_, path, options_.listing_entries);
      if (!listing) return fail(listing.error());
      return json ? listing_json(*listing) : listing_page(*listing, options_.name, listing_assets());
    };
    Result<std::string> body = co_await run_blocking(files_, work);
    if (!body) co_return refusal(body.error());
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
};

}  // namespace

std::unique_ptr<exchange::Handler> make_gateway(RootedFolder folder, asio::thread_pool& files, GatewayOptions options) {
  return std::make_unique<Gateway>(std::move(folder), files, std::move(options));
}

}  // namespace owndir::gateway
