#pragma once
// Which figures of a program are asked for: its arguments are beginnings of their names (./dev bench NAME…).

#include <algorithm>
#include <string_view>
#include <vector>

namespace owndir::bench {

class Wanted {
 public:
  Wanted(int count, char** arguments) : prefixes_(arguments + 1, arguments + count) {}
  /// Without arguments all are. A longer argument names one of several figures that are measured together.
  bool operator()(std::string_view name) const {
    return prefixes_.empty() || std::ranges::any_of(prefixes_, [&](std::string_view prefix) {
             return name.starts_with(prefix) || prefix.starts_with(name);
           });
  }

 private:
  std::vector<std::string_view> prefixes_;
};

}  // namespace owndir::bench
