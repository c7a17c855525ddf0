#include "gateway/assets.hpp"

#include <openssl/sha.h>

#include <array>
#include <map>

#include "base/bytes.hpp"
#include "base/embedded.hpp"
#include "base/media_type.hpp"
#include "gateway/listing_style.hpp"

namespace owndir::gateway {
namespace {

constexpr std::string_view kBase = "directory.css";

std::string hash_of(std::string_view content) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data());
  return to_hex(std::as_bytes(std::span(digest)).first(8));
}

}  // namespace

std::string content_tag(std::string_view content) {
  return "\"" + hash_of(content) + "\"";
}

namespace {

std::string hashed_name(std::string_view name, std::string_view hash) {
  const std::size_t dot = name.rfind('.');
  std::string hashed(name.substr(0, dot));
  hashed.append("-").append(hash);
  if (dot != name.npos) hashed += name.substr(dot);
  return hashed;
}

struct Table {
  std::map<std::string, Asset, std::less<>> by_name;
  std::map<std::string, std::string, std::less<>> url;  ///< plain name to the hashed one's URL

  Table() {
    add(kBase, kListingStyle);
    for (const EmbeddedFile& file : embedded_files()) add(file.name, file.content);
  }
  void add(std::string_view name, std::string_view content) {
    const std::string hash = hash_of(content);
    Asset asset{content, media_type(name), content_tag(content), false};
    if (asset.type.empty()) asset.type = "application/octet-stream";
    by_name.emplace(name, asset);
    asset.immutable = true;
    const std::string hashed = hashed_name(name, hash);
    by_name.emplace(hashed, asset);
    url.emplace(name, "/@/assets/" + hashed);
  }
};

const Table& table() {
  static const Table all;
  return all;
}

}  // namespace

std::optional<Asset> find_asset(std::string_view name) {
  const auto found = table().by_name.find(name);
  return found == table().by_name.end() ? std::nullopt : std::optional(found->second);
}

const PageAssets& listing_assets() {
  static const PageAssets assets = [] {
    PageAssets all;
    const auto& url = table().url;
    if (const auto style = url.find("listing.css"); style != url.end()) all.styles.push_back(style->second);
    all.styles.push_back(url.find(kBase)->second);  // last: it touches only what the server drew
    if (const auto script = url.find("listing.js"); script != url.end()) all.scripts.push_back(script->second);
    return all;
  }();
  return assets;
}

}  // namespace owndir::gateway
