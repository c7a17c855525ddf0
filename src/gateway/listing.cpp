#include "gateway/listing.hpp"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/directory_stream.hpp"
#include "base/media_type.hpp"
#include "exchange/head.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

constexpr std::uint64_t kCountLimit = 1'000'000;  ///< entries beyond are not even counted

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Entry describe(const RootedFolder& folder, const RootedPath& path, int directory, const dirent& item) {
  Entry entry;
  entry.name = item.d_name;
  struct stat info{};
  if (::fstatat(directory, item.d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) return entry;
  if (S_ISLNK(info.st_mode)) {
    // A link shows what it leads to, if that is inside the folder.
    const auto child = path.child(entry.name);
    const auto target = child ? folder.stat(*child) : Result<struct stat>(fail(Errc::not_found));
    if (target)
      info = *target;
    else
      entry.obstacle = target.error().code == std::errc::cross_device_link ? Obstacle::outside : Obstacle::broken;
  }
  if (S_ISDIR(info.st_mode)) entry.type = EntryType::directory;
  if (S_ISREG(info.st_mode)) {
    entry.type = EntryType::file;
    entry.size = static_cast<std::uint64_t>(info.st_size);
  }
  entry.modified_ms = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
  return entry;
}

std::string_view type_name(EntryType type) {
  switch (type) {
    case EntryType::file: return "file";
    case EntryType::directory: return "directory";
    case EntryType::other: break;
  }
  return "other";
}

std::string_view obstacle_name(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::outside: return "outside";
    case Obstacle::broken: return "broken";
    case Obstacle::special: break;
  }
  return "special";
}

}  // namespace

Result<Listing> read_listing(const RootedFolder& folder, const RootedPath& path, std::size_t limit) {
  const auto directory = open_directory(folder, path);
  if (!directory) return fail(directory.error());
  const int number = ::dirfd(directory->get());
  Listing listing;
  listing.path = path;
  for (;;) {
    errno = 0;
    const dirent* item = ::readdir(directory->get());
    if (item == nullptr) {
      if (errno != 0) return fail_errno(path.str());
      break;
    }
    const std::string_view name = item->d_name;
    if (name == "." || name == ".." || is_hidden(name)) continue;
    ++listing.total;
    if (listing.total >= kCountLimit) break;
    if (listing.entries.size() < limit) listing.entries.push_back(describe(folder, path, number, *item));
  }
  listing.truncated = listing.total > listing.entries.size();
  std::sort(listing.entries.begin(), listing.entries.end(), [](const Entry& a, const Entry& b) {
    const bool a_directory = a.type == EntryType::directory;
    const bool b_directory = b.type == EntryType::directory;
    return a_directory != b_directory ? a_directory : natural_less(a.name, b.name);
  });
  return listing;
}

bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      while (a.size() > 1 && a[0] == '0' && is_digit(a[1])) a.remove_prefix(1);
      while (b.size() > 1 && b[0] == '0' && is_digit(b[1])) b.remove_prefix(1);
      std::size_t la = 0;
      std::size_t lb = 0;
      while (la < a.size() && is_digit(a[la])) ++la;
      while (lb < b.size() && is_digit(b[lb])) ++lb;
      if (la != lb) return la < lb;
      if (const int order = a.substr(0, la).compare(b.substr(0, lb)); order != 0) return order < 0;
      a.remove_prefix(la);
      b.remove_prefix(lb);
      continue;
    }
    const auto x = static_cast<unsigned char>(lower(a.front()));
    const auto y = static_cast<unsigned char>(lower(b.front()));
    if (x != y) return x < y;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

std::string listing_json(const Listing& listing) {
  std::string json = R"({"path":)";
  const auto quoted = [](std::string_view text) { return nlohmann::json(to_utf8(text)).dump(); };
  json += quoted("/" + listing.path.str() + (listing.path.is_root() ? "" : "/"));
  json += R"(,"entries":[)";
  bool first = true;
  for (const Entry& entry : listing.entries) {
    const bool directory = entry.type == EntryType::directory;
    const std::string_view type = entry.type == EntryType::file ? media_type(entry.name) : std::string_view();
    json.append(first ? "" : ",").append(R"({"name":)").append(quoted(entry.name));
    json.append(R"(,"href":")").append(percent_encode(entry.name)).append(directory ? "/" : "");
    json.append(R"(","type":")").append(type_name(entry.type));
    json.append(R"(","size":)").append(std::to_string(entry.size));
    json.append(R"(,"mtime":)").append(std::to_string(entry.modified_ms));
    json.append(R"(,"mime":")").append(essence(type)).append("\"");
    if (entry.type == EntryType::other)
      json.append(R"(,"obstacle":")").append(obstacle_name(entry.obstacle)).append("\"");
    json += '}';
    first = false;
  }
  json.append(R"(],"truncated":)").append(listing.truncated ? "true" : "false");
  json.append(R"(,"total":)").append(std::to_string(listing.total)).append("}\n");
  return json;
}

}  // namespace owndir::gateway
