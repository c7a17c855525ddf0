#include "gateway/local_guard.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "gateway/app_host.hpp"
#include "gateway/refusal.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

namespace {

using exchange::iequals;
using exchange::Request;
using exchange::Response;

// Followed by the port: cookies do not keep to a port (RFC 6265 section 8.5), and several servers may run on one host.
constexpr std::string_view kCookie = "owndir-session-";
constexpr std::string_view kView = "/@/view/";
constexpr std::string_view kApp = "/@/app/";
constexpr std::size_t kAppKeys = 16;
constexpr auto kLinkLife = std::chrono::minutes(10);

/// For what only programs ask.
Response refuse(std::uint16_t status, std::string_view text) {
  return exchange::text_response(status, std::string(text) + "\n");
}

Refusal not_signed_in() {
  return {403, "This browser is not signed in", "This browser is not signed in.",
          "Open the link that owndir printed when it started, or get another: owndir link DIR", false};
}

Refusal used_link() {
  return {403, "This link does not sign in any more", "This link was used already or is too old.",
          "Open the newest one, or get another: owndir link DIR", false};
}

Response redirect(std::uint16_t status, std::string location) {
  Response response = exchange::text_response(status, "See " + location + "\n");
  response.head.fields.add("Location", std::move(location));
  return response;
}

/// The pairs of a Cookie field, without the blanks before them (RFC 6265 section 4.2.1).
template <class Visit>
void for_each_pair(std::string_view rest, Visit visit) {
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    visit(pair);
  }
}

bool is_named(std::string_view pair, std::string_view name) {
  return pair.starts_with(name) && pair.substr(name.size()).starts_with('=');
}

/// Any of the values that the client holds under our cookie's name.
bool has_cookie(const exchange::Fields& fields, std::string_view name, std::string_view value) {
  bool found = false;
  for (const auto& field : fields) {
    if (!iequals(field.name, "Cookie")) continue;
    for_each_pair(field.value, [&](std::string_view pair) {
      if (is_named(pair, name)) found = same_secret(pair.substr(name.size() + 1), value) || found;
    });
  }
  return found;
}

bool holds_cookie(const exchange::Fields& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [name](const auto& field) {
    return iequals(field.name, "Cookie") && field.value.find(name) != std::string::npos;
  });
}

/// Takes the pair of that name out of the request, and leaves the others as they are.
void remove_cookie(exchange::Fields& fields, std::string_view name) {
  if (!holds_cookie(fields, name)) return;
  exchange::Fields kept;
  for (const auto& field : fields) {
    if (!iequals(field.name, "Cookie") || field.value.find(name) == std::string::npos) {
      kept.add(field.name, field.value);
      continue;
    }
    std::string value;
    for_each_pair(field.value, [&](std::string_view pair) {
      if (!is_named(pair, name)) value.append(value.empty() ? "" : "; ").append(pair);
    });
    if (!value.empty()) kept.add(field.name, std::move(value));
  }
  fields = std::move(kept);
}

bool is_document(std::string_view destination) {
  return destination == "document" || destination == "iframe" || destination == "frame";
}

bool is_sandboxed(const Response& response) {
  return response.head.fields.get("Content-Security-Policy").value_or("").starts_with("sandbox");
}

/// Made anew from the decoded path, so that no "//host" of a request can become a redirect to elsewhere.
std::string plain_url(const Target& target) {
  std::string url = url_path(target.path, target.directory);
  if (!target.query.empty()) url.append("?").append(target.query);
  return url;
}

/// Views: a document of the folder runs sandboxed, so it has no origin, and a browser calls its own images and styles
/// cross-site. It is therefore shown under `/@/view/KEY/PATH`, where reads that carry no credentials of an origin
/// (no-cors) are let through whoever asks. KEY is an HMAC of the top-level directory of the document under a secret of
/// this run: only a navigation that passed the rules learns it, and it opens that one directory tree (the whole folder
/// for a document at the top). A document that gives its key away lets others embed, not read, what is in its tree:
/// nothing here ever sends CORS permission.
class View {
 public:
  explicit View(Random& random) : secret_(random.hex(32)) {}

