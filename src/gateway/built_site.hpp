#pragma once
// A built site as it is served: a directory of the state directory that nobody else writes, and the paths in it. Where
// a request leads in it is decided here, without I/O. Immutable once made; any thread.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/rooted_path.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {

struct BuiltSite {
  RootedFolder folder;
  std::set<std::string, std::less<>> files;  ///< paths below `folder`
  std::string digest;
};

/// The file that `target` names exactly: itself, or the index.html of the directory that it names. A directory without
/// its '/' names none (see is_site_directory).
std::optional<RootedPath> exact_file(const BuiltSite& site, const Target& target);

/// `target` names a directory of the site that has a page, but lacks the '/' at its end.
bool is_site_directory(const BuiltSite& site, const Target& target);

/// The page of the nearest directory at or above `target` that has one.
struct NearestPage {
  RootedPath file;
  std::string base;  ///< from the target's address to the page's own directory: "./", "../../"
};
std::optional<NearestPage> nearest_page(const BuiltSite& site, const Target& target);

/// The page with a `<base href>` as the first thing of its head, so that its relative addresses hold where it is shown.
std::string with_base(std::string_view html, std::string_view base);

/// Whether the name carries its content's hash ("client-0a1b2c3d.js"): such a file never changes.
bool has_content_hash(std::string_view path);

}  // namespace owndir::gateway
