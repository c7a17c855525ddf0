#pragma once
// The JSON lines that the Node program prints (docs/modules.md): parsed and bounded, because what runs in that process
// is the folder's own code. Plain values, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace owndir::modules {

/// A place in a file and what is wrong there.
struct Problem {
  std::string text;
  std::string file;          ///< relative to the folder; may be empty
  std::uint32_t line = 0;    ///< 1 is the first; 0: unknown
  std::uint32_t column = 0;  ///< 1 is the first; 0: unknown
  std::string excerpt;       ///< the line itself, may be empty
};

namespace message {
struct Listening {
  bool middleware = true;  ///< false: exact files of the site need not be asked for
};
struct Pong {
  std::uint64_t number = 0;
};
struct Log {
  std::string level, text, module;
};
/// A handler of a module failed; its request has been answered with 500.
struct Failed {
  std::string module, text, stack;
  std::uint64_t request = 0;
};
/// A handler of `module` is about to run for `request`.
struct Busy {
  std::string module;
  std::uint64_t request = 0;
};
struct Step {
  std::string name, detail;
  bool done = false;
  std::int64_t milliseconds = 0;
};
struct Warning {
  Problem problem;
};
struct Failure {
  Problem problem;
};
struct BuiltFile {
  std::string path;
  std::uint64_t bytes = 0;
};
struct Done {
  std::vector<BuiltFile> files;
  std::string server;  ///< path below the result's directory; empty: no module has server code
  bool routes = false;
  std::vector<std::string> modules;
  std::string digest;
};
/// Valid JSON of a kind that this version does not know: ignored.
struct Unknown {};
}  // namespace message

using HostMessage = std::variant<message::Unknown, message::Listening, message::Pong, message::Log, message::Failed,
                                 message::Busy, message::Step, message::Warning, message::Failure, message::Done>;

/// Texts are cut to what a log can carry, numbers clamped. Errc::malformed when the line is no JSON object or a `done`
/// names what cannot be a path of a site.
Result<HostMessage> parse_host_message(std::string_view line);

}  // namespace owndir::modules
