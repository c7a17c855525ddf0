#include "gateway/upstream.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "gateway/upstream_fields.hpp"
#include "gateway/upstream_pages.hpp"
#include "http/byte_socket.hpp"
#include "http/hop_by_hop.hpp"

namespace owndir::gateway {
namespace {

using exchange::Request;
using exchange::Response;
using exchange::SocketAnswer;

constexpr std::string_view kJson = "application/json; charset=utf-8";

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

/// Bytes between a device and a TCP service, from the moment when the service takes the connection.
class TcpSession final : public exchange::SocketSession {
 public:
  TcpSession(const Upstream& app, http::Client& client) : app_(app), client_(client) {}
  Awaitable<void> run(exchange::WebSocket& socket) override {
    auto far = co_await client_.open_bytes();
    if (!far) {
      const UpstreamTrouble trouble = trouble_with(app_, far.error());
      log("proxy").warn("{}", trouble.what);
      std::string reason(cut_utf8(trouble.what, 123));
      co_await socket.close(exchange::close_code::kInternal, std::move(reason));
      co_return;
    }
    co_await exchange::relay(socket, **far);
  }

 private:
  const Upstream& app_;
  http::Client& client_;
};

class NoBody final : public exchange::BodySource {
 public:
  explicit NoBody(Error error) : error_(std::move(error)) {}
  Awaitable<Result<Bytes>> read(std::size_t) override { co_return fail(error_); }
  std::optional<std::uint64_t> length() const override { return 1; }

 private:
  Error error_;
};

/// A response that breaks before its first byte: nothing of it goes to the browser, which sees the connection end
/// without an answer, as it does when it asks the app itself.
Response broken(const Error& error) {
  Response response;
  response.head.status = 502;
  response.head.fields.add("Content-Length", "1");
  response.body = std::make_unique<NoBody>(error);
  return response;
}

class AllUpstreams final : public Upstreams {
 public:
  AllUpstreams(const asio::any_io_executor& executor, UpstreamsOptions options) : options_(std::move(options)) {
    for (const Upstream& app : options_.apps) ways_.push_back(std::make_unique<Way>(executor, app, options_.limits));
    const auto is_http = [](const Upstream& app) { return app.kind == Upstream::Kind::http; };
    const auto http_apps = std::count_if(options_.apps.begin(), options_.apps.end(), is_http);
    for (const auto& way : ways_)
      if (http_apps == 1 && is_http(way->app)) only_ = way.get();
  }

  const std::vector<Upstream>& apps() const override { return options_.apps; }

  Awaitable<Result<void>> probe(std::size_t app) override { return ways_[app]->client.probe(); }

  Awaitable<void> stop() override {
    for (const auto& way : ways_) co_await way->client.stop();
  }

  Awaitable<Result<Response>> handle(Request request) override {
    const OwnFields own = take_own_fields(request.head.fields);
    exchange::RequestHead head = request.head;
    Way* const way = find(own);
    Response response;
    if (way != nullptr && way->app.kind == Upstream::Kind::http && !is_own(own, head))
      response = co_await pass(*way, own, std::move(request));
    else
      response = answer_myself(own, way, head);
    if (exchange::is_bodiless(head.method, response.head.status)) response.body.reset();
    co_return response;
  }

  Awaitable<Result<SocketAnswer>> open_socket(Request request) override {
    const OwnFields own = take_own_fields(request.head.fields);
    const exchange::RequestHead head = request.head;
    Way* const way = find(own);
    if (own.app && way != nullptr && way->app.kind == Upstream::Kind::tcp) co_return open_tcp(*way, head);
    if (way == nullptr || is_own(own, head)) co_return SocketAnswer(answer_myself(own, way, head));
    prepare(*way, own, request.head.fields);
    Result<SocketAnswer> answer = co_await way->client.open_socket(std::move(request));
    note(*way, answer ? nullptr : &answer.error());
    if (!answer) co_return SocketAnswer(no_answer(way->app, answer.error(), head));
    if (auto* response = std::get_if<Response>(&*answer)) finish(*way, own, response->head.fields);
    if (auto* accept = std::get_if<exchange::SocketAccept>(&*answer)) finish(*way, own, accept->fields);
    co_return std::move(*answer);
  }

