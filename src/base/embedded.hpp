#pragma once
// The files of web/ as bundled at build time and compiled into the program (see cmake/Web.cmake, web/build.mjs).
// Views are valid as long as the process. Any thread.

#include <optional>
#include <span>
#include <string_view>

namespace owndir {

struct EmbeddedFile {
  std::string_view name;  ///< for example "page.js"
  std::string_view content;
};

std::span<const EmbeddedFile> embedded_files();
std::optional<std::string_view> embedded_file(std::string_view name);

}  // namespace owndir
