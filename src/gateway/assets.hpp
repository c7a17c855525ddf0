#pragma once
// The files of web/ under /@/assets/, by plain name or by a name that carries the content's hash ("listing-0123….js"),
// which browsers may keep for ever. Views live as long as the process; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "gateway/listing.hpp"

namespace owndir::gateway {

struct Asset {
  std::string_view content;
  std::string_view type;
  std::string etag;
  bool immutable = false;
};

std::optional<Asset> find_asset(std::string_view name);

/// A strong entity tag made of the content's hash.
std::string content_tag(std::string_view content);

/// What the directory page links to: what there is of the base style, listing.css and listing.js.
const PageAssets& listing_assets();

}  // namespace owndir::gateway
