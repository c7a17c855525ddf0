#include "app/page_files.hpp"

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "site/publish.hpp"

namespace owndir::app {

Result<void> publish_page(const RootedFolder& folder, const std::string& directory, const std::string& state,
                          Reporter& reporter) {
  const auto report = site::publish(folder, site::page_site(), state);
  if (!report) return fail(report.error().code, "cannot write the page into " + directory + "/.owndir/.dist");
  for (const std::string& path : report->foreign)
    log("app").warn(".owndir/.dist/{} is not ours; it is left alone and not served", printable(path));
  reporter.event("published", {{"written", report->written}, {"unchanged", report->unchanged.size()}}, "");
  return {};
}

void leave_launcher(const RootedFolder& folder, std::string_view place) {
  const auto launcher = site::publish_launcher(folder, place);
  if (!launcher && launcher.error().is(Errc::conflict))
    log("app").warn("owndir.html in the folder is not ours and is left as it is; --no-launcher silences this");
  else if (!launcher)
    log("app").warn("cannot write owndir.html: {}", launcher.error().to_string());
}

}  // namespace owndir::app