  std::string url(const Target& target) const {
    std::string url(kView);
    url.append(key(tree(target))).append(plain_url(target));
    return url;
  }

  bool opens(std::string_view presented, const Target& target) const {
    const bool own = same_secret(presented, key(tree(target)));
    return same_secret(presented, key("")) || own;
  }

 private:
  /// The top-level directory that `target` is, or is in; "" for a file at the top.
  static std::string_view tree(const Target& target) {
    const auto& segments = target.path.segments();
    return segments.size() > 1 || (segments.size() == 1 && target.directory) ? std::string_view(segments.front())
                                                                             : std::string_view();
  }

  std::string key(std::string_view tree) const {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
         reinterpret_cast<const unsigned char*>(tree.data()), tree.size(), digest.data(), &size);
    return to_hex(std::as_bytes(std::span(digest)).first(16));
  }

  std::string secret_;
};

class Guard final : public LocalGuard {
 public:
  Guard(exchange::Handler& next, GuardOptions options)
      : next_(next),
        hosts_(std::move(options.hosts)),
        random_(options.random != nullptr ? *options.random : system_random()),
        session_(options.session.empty() ? random_.hex(32) : std::move(options.session)),
        takes_key_(std::move(options.takes_key)),
        apps_(options.apps),
        is_open_to_network_(options.is_open_to_network),
        view_(random_) {}

  void set_port(std::uint16_t port) override { port_ = port; }

  std::string make_login_target() override {
    key_ = random_.hex(16);
    key_until_ = std::chrono::steady_clock::now() + kLinkLife;
    return "/@/login?key=" + key_;
  }

  Awaitable<Result<Response>> handle(Request request) override {
    const exchange::RequestHead& head = request.head;
    const std::string host(head.fields.get("Host").value_or(""));
    if (auto refused = check_host(head, host)) co_return std::move(*refused);
    const bool reads =
        (head.method == "GET" || head.method == "HEAD") && !head.fields.contains("Sec-WebSocket-Version");
    if (!reads) {
      if (auto refused = check_write(head, host)) co_return std::move(*refused);
      co_return co_await pass(std::move(request));
    }
    if (head.target.starts_with("/@/login?") || head.target == "/@/login") co_return login(head);
    const bool app = is_app_host(host);
    if (!app && head.target.starts_with(kView)) co_return co_await answer_view(std::move(request));
    if (auto refused = check_read(head, host)) co_return std::move(*refused);
    if (app) co_return co_await pass(std::move(request));
    if (apps_ && head.target.starts_with(kApp)) co_return open_app(head);
    co_return co_await answer_read(std::move(request));
  }

  std::optional<Response> answer_now(const exchange::RequestHead& head) override {
    const std::string_view host = head.fields.get("Host").value_or("");
    const bool plain = head.method == "GET" && !head.target.starts_with("/@/") && !is_app_host(host) &&
                       head.fields.get("Sec-Fetch-Mode") != "navigate" &&
                       !head.fields.contains("Sec-WebSocket-Version");
    if (!plain || check_host(head, host) || check_read(head, host)) return std::nullopt;
    const std::string cookie = cookie_name();
    if (!holds_cookie(head.fields, cookie)) return next_.answer_now(head);
    exchange::RequestHead passed = head;
    remove_cookie(passed.fields, cookie);
    return next_.answer_now(passed);
  }

  /// What a socket does is for its session to decide, so opening one needs what a write needs.
  Awaitable<Result<exchange::SocketAnswer>> open_socket(Request request) override {
    const std::string host(request.head.fields.get("Host").value_or(""));
    std::optional<Response> refused = check_host(request.head, host);
    if (!refused) refused = check_write(request.head, host);
    if (refused) co_return exchange::SocketAnswer(std::move(*refused));
    remove_cookie(request.head.fields, cookie_name());
    co_return co_await next_.open_socket(std::move(request));
  }

