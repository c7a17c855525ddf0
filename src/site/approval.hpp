#pragma once
// What the owner has approved to run, and how what is there now differs from it. The approval is one file,
// `approved.json`, in the state directory, outside the folder: only the digest that it names may be built. Blocking;
// any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rooted_path.hpp"
#include "site/module_layout.hpp"
#include "site/snapshot.hpp"

namespace owndir::site {

inline constexpr const char* kApprovalFile = "approved.json";

/// Packages that modules ask for: "name" or "module: name" to the range.
using Packages = std::map<std::string, std::string>;

struct Approval {
  std::string digest;                        ///< "" once it is withdrawn: nothing has that digest
  std::int64_t at_ms = 0;                    ///< Unix time; of the withdrawal when it is withdrawn
  std::map<std::string, std::string> files;  ///< path to SHA-256
  Packages packages;
};

/// From the dependencies of every package.json in the snapshot.
Packages packages_of(const Snapshot& snapshot);

Approval make_approval(const Snapshot& snapshot, std::int64_t now_ms);

/// Nothing when there is none; a damaged file counts as none, with a warning.
Result<std::optional<Approval>> load_approval(const RootedFolder& state);
Result<void> save_approval(const RootedFolder& state, const Approval& approval);
/// Nothing may run from now on. What was approved is remembered, so that the next review can tell it from a first one.
Result<void> revoke_approval(const RootedFolder& state, std::int64_t now_ms);

struct Difference {
  std::vector<std::string> added, changed, removed;
  bool empty() const { return added.empty() && changed.empty() && removed.empty(); }
};

/// Of the files of two moments.
Difference difference_of(const Snapshot& before, const Snapshot& after);

/// What the owner is to look at before approving.
struct Review {
  std::string digest;
  std::vector<std::string> modules;   ///< directories, "" for the folder itself
  std::vector<std::string> left_out;  ///< Snapshot::left_out
  std::vector<ModuleHint> hints;      ///< what was probably meant to be a module
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  bool scripts = false;             ///< install scripts of packages are asked for
  bool first = true;                ///< no approval to compare with: none was given, or the last one was withdrawn
  bool revoked = false;             ///< the latter
  bool approved = false;            ///< it is what is approved
  std::int64_t approved_at_ms = 0;  ///< of the withdrawal when `revoked`
  Packages packages;
  Difference file_changes, package_changes;  ///< since the last approval; at a first one everything is added
};

Review make_review(const Snapshot& snapshot, const std::optional<Approval>& approval);

/// `"owndir": {"dist": "PATH", "scripts": true}` of the root module's package.json.
struct RootSettings {
  std::string dist;  ///< relative to the folder; empty: not set
  bool scripts = false;
};
/// Errc::malformed with a sentence when a setting cannot be meant.
Result<RootSettings> root_settings(const Snapshot& snapshot);

}  // namespace owndir::site
