#include "base/reserved_names.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace owndir {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool equals(std::string_view name, std::string_view lower_case) {
  return name.size() == lower_case.size() &&
         std::equal(name.begin(), name.end(), lower_case.begin(), [](char a, char b) { return lower(a) == b; });
}
bool begins(std::string_view name, std::string_view lower_case) {
  return equals(name.substr(0, lower_case.size()), lower_case);
}
bool ends(std::string_view name, std::string_view lower_case) {
  return name.size() >= lower_case.size() && equals(name.substr(name.size() - lower_case.size()), lower_case);
}
bool is_sync_marker(std::string_view name) {
  return equals(name, ".stfolder") || equals(name, ".stversions");
}

}  // namespace

bool is_hidden(std::string_view name) {
  return equals(name, ".wrtc-proxy") || is_sync_marker(name) || is_temporary(name);
}

bool is_hidden(const RootedPath& path) {
  return std::any_of(path.segments().begin(), path.segments().end(),
                     [](const std::string& segment) { return is_hidden(std::string_view(segment)); });
}

bool is_temporary(std::string_view name) {
  if (begins(name, ".owndir-upload-")) return true;
  return ends(name, ".tmp") && (begins(name, ".syncthing.") || begins(name, "~syncthing~") || begins(name, ".owndir-"));
}

bool is_own_temporary(std::string_view name) {
  return begins(name, ".owndir-upload-") || (begins(name, ".syncthing.owndir-") && ends(name, ".tmp"));
}

bool is_module_name(std::string_view name) {
  return begins(name, ".owndir");
}

bool is_protected(std::string_view name) {
  return (is_module_name(name) && !is_temporary(name)) || is_sync_marker(name);
}

std::string temporary_name() {
  return ".syncthing.owndir-" + system_random().hex(8) + ".tmp";
}

std::string partial_name(std::string_view id) {
  return ".syncthing.owndir-upload-" + std::string(id) + ".tmp";
}

}  // namespace owndir
