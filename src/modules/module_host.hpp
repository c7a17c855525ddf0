#pragma once
// The supervised Node child that runs the folder's own server code (docs/modules.md): started on demand, asked over a
// Unix socket in a directory that only this user can enter, pinged, bounded, and restarted with back-off when it ends.
// Whatever that code does costs the request that caused it and nothing else. Network thread only; `stop` before the end
// of the io_context.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/rooted_path.hpp"
#include "exchange/handler.hpp"
#include "modules/runtime.hpp"

namespace owndir::modules {

struct HostLimits {
  std::size_t requests = 256;                    ///< answered at once; a further one gets 503
  std::chrono::milliseconds start_wait{20'000};  ///< from the start to listening
  std::chrono::milliseconds ping_every{1'000};
  std::chrono::milliseconds silence{10'000};       ///< a child that does not answer pings for so long is killed
  std::chrono::milliseconds answer_wait{300'000};  ///< to a response's head; beyond: 504
  std::chrono::milliseconds first_backoff{100};    ///< doubled with each end that comes soon after the start
  std::chrono::milliseconds longest_backoff{30'000};
  std::chrono::milliseconds steady_after{10'000};     ///< a child that ran so long begins anew with first_backoff
  std::chrono::milliseconds backoff_patience{5'000};  ///< a request waits so long for a restart; beyond: 503
  std::size_t heap_mib = 512;                         ///< of JavaScript objects (--max-old-space-size)
  std::uint64_t data_bytes = std::uint64_t{2} << 30;  ///< of all that it may write to (RLIMIT_DATA)
  int log_lines_per_second = 100;                     ///< more are dropped and counted
};

struct HostOptions {
  Runtime runtime;
  std::string server;  ///< the built server code, absolute
  std::string folder;  ///< absolute
  std::string title;
  std::vector<std::string> site;  ///< paths of the built site
  std::string run_directory;      ///< mode 0700, for sockets; short enough for a socket's name
  /// Makes the child's end of its connection to the folder (docs/fsnode.md); empty: it gets none.
  std::function<FileDescriptor()> open_folder;
  HostLimits limits;
};

/// What the folder's code left to others: the exact file of the site, or nothing answered at all. `fields` are those
/// that middleware has set for the response.
struct Pass {
  enum class To { site, files };
  To to = To::files;
  exchange::Fields fields;
};

using HostAnswer = std::variant<exchange::Response, Pass>;

class ModuleHost {
 public:
  static std::shared_ptr<ModuleHost> create(asio::any_io_executor executor, HostOptions options);
  virtual ~ModuleHost() = default;

  /// Asks the folder's code. Every failure of it is a response: 502 when it ended, 504 when it fell silent or did not
  /// answer, 503 when it cannot be started now or has too much to do.
  virtual Awaitable<Result<HostAnswer>> handle(exchange::Request request) = 0;

  /// False once a child has said that exact files of the site need not be asked for.
  virtual bool has_middleware() const = 0;
  /// The process id of the running child, 0 when there is none. For tests and the log.
  virtual int child() const = 0;
  virtual std::size_t requests() const = 0;  ///< being answered now
  /// Waits for what is being answered, at most `grace`; then ends the child. Once.
  virtual Awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace owndir::modules
