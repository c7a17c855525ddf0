#include "base/leftovers.hpp"
#include "base/percent.hpp"
#include "site/publish.hpp"

namespace owndir::site {
namespace {

constexpr std::string_view kName = "owndir.html";
constexpr std::string_view kPlace = ".owndir/.dist";
constexpr std::string_view kMarker = "<!-- owndir launcher -->";
constexpr std::size_t kLargest = std::size_t{1} << 20;

constexpr std::string_view kLauncher = R"html(<!doctype html>
<!-- owndir launcher -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url=.owndir/.dist/index.html">
<title>Open this folder</title>
<style>
:root { color-scheme: light dark; --ground: #fbfbfa; --ink: #1c1d1f; --soft: #6a6e75; --accent: #2f6f4f; --on: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181a; --ink: #e9eaec; --soft: #9aa0a8; --accent: #7fc7a0; --on: #10221a; }
}
body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 2rem; background: var(--ground);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; text-align: center; }
h1 { margin: 0 0 .4rem; font-size: 1.6rem; letter-spacing: -.015em; }
p { max-width: 30rem; margin: 0 auto 1.4rem; color: var(--soft); }
a { display: inline-block; padding: .6rem 1.4rem; border-radius: 999px; background: var(--accent); color: var(--on);
  font-weight: 600; text-decoration: none; }
a:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
small { display: block; margin-top: 1.4rem; color: var(--soft); }
</style>
</head>
<body>
<main>
<h1>Open this folder</h1>
<p>This leads to the page that connects this copy of the folder to the computer at home.</p>
<a href=".owndir/.dist/index.html">Open</a>
<small>If nothing opens, the sync has not brought the page yet: wait a moment and try again.</small>
</main>
</body>
</html>
)html";

}  // namespace

Result<void> publish_launcher(const RootedFolder& folder, std::string_view place) {
  std::string launcher(kLauncher);
  std::string address;
  for (const char& c : place) address += c == '/' ? std::string(1, c) : percent_encode({&c, 1});
  for (std::size_t at = launcher.find(kPlace); at != launcher.npos; at = launcher.find(kPlace, at + address.size()))
    launcher.replace(at, kPlace.size(), address);
  remove_leftovers(folder, system_clock().wall());
  const auto path = RootedPath::parse(kName);
  const auto existing = read_file(folder, *path, kLargest);
  if (existing && *existing == launcher) return {};
  const bool missing = !existing && existing.error().code == std::errc::no_such_file_or_directory;
  const bool ours = existing && existing->find(kMarker) != std::string::npos;
  if (!missing && !ours)
    return fail(Errc::conflict,
                "owndir.html in the folder is not the launcher; move it away to have one, or start with --no-launcher");
  return write_file_atomically(folder, kName, launcher, 0644, missing);
}

}  // namespace owndir::site
