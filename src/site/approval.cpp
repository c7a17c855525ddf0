#include "site/approval.hpp"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace owndir::site {
namespace {

using nlohmann::json;

constexpr std::size_t kLargest = std::size_t{32} << 20;
constexpr const char* kRootManifest = ".owndir/package.json";

/// The string members of an object member.
std::map<std::string, std::string> texts_of(const json& object, const char* key) {
  std::map<std::string, std::string> texts;
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_object()) return texts;
  for (const auto& [name, value] : found->items())
    if (value.is_string()) texts[name] = value.get<std::string>();
  return texts;
}

Difference difference(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& now) {
  Difference found;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    if (old == before.end())
      found.added.push_back(name);
    else if (old->second != value)
      found.changed.push_back(name);
  }
  for (const auto& [name, value] : before)
    if (!now.contains(name)) found.removed.push_back(name);
  return found;
}

}  // namespace

Packages packages_of(const Snapshot& snapshot) {
  Packages packages;
  for (const auto& [path, text] : snapshot.manifests) {
    const json manifest = json::parse(text, nullptr, false);
    const std::size_t at = path.find(".owndir");
    const std::string module = at == 0 || at == path.npos ? std::string() : path.substr(0, at - 1) + ": ";
    for (const char* kind : {"dependencies", "optionalDependencies", "peerDependencies"})
      for (auto& [name, range] : texts_of(manifest, kind)) packages[module + name] = range;
  }
  return packages;
}

Approval make_approval(const Snapshot& snapshot, std::int64_t now_ms) {
  Approval approval;
  approval.digest = snapshot.digest;
  approval.at_ms = now_ms;
  for (const CodeFile& file : snapshot.files) approval.files[file.path] = file.sha256;
  approval.packages = packages_of(snapshot);
  return approval;
}

Result<std::optional<Approval>> load_approval(const RootedFolder& state) {
  const auto text = read_file(state, *RootedPath::parse(kApprovalFile), kLargest);
  if (!text) {
    if (text.error().code == std::errc::no_such_file_or_directory) return std::nullopt;
    return fail(text.error());
  }
  const json object = json::parse(*text, nullptr, false);
  const auto digest = object.is_object() ? object.find("digest") : object.end();
  if (!object.is_object() || digest == object.end() || !digest->is_string()) {
    log("site").warn("{} in the state directory is damaged: nothing counts as approved", kApprovalFile);
    return std::nullopt;
  }
  Approval approval;
  approval.digest = digest->get<std::string>();
  if (const auto at = object.find("at"); at != object.end() && at->is_number_integer())
    approval.at_ms = at->get<std::int64_t>();
  approval.files = texts_of(object, "files");
  approval.packages = texts_of(object, "packages");
  return approval;
}

Result<void> save_approval(const RootedFolder& state, const Approval& approval) {
  const json object = {
      {"digest", approval.digest}, {"at", approval.at_ms}, {"files", approval.files}, {"packages", approval.packages}};
  const std::string text = object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  return write_file_atomically(state, kApprovalFile, text, 0600);
}

Result<void> revoke_approval(const RootedFolder& state, std::int64_t now_ms) {
  const auto before = load_approval(state);
  if (before && !*before) return {};
  Approval withdrawn;
  withdrawn.at_ms = now_ms;
  return save_approval(state, withdrawn);
}

Difference difference_of(const Snapshot& before, const Snapshot& after) {
  return difference(make_approval(before, 0).files, make_approval(after, 0).files);
}

Review make_review(const Snapshot& snapshot, const std::optional<Approval>& approval) {
  const Approval now = make_approval(snapshot, 0);
  const Approval before = approval.value_or(Approval{});
  Review review;
  review.digest = snapshot.digest;
  review.modules = module_directories(snapshot);
  review.left_out = snapshot.left_out;
  review.hints = module_hints(snapshot);
  review.files = snapshot.files.size();
  review.bytes = snapshot.bytes;
  review.packages = now.packages;
  review.revoked = approval && approval->digest.empty();
  review.first = !approval || review.revoked;
  review.approved = !review.first && approval->digest == snapshot.digest;
  review.approved_at_ms = before.at_ms;
  review.file_changes = difference(before.files, now.files);
  review.package_changes = difference(before.packages, now.packages);
  if (const auto settings = root_settings(snapshot)) review.scripts = settings->scripts;
  return review;
}

Result<RootSettings> root_settings(const Snapshot& snapshot) {
  RootSettings settings;
  const auto manifest = snapshot.manifests.find(kRootManifest);
  if (manifest == snapshot.manifests.end()) return settings;
  const json object = json::parse(manifest->second, nullptr, false);
  const auto ours = object.is_object() ? object.find("owndir") : object.end();
  if (!object.is_object() || ours == object.end() || !ours->is_object()) return settings;
  if (const auto scripts = ours->find("scripts"); scripts != ours->end())
    settings.scripts = scripts->is_boolean() && scripts->get<bool>();
  const auto dist = ours->find("dist");
  if (dist == ours->end()) return settings;
  const auto path = dist->is_string() ? RootedPath::parse(dist->get<std::string>()) : fail(Errc::malformed, "");
  if (!path || path->is_root() || dist->get<std::string>().starts_with('/'))
    return fail(Errc::malformed,
                "\"owndir\": {\"dist\"} in .owndir/package.json must be a directory inside the folder, such as "
                "\"public\"; for one elsewhere use --dist");
  settings.dist = path->str();
  return settings;
}

}  // namespace owndir::site
