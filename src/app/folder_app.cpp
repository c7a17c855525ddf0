#include "app/folder_app.hpp"

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>

namespace owndir::app {
namespace {

namespace fs = std::filesystem;

/// sockaddr_un holds 107 bytes; "/NN/mNNNN.sock" follows.
constexpr std::size_t kLongestRunDirectory = 85;

Result<std::string> make_cache_directory() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  fs::path directory;
  if (cache != nullptr && *cache == '/')
    directory = fs::path(cache) / "owndir";
  else if (home != nullptr && *home != '\0')
    directory = fs::path(home) / ".cache/owndir";
  else
    return fail(Errc::not_found, "no home directory for packages: set HOME or XDG_CACHE_HOME");
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(error, directory.string());
  return directory.string();
}

}  // namespace

std::string folder_name(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  const std::string name = slash == path.npos ? path : path.substr(slash + 1);
  return name.empty() ? path : name;
}

Result<site::SiteBuilderOptions> builder_options(const AppOptions& options) {
  site::SiteBuilderOptions builder;
  std::error_code error;
  builder.folder = fs::canonical(options.directory, error).string();
  if (error) return fail(error, "cannot open the folder " + options.directory);
  auto state = make_state_directory(options, "site");
  if (!state) return fail(std::move(state.error()));
  builder.state_directory = std::move(*state);
  auto cache = make_cache_directory();
  if (!cache) return fail(std::move(cache.error()));
  builder.cache_directory = std::move(*cache);
  builder.title = folder_name(builder.folder);
  builder.trust = options.trust;
  builder.dist = options.dist;
  if (!builder.dist.empty() && builder.dist.front() != '/' && !RootedPath::parse(builder.dist))
    return fail(Errc::malformed, "--dist " + builder.dist + " leads out of the folder; give an absolute path for that");
  return builder;
}

Result<std::string> make_run_directory(const std::string& state) {
  std::error_code error;
  std::string inside = state + "/run";
  if (inside.size() <= kLongestRunDirectory) {
    fs::remove_all(inside, error);
    fs::create_directory(inside, error);
    if (error) return fail(error, inside);
    fs::permissions(inside, fs::perms::owner_all, error);
    return inside;
  }
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  const bool usable = runtime != nullptr && *runtime == '/' && std::string_view(runtime).size() < 60;
  std::string name = (usable ? std::string(runtime) : fs::temp_directory_path(error).string()) + "/owndir-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return fail_errno(name);
  return name;
}

}  // namespace owndir::app
