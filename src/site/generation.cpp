#include "site/generation.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.hpp"
#include "base/random.hpp"
#include "site/publish_state.hpp"

namespace owndir::site {
namespace {

namespace fs = std::filesystem;
using modules::message::Done;
using nlohmann::json;

constexpr std::size_t kLargest = std::size_t{32} << 20;
constexpr const char* kResultFile = "result.json";
constexpr std::string_view kPrefix = "gen-";

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json read_json(const std::string& directory, const std::string& name) {
  const auto folder = RootedFolder::open(directory);
  const auto path = RootedPath::parse(name);
  if (!folder || !path) return {};
  const auto text = read_file(*folder, *path, kLargest);
  json object = text ? json::parse(*text, nullptr, false) : json();
  return object.is_object() ? object : json();
}

std::optional<Generation> load(const std::string& state_directory, const std::string& name) {
  const auto parsed = RootedPath::parse(name);
  if (!parsed || parsed->segments().size() != 1 || !name.starts_with(kPrefix)) return std::nullopt;
  Generation generation;
  generation.name = name;
  generation.directory = state_directory + "/" + name;
  const json object = read_json(generation.directory, kResultFile);
  if (!object.is_object()) return std::nullopt;
  generation.key = text_of(object, "key");
  generation.snapshot = text_of(object, "snapshot");
  const auto done = object.find("done");
  if (done == object.end()) return std::nullopt;
  auto message = modules::parse_host_message(json{{"done", *done}}.dump());
  auto* result = message ? std::get_if<Done>(&*message) : nullptr;
  std::error_code ignored;
  if (result == nullptr || !fs::is_directory(generation.site_directory(), ignored)) return std::nullopt;
  generation.result = std::move(*result);
  return generation;
}

/// Every file of the list must be there as an ordinary file, and sizes are what they are.
Result<void> check_result(const std::string& work, Done& result) {
  const auto site = RootedFolder::open(work + "/out/site");
  if (!site) return fail(Errc::malformed, "the build made no site");
  std::string all;
  for (auto& file : result.files) {
    const auto path = RootedPath::parse(file.path);
    const auto fd = path ? site->open(*path, O_PATH | O_NOFOLLOW) : fail(path.error());
    struct stat info{};
    if (!fd || ::fstat(fd->get(), &info) < 0 || !S_ISREG(info.st_mode))
      return fail(Errc::malformed, "the build tells of " + file.path + " but did not make it");
    file.bytes = static_cast<std::uint64_t>(info.st_size);
    all.append(file.path).append("\n");
  }
  if (!result.server.empty()) {
    std::error_code error;
    if (!fs::is_regular_file(work + "/out/" + result.server, error))
      return fail(Errc::malformed, "the build tells of server code but did not make it");
  }
  if (result.digest.empty()) result.digest = sha256_hex(all);
  return {};
}

json to_json(const Done& result) {
  json files = json::array();
  for (const auto& file : result.files) files.push_back({{"path", file.path}, {"bytes", file.bytes}});
  return {{"files", std::move(files)},
          {"server", result.server},
          {"routes", result.routes},
          {"modules", result.modules},
          {"digest", result.digest}};
}

Result<void> write_json(const std::string& directory, const char* name, const json& object) {
  const auto folder = RootedFolder::open(directory);
  if (!folder) return fail(folder.error());
  return write_file_atomically(*folder, name, object.dump(1, ' ', false, json::error_handler_t::replace) + "\n", 0600);
}

}  // namespace

std::optional<Generation> load_current(const std::string& state_directory) {
  const json current = read_json(state_directory, kCurrentFile);
  if (!current.is_object()) return std::nullopt;
  auto generation = load(state_directory, text_of(current, "generation"));
  if (!generation) log("site").warn("the last build in {} is damaged; build again", state_directory);
  return generation;
}

Result<std::string> begin_generation(const std::string& state_directory, const std::string& key) {
  std::string work = state_directory + "/" + std::string(kPrefix) + key.substr(0, 16) + "-" + system_random().hex(3);
  std::error_code error;
  for (const char* part : {"", "/source", "/out"}) {
    fs::create_directory(work + part, error);
    if (error) return fail(error, work);
    fs::permissions(work + part, fs::perms::owner_all, error);
  }
  return work;
}

Result<Generation> finish_generation(const std::string& state_directory, const std::string& work, std::string key,
                                     std::string snapshot, Done result) {
  if (auto checked = check_result(work, result); !checked) return fail(std::move(checked.error()));
  const json object = {{"key", key}, {"snapshot", snapshot}, {"done", to_json(result)}};
  if (auto written = write_json(work, kResultFile, object); !written) return fail(std::move(written.error()));
  Generation generation;
  generation.name = work.substr(work.rfind('/') + 1);
  generation.directory = work;
  const auto before = load_current(state_directory);
  const json current = {{"generation", generation.name}, {"before", before ? before->name : std::string()}};
  if (auto written = write_json(state_directory, kCurrentFile, current); !written)
    return fail(std::move(written.error()));
  generation.key = std::move(key);
  generation.snapshot = std::move(snapshot);
  generation.result = std::move(result);
  return generation;
}

void remove_old_generations(const std::string& state_directory) {
  const json current = read_json(state_directory, kCurrentFile);
  std::set<std::string> kept;
  if (current.is_object()) kept = {text_of(current, "generation"), text_of(current, "before")};
  std::error_code error;
  std::vector<fs::path> doomed;
  for (fs::directory_iterator it(state_directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(kPrefix) && !kept.contains(name)) doomed.push_back(it->path());
  }
  for (const fs::path& path : doomed) fs::remove_all(path, error);
}

}  // namespace owndir::site
