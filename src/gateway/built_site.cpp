#include "gateway/built_site.hpp"

#include <algorithm>

#include "exchange/head.hpp"

namespace owndir::gateway {
namespace {

constexpr std::string_view kIndex = "index.html";

std::string index_of(const RootedPath& directory) {
  return directory.is_root() ? std::string(kIndex) : directory.str() + "/" + std::string(kIndex);
}

std::optional<RootedPath> member(const BuiltSite& site, std::string_view path) {
  if (!site.files.contains(path)) return std::nullopt;
  const auto parsed = RootedPath::parse(path);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

/// Where the tag `name` ends, "npos" when there is none.
std::size_t end_of_tag(std::string_view html, std::string_view name) {
  for (std::size_t at = html.find('<'); at != html.npos; at = html.find('<', at + 1)) {
    if (html.substr(at).starts_with("<!--")) {
      at = html.find("-->", at);
      if (at == html.npos) return at;
      continue;
    }
    const std::string_view rest = html.substr(at + 1);
    if (rest.size() <= name.size() || !exchange::iequals(rest.substr(0, name.size()), name)) continue;
    if (std::string_view("> \t\r\n/").find(rest[name.size()]) == std::string_view::npos) continue;
    const std::size_t end = html.find('>', at);
    return end == html.npos ? end : end + 1;
  }
  return html.npos;
}

}  // namespace

std::optional<RootedPath> exact_file(const BuiltSite& site, const Target& target) {
  if (target.directory || target.path.is_root()) return member(site, index_of(target.path));
  return member(site, target.path.str());
}

bool is_site_directory(const BuiltSite& site, const Target& target) {
  return !target.directory && !target.path.is_root() && site.files.contains(index_of(target.path));
}

std::optional<NearestPage> nearest_page(const BuiltSite& site, const Target& target) {
  // Relative addresses count from the directory that the address is in.
  const bool itself = target.directory || target.path.is_root();
  const std::size_t depth = target.path.segments().size() - (itself ? 0 : 1);
  RootedPath directory = target.path;
  for (;;) {
    if (auto file = member(site, index_of(directory))) {
      std::string base = "./";
      const std::size_t up = depth - std::min(depth, directory.segments().size());
      if (up > 0) base.clear();
      for (std::size_t i = 0; i < up; ++i) base += "../";
      return NearestPage{std::move(*file), std::move(base)};
    }
    if (directory.is_root()) return std::nullopt;
    directory = directory.parent();
  }
}

std::string with_base(std::string_view html, std::string_view base) {
  std::size_t at = end_of_tag(html, "head");
  if (at == html.npos) at = end_of_tag(html, "html");
  if (at == html.npos) at = end_of_tag(html, "!doctype");
  if (at == html.npos) at = 0;
  std::string page(html.substr(0, at));
  page.append("<base href=\"").append(base).append("\">").append(html.substr(at));
  return page;
}

bool has_content_hash(std::string_view path) {
  constexpr std::size_t kShortest = 8;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dash = name.rfind('-');
  if (dash == name.npos) return false;
  const std::string_view hash = name.substr(dash + 1, name.find('.', dash) - dash - 1);
  const bool hexadecimal = hash.find_first_not_of("0123456789abcdef") == hash.npos;
  return hash.size() >= kShortest && hexadecimal && hash.find_first_of("0123456789") != hash.npos;
}

}  // namespace owndir::gateway
