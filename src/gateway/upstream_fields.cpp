#include "gateway/upstream_fields.hpp"

#include <algorithm>

#include "gateway/app_host.hpp"

namespace owndir::gateway {
namespace {

using exchange::iequals;

/// The other device has an address that HTTP knows nothing of; this one is of nobody (RFC 5737), so that no app takes
/// it for a machine that it trusts.
constexpr const char* kSomebody = "192.0.2.1";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Replaces every field of a name by what `change` makes of it.
template <class Change>
void change_each(exchange::Fields& fields, std::string_view name, Change change) {
  exchange::Fields changed;
  for (const auto& field : fields)
    changed.add(field.name, iequals(field.name, name) ? change(std::string_view(field.value)) : field.value);
  fields = std::move(changed);
}

/// A URL of the upstream's as the client reaches it; others as they are.
std::string to_client(std::string_view url, const WebOrigin& upstream, const std::optional<WebOrigin>& client) {
  const std::string whole = url.starts_with("//") ? upstream.scheme + ":" + std::string(url) : std::string(url);
  const auto split = split_url(whole);
  if (!split || !is_same_place(split->origin, upstream)) return std::string(url);
  const std::string rest = (split->rest.starts_with('/') ? "" : "/") + std::string(split->rest);
  if (client) return client->str() + rest;
  // "//x" as a path would be read as a host.
  return rest.starts_with("//") ? "/." + rest : rest;
}

/// "SECONDS; url=URL", the URL perhaps in quotes.
std::string refresh_to_client(std::string_view value, const WebOrigin& upstream,
                              const std::optional<WebOrigin>& client) {
  const std::size_t semicolon = value.find_first_of(";,");
  if (semicolon == value.npos) return std::string(value);
  std::string_view url = trimmed(value.substr(semicolon + 1));
  if (url.size() < 4 || !iequals(url.substr(0, 3), "url")) return std::string(value);
  const std::size_t equals = url.find('=');
  if (equals == url.npos || !trimmed(url.substr(3, equals - 3)).empty()) return std::string(value);
  url = trimmed(url.substr(equals + 1));
  std::string quote;
  if (url.size() >= 2 && (url.front() == '"' || url.front() == '\'') && url.back() == url.front()) {
    quote = url.front();
    url = url.substr(1, url.size() - 2);
  }
  return std::string(value.substr(0, semicolon + 1)) + " url=" + quote + to_client(url, upstream, client) + quote;
}

/// Replaces what stands between each "<" and the ">" after it.
template <class Change>
std::string change_tags(std::string_view value, Change change) {
  std::string changed;
  while (!value.empty()) {
    const std::size_t open = value.find('<');
    const std::size_t close = open == value.npos ? value.npos : value.find('>', open);
    if (close == value.npos) break;
    changed.append(value.substr(0, open + 1)).append(change(value.substr(open + 1, close - open - 1))).push_back('>');
    value.remove_prefix(close + 1);
  }
  return changed.append(value);
}

/// RFC 6265 section 5.1.3; a host that is an address covers only itself.
bool covers(std::string_view domain, std::string_view host) {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  if (domain.size() >= host.size()) return iequals(domain, host);
  const std::string_view end = host.substr(host.size() - domain.size());
  const bool numeric = host.ends_with(']') || host.find_first_not_of("0123456789.") == host.npos;
  return !numeric && iequals(end, domain) && host[host.size() - domain.size() - 1] == '.';
}

/// Nothing for a cookie that a browser would not take from this host.
std::optional<std::string> without_domain(std::string_view cookie, std::string_view host) {
  std::string kept;
  std::string_view last;
  for (bool first = true; first || !cookie.empty(); first = false) {
    const std::size_t end = std::min(cookie.find(';'), cookie.size());
    const std::string_view part = cookie.substr(0, end);
    cookie.remove_prefix(std::min(end + 1, cookie.size()));
    const std::size_t equals = part.find('=');
    const bool domain = !first && iequals(trimmed(part.substr(0, equals)), "domain");
    if (domain) last = equals == part.npos ? std::string_view() : trimmed(part.substr(equals + 1));
    if (!domain) kept.append(first ? "" : ";").append(part);
  }
  if (!last.empty() && !covers(last, host)) return std::nullopt;
  return kept;
}

/// The client's origin as far as the request tells it.
std::optional<WebOrigin> seen_origin(const exchange::Fields& fields, const std::optional<WebOrigin>& client) {
  if (client) return client;
  return parse_origin("http://" + std::string(fields.get("Host").value_or("")));
}

}  // namespace

OwnFields take_own_fields(exchange::Fields& fields) {
  OwnFields own;
  for (const auto& field : fields) {
    if (iequals(field.name, kAppField) && !own.app) own.app = field.value;
    if (iequals(field.name, kOriginField) && !own.origin) own.origin = parse_origin(field.value);
  }
  remove_owndir_fields(fields);
  return own;
}

void rewrite_request(exchange::Fields& fields, const WebOrigin& upstream, const std::optional<WebOrigin>& client) {
  const auto origin = seen_origin(fields, client);
  fields.set("Host", upstream.authority());
  for (const char* name : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
                           "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Real-IP"})
    fields.remove(name);
  const auto to_upstream = [&](std::string_view url) {
    const auto split = origin ? split_url(url) : std::nullopt;
    if (!split || split->origin != *origin) return std::string(url);
    return upstream.str() + std::string(split->rest);
  };
  change_each(fields, "Origin", to_upstream);
  change_each(fields, "Referer", to_upstream);
  // WebDAV (RFC 4918 sections 10.3 and 10.4) names resources by whole addresses in fields.
  change_each(fields, "Destination", [&](std::string_view url) { return to_upstream(trimmed(url)); });
  change_each(fields, "If", [&](std::string_view value) { return change_tags(value, to_upstream); });
  fields.add("X-Forwarded-For", kSomebody);
  std::string forwarded = std::string("for=") + kSomebody;
  if (origin) {
    fields.add("X-Forwarded-Host", origin->authority());
    fields.add("X-Forwarded-Proto", origin->scheme);
    forwarded += ";host=\"" + origin->authority() + "\";proto=" + origin->scheme;
  }
  fields.add("Forwarded", forwarded);
}

void rewrite_response(exchange::Fields& fields, const WebOrigin& upstream, const std::optional<WebOrigin>& client) {
  for (const char* name : {"Location", "Content-Location"})
    change_each(fields, name, [&](std::string_view url) { return to_client(trimmed(url), upstream, client); });
  change_each(fields, "Refresh", [&](std::string_view value) { return refresh_to_client(value, upstream, client); });
  change_each(fields, "Access-Control-Allow-Origin", [&](std::string_view value) {
    const auto origin = parse_origin(value);
    return client && origin && is_same_place(*origin, upstream) ? client->str() : std::string(value);
  });
  exchange::Fields kept;
  for (const auto& field : fields) {
    const bool cookie = iequals(field.name, "Set-Cookie");
    auto value = cookie ? without_domain(field.value, upstream.host) : std::optional(field.value);
    if (value) kept.add(field.name, std::move(*value));
  }
  fields = std::move(kept);
}

}  // namespace owndir::gateway
