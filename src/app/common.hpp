#pragma once
// What `serve` and `connect` have in common: options, the state directory outside the folder, and the loop that runs
// one command from start to a clean stop.

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/rooted_path.hpp"
#include "rtc/peer.hpp"

namespace owndir::app {

/// Exit codes of the program; --help lists them.
enum ExitCode : int { kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitNoConnection = 3, kExitNotApproved = 4 };

/// The STUN servers of a plain start; `--stun none` goes without, `--stun URL` replaces them.
inline const std::vector<std::string> kDefaultStun = {"stun:stun.l.google.com:19302", "stun:stun.cloudflare.com:3478"};

struct CommonOptions {
  std::string directory;           ///< the folder
  std::string state;               ///< state directory; empty: below $XDG_STATE_HOME, by the folder's real path
  std::string name;                ///< of this device; empty: the host name
  std::string bind = "127.0.0.1";  ///< numeric address of the local port
  std::uint16_t port = 0;          ///< 0: any free one
  bool port_given = false;         ///< a port that was asked for must be had
  std::vector<std::string> stun = kDefaultStun;
  std::vector<std::string> turn;  ///< "turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]"
  bool polling = false;           ///< do not use inotify
  bool json = false;
};

/// STUN and TURN servers as `rtc` takes them. Errc::malformed with a sentence.
Result<std::vector<rtc::IceServer>> ice_servers(const CommonOptions& options);

/// The directory where `role` ("serve", "connect") keeps what must not be in the folder; made with mode 0700.
/// Refuses one inside the folder.
Result<std::string> make_state_directory(const CommonOptions& options, std::string_view role);

/// Holds an exclusive lock on the state directory, so that one process a role works on a folder. Errc::conflict names
/// the other one's process id.
Result<FileDescriptor> lock_state_directory(const std::string& directory);
/// Whether some process holds that lock now: its program runs.
bool is_state_directory_locked(const std::string& directory);

/// The host name, or "owndir" where there is none.
std::string host_name();

/// What happened and what to do next, on standard error; for errors that end a command.
void print_error(const std::string& message);
/// The error's own sentence, and the system's reason where there is one.
void print_error(const Error& error);

/// Runs `command` on a fresh io_context until it returns its exit code. The first SIGINT or SIGTERM cancels it (it then
/// cleans up and returns), the second one ends the process.
class Runner {
 public:
  Runner();
  ~Runner();
  asio::io_context& context() { return context_; }
  asio::thread_pool& files() { return files_; }
  /// Notified by the first signal.
  Notifier& stop_requested() { return stop_; }
  bool stopping() const { return stopping_; }
  int run(Awaitable<int> command);

 private:
  asio::io_context context_{1};
  asio::thread_pool files_{2};
  Notifier stop_{context_.get_executor()};
  bool stopping_ = false;
};

}  // namespace owndir::app
