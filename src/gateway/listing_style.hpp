#pragma once
// The style of the directory page as the server draws it, which needs no script and no bundle. Everything is scoped to
// .listing-… so that nothing of it is left over once listing.js has drawn its own view.

#include <string_view>

namespace owndir::gateway {

extern const std::string_view kListingStyle;

}  // namespace owndir::gateway
