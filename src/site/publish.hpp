#pragma once
// Publishes a built site into `.owndir/.dist/` of the folder: each file by temporary name and rename, `index.html`
// last, unchanged files untouched (each rewrite is sync traffic), files of earlier generations removed 7 days after
// they fell out of use, or when three later ones have fallen out too, leftovers of killed processes after a day. What
// others wrote there is reported and left alone. Blocking: call it on a file thread.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/rooted_path.hpp"

namespace owndir::site {

struct SiteFile {
  std::string path;          ///< below `.owndir/.dist/`, '/'-separated
  std::string_view content;  ///< valid as long as the process, or as its Site
};

/// The page: index.html, its script and style under names that carry their content's SHA-256, `dist.js` as an alias,
/// and what its apps need, under a service worker where it has an http(s) origin and in a frame from disk
/// (docs/intercept.md). The same program gives the same bytes.
std::vector<SiteFile> page_site();

/// Whether an index.html is that page, of this or another version, rather than a site that a folder's modules made.
bool is_page(std::string_view html);

struct PublishReport {
  std::vector<std::string> written, unchanged, removed, foreign;
};

/// `state_directory` remembers which files are ours and since when an old one is out of use. `place`: the directory in
/// `folder`, "" for the folder itself.
Result<PublishReport> publish(const RootedFolder& folder, const std::vector<SiteFile>& site,
                              const std::string& state_directory, const Clock& clock = system_clock(),
                              std::string_view place = ".owndir/.dist");

/// The visible launcher `owndir.html` in the folder's root, which leads to the page. Never overwrites a file that is
/// not ours (ours carries a marker): then Errc::conflict. `place` as for publish.
Result<void> publish_launcher(const RootedFolder& folder, std::string_view place = ".owndir/.dist");

}  // namespace owndir::site
