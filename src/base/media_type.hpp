#pragma once
// Media types by file name, and what follows from one. Constant tables, any thread.

#include <string_view>

namespace owndir {

/// With "; charset=utf-8" where it is text; "" when the name says nothing.
std::string_view media_type(std::string_view file_name);

/// For a file whose name says nothing: text, or not, by its first bytes.
std::string_view sniffed_media_type(std::string_view first_bytes);

/// Whether a browser runs scripts in a document of this type (HTML, SVG, any XML).
bool is_active(std::string_view type);

/// Without parameters: "text/html".
std::string_view essence(std::string_view type);

}  // namespace owndir
