#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

/// The raw value of a query parameter; an empty view for one without '='.
std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == query.npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace

bool Target::has_parameter(std::string_view name) const {
  return find_parameter(query, name).has_value();
}

std::optional<std::string> Target::parameter(std::string_view name) const {
  const auto raw = find_parameter(query, name);
  return raw ? percent_decode(*raw) : std::nullopt;
}

std::string url_path(const RootedPath& path, bool directory) {
  std::string url;
  for (const std::string& segment : path.segments()) url.append("/").append(percent_encode(segment));
  if (directory || url.empty()) url += '/';
  return url;
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  const std::size_t question = text.find('?');
  if (question != text.npos) target.query = text.substr(question + 1);
  std::string_view path = text.substr(0, question);
  if (path.empty() || path.front() != '/') return fail(Errc::malformed, "the address is not a path");
  target.directory = path.back() == '/';
  const auto decoded = percent_decode(path);
  if (!decoded) return fail(Errc::malformed, "the address has a broken %-escape");
  // A file name cannot hold '/', so an encoded one can only be meant to confuse.
  std::size_t plain = 0;
  std::size_t all = 0;
  for (const char c : path) plain += c == '/' ? 1U : 0U;
  for (const char c : *decoded) all += c == '/' ? 1U : 0U;
  if (all != plain) return fail(Errc::malformed, "the address has an encoded '/'");
  auto rooted = RootedPath::parse(*decoded);
  if (!rooted) return fail(std::move(rooted.error()));
  target.path = std::move(*rooted);
  return target;
}

}  // namespace owndir::gateway
