#pragma once
// Does Syncthing's .stignore keep the handshake files from travelling? Pure function, any thread.

#include <string>
#include <string_view>
#include <vector>

namespace owndir::rendezvous {

/// A sentence for each line that matches the handshake directory or its records (patterns with *, **, ?, [..], {..} and
/// the prefixes !, (?d), (?i)); empty when none does. #include lines are not followed.
std::vector<std::string> stignore_warnings(std::string_view text);

}  // namespace owndir::rendezvous