 private:
  Awaitable<Result<Response>> pass(Request request) {
    remove_cookie(request.head.fields, cookie_name());
    return next_.handle(std::move(request));
  }

  std::string cookie_name() const { return std::string(kCookie) + std::to_string(port_); }
  std::string own_host() const { return (hosts_.empty() ? "127.0.0.1" : hosts_.front()) + port_suffix(); }
  std::string port_suffix() const { return ":" + std::to_string(port_); }

  bool is_app_host(std::string_view host) const { return apps_ && app_of_host(host, port_).has_value(); }
  bool is_own_host(std::string_view host) const {
    return is_app_host(host) || std::any_of(hosts_.begin(), hosts_.end(), [&](const std::string& name) {
             return iequals(host, name + port_suffix()) || (port_ == 80 && iequals(host, name));
           });
  }

  std::optional<Response> check_host(const exchange::RequestHead& head, std::string_view host) const {
    if (is_own_host(host)) return std::nullopt;
    const Refusal refusal = {421, "This is not the server's name",
                             "This server answers only under its own address, such as http://" + own_host() +
                                 "/, not under the name that this request uses.",
                             "", false};
    return refuse(refusal, head);
  }

  std::optional<Response> check_write(const exchange::RequestHead& head, const std::string& host) const {
    const auto origin = head.fields.get("Origin");
    if (!origin || !iequals(*origin, "http://" + host))
      return refuse(403, "Only pages of this server may do this: the request's Origin is missing or another one.");
    return check_session(head);
  }

  std::optional<Response> check_session(const exchange::RequestHead& head) const {
    if (has_cookie(head.fields, cookie_name(), session_)) return std::nullopt;
    return refuse(not_signed_in(), head);
  }

  /// Reads on loopback need no cookie, so that a typed address works, but must not come from another site's page.
  std::optional<Response> check_read(const exchange::RequestHead& head, std::string_view host) const {
    const std::string_view site = head.fields.get("Sec-Fetch-Site").value_or("");
    const std::string_view mode = head.fields.get("Sec-Fetch-Mode").value_or("");
    const std::string_view destination = head.fields.get("Sec-Fetch-Dest").value_or("");
    const auto origin = head.fields.get("Origin");
    const bool foreign = site.empty() ? origin && !iequals(*origin, "http://" + std::string(host))
                                      : site != "same-origin" && site != "none";
    const bool opened_by_a_link = head.method == "GET" && mode == "navigate" && destination == "document";
    if (!foreign || opened_by_a_link) return is_open_to_network_ ? check_session(head) : std::nullopt;
    const Refusal refusal = {403, "Another site asked for this", "Another site's page asked for this, and may not.",
                             "Open the link that owndir printed when it started.", false};
    return refuse(refusal, head);
  }

  Response login(const exchange::RequestHead& head) {
    const auto target = parse_target(head.target);
    const std::string presented = target ? target->parameter("key").value_or("") : "";
    const bool fresh = std::chrono::steady_clock::now() < key_until_;
    const bool newest = same_secret(presented, key_) && fresh;
    const bool right = newest || take_app_key(presented) ||
                       (head.method == "GET" && !presented.empty() && takes_key_ != nullptr && takes_key_(presented));
    if (!right && !has_cookie(head.fields, cookie_name(), session_)) return refuse(used_link(), head);
    if (head.method != "GET") return refuse(403, "Open this link in a browser.");
    Response response = redirect(303, "/");
    response.head.fields.add("Referrer-Policy", "no-referrer");
    if (right) {
      if (newest) key_.clear();
      response.head.fields.add("Set-Cookie", cookie_name() + "=" + session_ + "; HttpOnly; SameSite=Strict; Path=/");
    }
    return response;
  }

