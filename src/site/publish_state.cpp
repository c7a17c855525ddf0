#include "site/publish_state.hpp"

#include <openssl/sha.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/log.hpp"

namespace owndir::site {
namespace {

constexpr std::string_view kName = "published.json";
constexpr std::size_t kLargest = std::size_t{8} << 20;

}  // namespace

Result<PublishState> load_state(const RootedFolder& directory) {
  PublishState state;
  const auto text = read_file(directory, *RootedPath::parse(kName), kLargest);
  if (!text) {
    if (text.error().code == std::errc::no_such_file_or_directory) return state;
    return fail(text.error());
  }
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto files = json.is_object() ? json.find("files") : json.end();
  if (!json.is_object() || files == json.end() || !files->is_object()) {
    log("site").warn("{} in the state directory is damaged: files published earlier count as foreign", kName);
    return state;
  }
  for (const auto& [path, record] : files->items()) {
    if (!record.is_object() || !RootedPath::parse(path)) continue;
    const auto sha256 = record.find("sha256");
    const auto unused = record.find("unused_since");
    if (sha256 == record.end() || !sha256->is_string()) continue;
    PublishedFile file;
    file.sha256 = sha256->get<std::string>();
    if (unused != record.end() && unused->is_number_integer()) file.unused_since = unused->get<std::int64_t>();
    state.emplace(path, std::move(file));
  }
  return state;
}

Result<void> save_state(const RootedFolder& directory, const PublishState& state) {
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [path, file] : state) {
    files[path] = {{"sha256", file.sha256}};
    if (file.unused_since != 0) files[path]["unused_since"] = file.unused_since;
  }
  const std::string text = nlohmann::json{{"files", std::move(files)}}.dump(1) + "\n";
  const auto present = read_file(directory, *RootedPath::parse(kName), kLargest);
  if (present && *present == text) return {};
  return write_file_atomically(directory, kName, text, 0600);
}

std::string sha256_hex(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  return to_hex(std::as_bytes(std::span(digest)));
}

}  // namespace owndir::site
