#pragma once
// Text in the pages that the server draws itself: nothing of a name or an address is ever markup. Plain functions.

#include <string>
#include <string_view>

namespace owndir::gateway {

/// The product's mark, as the page from disk has it too (web/shell/index.html).
extern const std::string_view kIconSvg;

/// For element content and quoted attributes; control characters are shown as U+FFFD, not obeyed.
std::string escape_html(std::string_view text);

/// Likewise for bytes of the file system, which need not be UTF-8.
std::string escape_name(std::string_view name);

/// `<!doctype html>` up to and including the icon, with the title (text, not markup).
std::string page_start(std::string_view title);

}  // namespace owndir::gateway
