#pragma once
// What a directory holds, as data, as JSON and as a page. Reading blocks: on a file thread. Plain values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/reserved_names.hpp"
#include "base/rooted_path.hpp"
#include "base/utf8.hpp"

namespace owndir::gateway {

enum class EntryType { file, directory, other };

/// Why an entry of type `other` cannot be opened: a link out of the folder, a link to nothing, or none of both.
enum class Obstacle { outside, broken, special };

struct Entry {
  std::string name;  ///< raw bytes of the file system
  EntryType type = EntryType::other;
  Obstacle obstacle = Obstacle::special;  ///< of `other` alone
  std::uint64_t size = 0;                 ///< bytes; 0 for all but files
  std::int64_t modified_ms = 0;           ///< Unix time
};

struct Listing {
  RootedPath path;
  std::vector<Entry> entries;  ///< directories first, then in natural order
  std::uint64_t total = 0;     ///< how many there are, also when fewer are listed
  bool truncated = false;
};

/// At most `limit` entries. ENOTDIR when it is no directory. Blocking.
Result<Listing> read_listing(const RootedFolder& folder, const RootedPath& path, std::size_t limit);

/// "a2" before "a10", letters without regard to case, and a total order.
bool natural_less(std::string_view a, std::string_view b);

std::string listing_json(const Listing& listing);

struct PageAssets {
  std::vector<std::string> styles;  ///< URLs
  std::vector<std::string> scripts;
};

/// A complete HTML document; without script a table, with script the place where it draws its own.
std::string listing_page(const Listing& listing, std::string_view folder_name, const PageAssets& assets);

}  // namespace owndir::gateway
