#include "site/module_layout.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

namespace owndir::site {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kHome = ".owndir";
constexpr std::array kIndexEndings = {".js"sv, ".jsx"sv, ".ts"sv, ".tsx"sv};
constexpr std::array kScriptEndings = {".js"sv, ".jsx"sv, ".ts"sv, ".tsx"sv, ".mjs"sv, ".cjs"sv, ".mts"sv, ".cts"sv};
constexpr std::size_t kHints = 10;

/// A file of a module: `directory` + `.owndir/` + `inside`, or `directory` + `inside` for a bare `.owndir.js`.
struct Place {
  std::string directory;
  std::string_view inside;
  bool bare = false;
};

std::optional<Place> place_of(std::string_view path) {
  for (std::size_t at = 0; at != path.npos && at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, end - at);
    const std::string directory(path.substr(0, at == 0 ? 0 : at - 1));
    if (name == kHome && end < path.size()) return Place{directory, path.substr(end + 1)};
    if (end == path.size() && name.starts_with(".owndir.")) return Place{directory, name, true};
    at = end + 1;
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

template <std::size_t count>
bool ends_with_any(std::string_view name, const std::array<std::string_view, count>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [name](std::string_view ending) { return name.size() > ending.size() && name.ends_with(ending); });
}

bool is_index(std::string_view name) {
  return name.starts_with("index.") && ends_with_any(name, kIndexEndings) && name.find('.') == name.rfind('.');
}

/// One that cannot be read counts: the build says what is wrong with it.
bool names_a_script(const Snapshot& snapshot, const std::string& manifest) {
  const auto found = snapshot.manifests.find(manifest);
  if (found == snapshot.manifests.end() || found->second.find_first_not_of(" \t\r\n") == std::string::npos)
    return false;
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (!json.is_object()) return true;
  return json.contains("main") || json.contains("module") || json.contains("exports");
}

bool makes_module(const Snapshot& snapshot, const CodeFile& file, const Place& place) {
  std::string_view inside = place.inside;
  if (place.bare) return ends_with_any(inside, kIndexEndings) && inside.find('.', 1) == inside.rfind('.');
  if (inside.starts_with("static/") || (place.directory.empty() && inside.starts_with("build/"))) return true;
  if (inside.starts_with("plugins/")) {
    inside.remove_prefix("plugins/"sv.size());
    const std::size_t slash = inside.find('/');
    if (slash == inside.npos) return ends_with_any(inside, kScriptEndings);
    inside.remove_prefix(slash + 1);
  }
  return is_index(inside) || (inside == "package.json" && names_a_script(snapshot, file.path));
}

/// The same but for case, for one letter, or for two that changed places.
bool is_nearly_index(std::string_view stem) {
  constexpr std::string_view kIndex = "index";
  if (stem == kIndex) return true;
  if (stem.size() + 1 < kIndex.size() || stem.size() > kIndex.size() + 1) return false;
  const auto [a, b] = std::mismatch(stem.begin(), stem.end(), kIndex.begin(), kIndex.end());
  const std::string_view rest(a, stem.end()), wanted(b, kIndex.end());
  if (rest.size() != wanted.size())
    return rest.size() > wanted.size() ? rest.substr(1) == wanted : rest == wanted.substr(1);
  if (rest.substr(1) == wanted.substr(1)) return true;
  return rest.size() > 1 && rest[0] == wanted[1] && rest[1] == wanted[0] && rest.substr(2) == wanted.substr(2);
}

/// The right name for one that is nearly right.
std::optional<std::string> meant(const Place& place) {
  const std::string name = lower(place.inside);
  if (name.find('/') != name.npos || !ends_with_any(name, kScriptEndings)) return std::nullopt;
  const std::size_t dot = name.find('.', place.bare ? 1 : 0);
  std::string right = name.substr(name.rfind('.'));
  if (right[1] == 'm' || right[1] == 'c') right.erase(1, 1);  // .mjs and the like
  if (place.bare) return std::string(kHome) + right;
  return is_nearly_index(std::string_view(name).substr(0, dot)) ? std::optional("index" + right) : std::nullopt;
}

}  // namespace

std::vector<std::string> module_directories(const Snapshot& snapshot) {
  std::set<std::string> directories;
  for (const CodeFile& file : snapshot.files) {
    const auto place = place_of(file.path);
    if (place && makes_module(snapshot, file, *place)) directories.insert(place->directory);
  }
  return {directories.begin(), directories.end()};
}

std::vector<ModuleHint> module_hints(const Snapshot& snapshot) {
  const std::vector<std::string> modules = module_directories(snapshot);
  std::vector<ModuleHint> hints;
  for (const CodeFile& file : snapshot.files) {
    const auto place = place_of(file.path);
    if (hints.size() >= kHints || !place) continue;
    if (std::binary_search(modules.begin(), modules.end(), place->directory)) continue;
    const bool script = place->inside.find('/') == place->inside.npos &&
                        ends_with_any(std::string_view(lower(place->inside)), kScriptEndings);
    if (!script) continue;
    if (const auto name = meant(*place))
      hints.push_back({file.path, "is no module because of its name: did you mean " + *name + "?"});
    else if (modules.empty())
      hints.push_back(
          {file.path, "is no module by itself: that is .owndir/index.js (or .jsx, .ts, .tsx), which may import it"});
  }
  return hints;
}

}  // namespace owndir::site