 private:
  struct Way {
    Way(const asio::any_io_executor& executor, const Upstream& a, const http::ClientLimits& limits)
        : app(a), client(executor, a.address, limits) {}
    const Upstream& app;
    http::Client client;
    bool silent = false;  ///< the last request found no answer
  };

  /// This program's own resources, which a request that names its app never gets.
  static bool is_own(const OwnFields& own, const exchange::RequestHead& head) {
    const std::string_view path = path_of(head.target);
    return !own.app && (path == "/@/info" || path == "/@/apps");
  }

  Way* find(const OwnFields& own) {
    if (!own.app) return only_;
    for (const auto& way : ways_)
      if (way->app.name == *own.app) return way.get();
    return nullptr;
  }

  Response answer_myself(const OwnFields& own, const Way* way, const exchange::RequestHead& head) {
    if (own.app && way == nullptr) return unknown_app(options_, *own.app, head);
    if (way != nullptr && !is_own(own, head)) return not_for_http(way->app, head);
    const std::string_view path = path_of(head.target);
    if (!is_own(own, head)) {
      Response response = exchange::text_response(303, "Choose an app: /@/apps\n");
      response.head.fields.add("Location", "/@/apps");
      return response;
    }
    if (head.method != "GET" && head.method != "HEAD") {
      Response response = exchange::text_response(405, "This can only be read: GET and HEAD.\n");
      response.head.fields.add("Allow", "GET, HEAD");
      return response;
    }
    if (path == "/@/info") return exchange::text_response(200, apps_info(options_), kJson);
    return apps_page(options_, head.fields.get("Host").value_or(""), own.origin.has_value());
  }

  static SocketAnswer open_tcp(Way& way, const exchange::RequestHead& head) {
    const auto offered = exchange::offered_protocols(head.fields);
    const bool known = std::find(offered.begin(), offered.end(), http::kByteProtocol) != offered.end();
    if (path_of(head.target) != http::kByteTarget || !known) return not_for_http(way.app, head);
    exchange::SocketAccept accept;
    accept.protocol = http::kByteProtocol;
    accept.session = std::make_unique<TcpSession>(way.app, way.client);
    return accept;
  }

  Awaitable<Response> pass(Way& way, const OwnFields& own, Request request) {
    const exchange::RequestHead head = request.head;
    prepare(way, own, request.head.fields);
    Result<Response> answer = co_await way.client.send(std::move(request));
    note(way, answer ? nullptr : &answer.error());
    if (!answer && options_.transparent) co_return broken(answer.error());
    if (!answer) co_return no_answer(way.app, answer.error(), head);
    finish(way, own, answer->head.fields);
    co_return std::move(*answer);
  }

  void prepare(const Way& way, const OwnFields& own, exchange::Fields& fields) const {
    http::remove_hop_by_hop(fields);  // before, so that a Connection field cannot name what is added
    if (!options_.transparent) rewrite_request(fields, way.app.origin, own.origin);
  }
  void finish(const Way& way, const OwnFields& own, exchange::Fields& fields) const {
    take_own_fields(fields);
    if (!options_.transparent) rewrite_response(fields, way.app.origin, own.origin);
  }

  /// One line in the log when an app falls silent, and one when it is back.
  static void note(Way& way, const Error* error) {
    const bool silent = error != nullptr;
    if (silent && !way.silent) log("proxy").warn("{}: {}", way.app.name, printable(error->to_string(), 400));
    if (!silent && way.silent) log("proxy").warn("{} answers again", way.app.name);
    way.silent = silent;
  }

  const UpstreamsOptions options_;
  std::vector<std::unique_ptr<Way>> ways_;
  Way* only_ = nullptr;  ///< the one web app when there is exactly one
};

}  // namespace

std::unique_ptr<Upstreams> Upstreams::create(asio::any_io_executor executor, UpstreamsOptions options) {
  return std::make_unique<AllUpstreams>(executor, std::move(options));
}

}  // namespace owndir::gateway
