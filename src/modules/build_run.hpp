#pragma once
// One run of the Node program that builds a site (docs/modules.md): a job in, steps, warnings and errors out, a result
// at the end. The folder's own code runs in that child (generators, plugins): it is bounded in memory and time. Network
// thread only.

#include <chrono>
#include <functional>
#include <string>
#include <variant>

#include "base/async.hpp"
#include "base/rooted_path.hpp"
#include "modules/host_message.hpp"
#include "modules/runtime.hpp"

namespace owndir::modules {

struct BuildJob {
  std::string source;  ///< the approved copy of the tree's code, absolute
  std::string folder;  ///< the folder itself, absolute
  std::string out;     ///< receives site/** and server/**, absolute
  std::string cache;   ///< packages that several builds share, absolute
  std::string title;
  bool single_file = false;
  bool scripts = false;                         ///< packages' install scripts may run
  std::function<FileDescriptor()> open_folder;  ///< as HostOptions::open_folder
};

struct BuildLimits {
  std::chrono::milliseconds total{900'000};
  std::size_t heap_mib = 1024;
  std::uint64_t data_bytes = std::uint64_t{4} << 30;
  std::size_t problems = 200;  ///< further warnings and errors are counted only
};

using BuildEvent = std::variant<message::Step, message::Warning, message::Failure>;

/// Errors: Errc::malformed when the build failed (every reason went to `on_event`, the first is in the context),
/// Errc::timeout, Errc::closed when the child ended without a result, errno's of starting it.
Awaitable<Result<message::Done>> run_build(const Runtime& runtime, const BuildJob& job, const BuildLimits& limits,
                                           std::function<void(const BuildEvent&)> on_event);

}  // namespace owndir::modules
