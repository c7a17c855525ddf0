#include "base/child_start.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace owndir {
namespace {

struct Pipe {
  FileDescriptor read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe");
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// All that the child needs after fork, where only async-signal-safe calls are allowed (fork(2)).
struct Prepared {
  const char* program;
  const char* directory;
  char* const* arguments;
  char* const* environment;
  int streams[4];  ///< what becomes 0, 1, 2 and 3; the last may be -1
  int report;      ///< errno goes here when exec fails; closed by exec
  pid_t parent;
  rlim_t data_limit;
};

/// The kernel ends the child before us when memory runs out.
void prefer_as_victim() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, "600", 3);
  ::close(fd);
}

bool arrange_descriptors(Prepared& child) {
  constexpr int kHigh = 16;  // above every number that is given away below
  for (int& stream : child.streams) {
    if (stream < 0) continue;
    stream = ::fcntl(stream, F_DUPFD_CLOEXEC, kHigh);
    if (stream < 0) return false;
  }
  child.report = ::fcntl(child.report, F_DUPFD_CLOEXEC, kHigh);
  if (child.report < 0) return false;
  for (int number = 0; number < 4; ++number)
    if (child.streams[number] >= 0 && ::dup2(child.streams[number], number) < 0) return false;
  const unsigned first_other = child.streams[3] >= 0 ? 4 : 3;
  constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC: the report must live until exec
  return ::syscall(SYS_close_range, first_other, ~0U, kCloseOnExec) == 0;
}

[[noreturn]] void become(Prepared child) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  bool ready = ::getppid() == child.parent;  // otherwise the parent ended before prctl
  if (!ready) errno = ESRCH;
  ready = ready && arrange_descriptors(child) && ::chdir(child.directory) == 0;
  if (ready) {
    prefer_as_victim();
    if (child.data_limit > 0) {
      const rlimit limit{child.data_limit, child.data_limit};
      ::setrlimit(RLIMIT_DATA, &limit);
    }
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(child.program, child.arguments, child.environment);
  }
  const int failure = errno;
  [[maybe_unused]] const ssize_t written = ::write(child.report, &failure, sizeof failure);
  ::_exit(127);
}

/// Nothing when exec has happened, else the child's errno.
int read_report(int report) {
  int failure = 0;
  ssize_t got = 0;
  do got = ::read(report, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  return got == sizeof failure ? failure : 0;
}

Result<void> make_nonblocking(const FileDescriptor& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) return fail_errno("fcntl");
  return {};
}

}  // namespace

Result<StartedChild> start_child(ChildOptions options) {
  ::signal(SIGPIPE, SIG_IGN);  // a child that is gone is an error of write, not the end of this program
  auto input = make_pipe(), output = make_pipe(), error = make_pipe(), report = make_pipe();
  for (const auto* pipe : {&input, &output, &error, &report})
    if (!*pipe) return fail(pipe->error());
  StartedChild child;
  child.input = std::move(input->write);
  child.output = std::move(output->read);
  child.error = std::move(error->read);
  for (const auto* ours : {&child.input, &child.output, &child.error})
    if (auto done = make_nonblocking(*ours); !done) return fail(std::move(done.error()));

  options.arguments.insert(options.arguments.begin(), options.program);
  const std::vector<char*> arguments = pointers(options.arguments);
  const std::vector<char*> environment = pointers(options.environment);
  const Prepared prepared{options.program.c_str(),
                          options.directory.c_str(),
                          arguments.data(),
                          environment.data(),
                          {input->read.get(), output->write.get(), error->write.get(), options.channel.get()},
                          report->write.get(),
                          ::getpid(),
                          options.data_limit};
  child.pid = ::fork();
  if (child.pid < 0) return fail_errno("starting " + options.program);
  if (child.pid == 0) become(prepared);
  ::setpgid(child.pid, child.pid);  // also here: whoever comes first, kill(-pid) works from now on
  report->write.reset();
  const int failure = read_report(report->read.get());
  if (failure == 0) child.handle = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (failure == 0 && child.handle) return child;
  const int reason = failure == 0 ? errno : failure;
  ::kill(child.pid, SIGKILL);
  ::waitpid(child.pid, nullptr, 0);
  return fail(std::error_code(reason, std::generic_category()), "starting " + options.program);
}

}  // namespace owndir
