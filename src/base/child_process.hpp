#pragma once
// A program that we run: its standard streams as bounded lines, one extra descriptor as fd 3, and an end that is
// certain. The child leads its own process group (a Ctrl-C of the terminal does not reach it), inherits nothing else,
// dies with this process (PR_SET_PDEATHSIG: start it on a thread that lives as long as the program), and is the first
// that the kernel ends when memory runs out. One owner, network thread only.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/rooted_path.hpp"

namespace owndir {

struct ChildOptions {
  std::string program;                   ///< absolute path
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< "NAME=value", complete
  std::string directory = "/";           ///< where it starts
  FileDescriptor channel;                ///< becomes its fd 3; may be empty
  std::uint64_t data_limit = 0;          ///< RLIMIT_DATA in bytes (setrlimit(2)): what it may write to; 0: none
  std::size_t line_limit = std::size_t{1} << 20;  ///< a longer line is dropped and told as Errc::too_large
};

/// How a child ended.
struct ChildExit {
  int code = 0;    ///< exit status; -1 when a signal ended it
  int signal = 0;  ///< 0 when it exited by itself
  bool ok() const { return code == 0 && signal == 0; }
  std::string to_string() const;  ///< "exit code 3", "signal 9 (Killed)"
};

class ChildProcess {
 public:
  /// Errors: errno's of pipe, fork, chdir and exec, with the program's name.
  static Result<std::unique_ptr<ChildProcess>> start(asio::any_io_executor executor, ChildOptions options);
  /// Kills the whole group when it still runs, and leaves no zombie.
  virtual ~ChildProcess() = default;

  enum class Stream { output, error };
  /// The next line without its end; nothing at the end of the stream. Errc::too_large for a line beyond the limit: the
  /// next call goes on after it. One reader a stream.
  virtual Awaitable<Result<std::optional<std::string>>> read_line(Stream stream) = 0;
  /// Returns when the pipe has taken all of it. One writer at a time.
  virtual Awaitable<Result<void>> write(std::string text) = 0;
  virtual void close_input() = 0;

  virtual pid_t pid() const = 0;
  virtual bool running() const = 0;
  /// Resident memory, bytes; 0 when unknown.
  virtual std::uint64_t memory() const = 0;
  /// To the whole group; nothing once it has ended.
  virtual void signal(int number) = 0;
  /// Returns when it has ended; many may wait, and again later.
  virtual Awaitable<ChildExit> wait() = 0;
  /// SIGTERM, SIGKILL after `grace`, then the end.
  virtual Awaitable<ChildExit> stop(std::chrono::milliseconds grace) = 0;
};

/// The absolute path of `name` in PATH, or `name` itself when it has a '/'; nothing when there is no such program.
std::optional<std::string> find_program(const std::string& name);

}  // namespace owndir
