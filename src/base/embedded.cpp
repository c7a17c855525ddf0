#include "base/embedded.hpp"

#include <cstdint>
#include <vector>

// The table that web/build.mjs writes as assembly: name and content of each file with their lengths, ended by zeros.
extern "C" {
struct OwndirEmbeddedEntry {
  const char* name;
  std::uint64_t name_size;
  const char* content;
  std::uint64_t content_size;
};
extern const OwndirEmbeddedEntry owndir_embedded_table[];
}

namespace owndir {

std::span<const EmbeddedFile> embedded_files() {
  static const std::vector<EmbeddedFile> files = [] {
    std::vector<EmbeddedFile> all;
    for (const OwndirEmbeddedEntry* entry = owndir_embedded_table; entry->name != nullptr; ++entry)
      all.push_back({{entry->name, entry->name_size}, {entry->content, entry->content_size}});
    return all;
  }();
  return files;
}

std::optional<std::string_view> embedded_file(std::string_view name) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.name == name) return file.content;
  return std::nullopt;
}

}  // namespace owndir
