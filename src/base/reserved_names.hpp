#pragma once
// Names in the folder that are not the person's: machinery that nobody may see, our own temporary files, and the code
// of modules, which is read but not written from outside. All without regard to case, because the file system may have
// none. Plain functions, any thread.

#include <string>
#include <string_view>

#include "base/rooted_path.hpp"

namespace owndir {

/// Neither listed nor served: .wrtc-proxy, .stfolder, .stversions, and is_temporary; wherever they are.
bool is_hidden(std::string_view name);
bool is_hidden(const RootedPath& path);

/// Temporary files of ours and of Syncthing, which neither lists nor sends what has its own pattern
/// (`.syncthing.*.tmp`,
/// `~syncthing~*.tmp`).
bool is_temporary(std::string_view name);

/// Of those, the ones that this program and its pages make.
bool is_own_temporary(std::string_view name);

/// Begins with ".owndir": code and state of modules.
bool is_module_name(std::string_view name);

/// A folder that holds one of these is not to be deleted or moved from outside: module code, Syncthing's own.
bool is_protected(std::string_view name);

/// A fresh name, ".syncthing.owndir-HEX.tmp": hidden everywhere, and ignored by Syncthing, which also removes it should
/// nobody else.
std::string temporary_name();

/// Where the bytes of an unfinished upload are kept, hidden likewise. `id` is [a-z0-9]+.
std::string partial_name(std::string_view id);

}  // namespace owndir
