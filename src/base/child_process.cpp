#include "base/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/child_start.hpp"
#include "base/log.hpp"

namespace owndir {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr int kReapTries = 200;
constexpr useconds_t kReapPause = 1000;

/// Lines out of a pipe.
class LineReader {
 public:
  LineReader(const asio::any_io_executor& executor, FileDescriptor pipe, std::size_t limit)
      : pipe_(executor, pipe.release()), limit_(limit) {}

  static Awaitable<Result<std::optional<std::string>>> next(LineReader& self) {
    for (;;) {
      const std::size_t end = self.buffer_.find('\n', self.scanned_);
      if (end != std::string::npos) {
        const bool whole = !std::exchange(self.skipping_, false) && end <= self.limit_;
        std::string line = self.buffer_.substr(0, end);
        self.buffer_.erase(0, end + 1);
        self.scanned_ = 0;
        if (!whole) co_return fail(Errc::too_large, "a line of the child's output");
        co_return std::optional<std::string>(std::move(line));
      }
      self.scanned_ = self.buffer_.size();
      if (self.skipping_ || self.buffer_.size() > self.limit_) {
        self.skipping_ = true;
        self.buffer_.clear();
        self.scanned_ = 0;
      }
      if (self.ended_) {
        if (std::exchange(self.skipping_, false)) co_return fail(Errc::too_large, "a line of the child's output");
        if (self.buffer_.empty()) co_return std::optional<std::string>();
        self.scanned_ = 0;
        co_return std::optional<std::string>(std::exchange(self.buffer_, {}));
      }
      const auto space = asio::buffer(self.piece_);
      const auto [error, size] = co_await self.pipe_.async_read_some(space, kTuple);
      if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "reading the child's output");
      if (error) self.ended_ = true;
      self.buffer_.append(self.piece_.data(), size);
    }
  }

 private:
  asio::posix::stream_descriptor pipe_;
  std::size_t limit_;
  std::string buffer_;
  std::size_t scanned_ = 0;
  std::array<char, 16384> piece_{};
  bool skipping_ = false;
  bool ended_ = false;
};

/// Children that did not end at once when they were killed (they hang in the kernel): collected at the next start.
std::vector<pid_t>& unreaped() {
  static std::vector<pid_t> all;
  return all;
}

void collect_unreaped() {
  std::erase_if(unreaped(), [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

ChildExit to_exit(int status) {
  ChildExit ended;
  if (WIFSIGNALED(status)) {
    ended.code = -1;
    ended.signal = WTERMSIG(status);
  } else {
    ended.code = WEXITSTATUS(status);
  }
  return ended;
}

class Child final : public ChildProcess {
 public:
  Child(asio::any_io_executor executor, StartedChild started, std::size_t line_limit)
      : pid_(started.pid),
        ended_(executor),
        handle_(executor, started.handle.release()),
        input_(executor, started.input.release()),
        output_(executor, std::move(started.output), line_limit),
        error_(executor, std::move(started.error), line_limit) {}

  ~Child() override {
    if (exit_) return;
    kill_group(SIGKILL);
    for (int tries = 0; tries < kReapTries; ++tries) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
      ::usleep(kReapPause);
    }
    unreaped().push_back(pid_);
  }

  Awaitable<Result<std::optional<std::string>>> read_line(Stream stream) override {
    return LineReader::next(stream == Stream::output ? output_ : error_);
  }

  Awaitable<Result<void>> write(std::string text) override {
    const auto data = asio::buffer(text);
    const auto [error, size] = co_await asio::async_write(input_, data, kTuple);
    if (error) co_return fail(error, "writing to the child");
    co_return Result<void>();
  }

  void close_input() override {
    boost::system::error_code ignored;
    input_.close(ignored);
  }

  pid_t pid() const override { return pid_; }
  bool running() const override { return !exit_; }

  std::uint64_t memory() const override {
    const std::string path = "/proc/" + std::to_string(pid_) + "/statm";
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[128] = {};
    if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return 0;
    const char* const second = std::strchr(text, ' ');
    if (second == nullptr) return 0;
    return std::strtoull(second, nullptr, 10) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  void signal(int number) override {
    if (!exit_) kill_group(number);
  }

  Awaitable<ChildExit> wait() override {
    while (!exit_) {
      // One waits for the kernel, the others for that one.
      const bool first = !std::exchange(awaited_, true);
      if (!first) {
        co_await ended_.wait();
        continue;
      }
      const auto [error] = co_await handle_.async_wait(asio::posix::descriptor_base::wait_read, kTuple);
      awaited_ = false;
      if (!error) reap();
      ended_.notify();
    }
    co_return *exit_;
  }

  Awaitable<ChildExit> stop(std::chrono::milliseconds grace) override {
    signal(SIGTERM);
    close_input();
    asio::steady_timer timer(handle_.get_executor(), grace);
    // An expired timer's handler may run after this coroutine: it looks whether the object is still there.
    timer.async_wait([this, here = std::weak_ptr<int>(alive_)](boost::system::error_code error) {
      if (!error && !here.expired()) signal(SIGKILL);
    });
    const ChildExit ended = co_await wait();
    co_return ended;
  }

 private:
  void kill_group(int number) const { ::kill(-pid_, number); }

  /// What the child itself started is in its group and must not outlive it; the group exists until the leader is
  /// waited for.
  void reap() {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid == 0) return;
    kill_group(SIGKILL);
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) exit_ = to_exit(status);
  }

  pid_t pid_;
  Notifier ended_;
  asio::posix::stream_descriptor handle_, input_;
  LineReader output_, error_;
  std::optional<ChildExit> exit_;
  bool awaited_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

std::string ChildExit::to_string() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  const char* const name = ::strsignal(signal);
  return "signal " + std::to_string(signal) + " (" + (name == nullptr ? "unknown" : name) + ")";
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(asio::any_io_executor executor, ChildOptions options) {
  collect_unreaped();
  const std::size_t line_limit = options.line_limit;
  auto started = start_child(std::move(options));
  if (!started) return fail(std::move(started.error()));
  return std::make_unique<Child>(std::move(executor), std::move(*started), line_limit);
}

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != name.npos) return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
  const char* const variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    std::string candidate = std::string(path.substr(0, colon)) + "/" + name;
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace owndir
