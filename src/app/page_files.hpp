#pragma once
// The page inside this program, and its launcher, as files of the folder. Blocking; any thread but for the Reporter's.

#include <string>
#include <string_view>

#include "app/reporter.hpp"
#include "base/rooted_path.hpp"

namespace owndir::app {

/// Publishes the page into `.owndir/.dist/` of the folder at `directory` and tells of it. `state`: as of site::publish.
Result<void> publish_page(const RootedFolder& folder, const std::string& directory, const std::string& state,
                          Reporter& reporter);

/// Writes owndir.html; where it cannot, the log says so.
void leave_launcher(const RootedFolder& folder, std::string_view place);

}  // namespace owndir::app