  /// Leads a browser that is signed in here to an app, and signs it in there.
  Response open_app(const exchange::RequestHead& head) {
    const std::string_view name = std::string_view(head.target).substr(kApp.size());
    if (!is_app_name(name)) return refuse(refusal_of(404), head);
    if (auto refused = check_session(head)) return std::move(*refused);
    while (app_keys_.size() >= kAppKeys) app_keys_.pop_front();
    app_keys_.emplace_back(random_.hex(16), std::chrono::steady_clock::now() + kLinkLife);
    const std::string host = std::string(name) + ".localhost" + (port_ == 80 ? "" : port_suffix());
    Response response = redirect(303, "http://" + host + "/@/login?key=" + app_keys_.back().first);
    response.head.fields.add("Referrer-Policy", "no-referrer");
    return response;
  }

  bool take_app_key(std::string_view presented) {
    const auto now = std::chrono::steady_clock::now();
    for (auto key = app_keys_.begin(); key != app_keys_.end(); ++key) {
      if (!same_secret(presented, key->first)) continue;
      const bool fresh = now < key->second;
      app_keys_.erase(key);
      return fresh;
    }
    return false;
  }

  /// A document of the folder is led to its view; everything else is answered as it is.
  Awaitable<Result<Response>> answer_read(Request request) {
    const bool navigates = request.head.method == "GET" && request.head.fields.get("Sec-Fetch-Mode") == "navigate" &&
                           is_document(request.head.fields.get("Sec-Fetch-Dest").value_or(""));
    const std::string target = request.head.target;
    Result<Response> response = co_await pass(std::move(request));
    if (!response || !navigates || !is_sandboxed(*response)) co_return response;
    const auto parsed = parse_target(target);
    if (!parsed) co_return response;
    co_return redirect(303, view_.url(*parsed));
  }

  Awaitable<Result<Response>> answer_view(Request request) {
    const std::string_view rest = std::string_view(request.head.target).substr(kView.size());
    const std::size_t slash = rest.find('/');
    const auto target = parse_target(slash == rest.npos ? std::string_view() : rest.substr(slash));
    const bool inside = target && (target->path.is_root() || target->path.segments().front() != "@");
    const std::string_view mode = request.head.fields.get("Sec-Fetch-Mode").value_or("");
    const bool navigates = mode == "navigate";
    if (!inside) co_return refuse(refusal_of(404), request.head);
    if (!view_.opens(rest.substr(0, slash), *target)) {
      // An address from an earlier run, or a link out of the document's tree: the ordinary rules decide.
      if (navigates) co_return redirect(303, plain_url(*target));
      co_return refuse(403, "A document of the folder may show only what is in its own top-level directory.");
    }
    if (!mode.empty() && !navigates && mode != "no-cors")
      co_return refuse(403, "A document of the folder may show what is beside it, but not read it by script.");
    request.head.target = plain_url(*target);
    Result<Response> response = co_await pass(std::move(request));
    if (!response) co_return response;
    // What is no sandboxed document lives at its plain address.
    if (navigates && response->head.status < 300 && !is_sandboxed(*response))
      co_return redirect(303, plain_url(*target));
    response->head.fields.set("Cross-Origin-Resource-Policy", "cross-origin");
    co_return response;
  }

  exchange::Handler& next_;
  std::vector<std::string> hosts_;
  Random& random_;
  std::string session_;
  std::function<bool(std::string_view)> takes_key_;
  bool apps_;
  bool is_open_to_network_;
  View view_;
  std::string key_;
  SteadyTime key_until_{};
  std::deque<std::pair<std::string, SteadyTime>> app_keys_;
  std::uint16_t port_ = 0;
};

}  // namespace

std::unique_ptr<LocalGuard> LocalGuard::create(exchange::Handler& next, GuardOptions options) {
  return std::make_unique<Guard>(next, std::move(options));
}

}  // namespace owndir::gateway
