#pragma once
// The directory page's own style, which needs no script and no bundle.

#include <string_view>

namespace owndir::gateway {

extern const std::string_view kListingStyle;

}  // namespace owndir::gateway
