#include "base/child_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>

namespace owndir {
namespace {

using Stream = ChildProcess::Stream;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ChildOptions shell(const std::string& script) {
  ChildOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", script};
  options.environment = {"PATH=/usr/bin:/bin", "GREETING=hello"};
  return options;
}

/// Runs one coroutine to its end.
void run(asio::io_context& io, Awaitable<void> body) {
  asio::co_spawn(io, std::move(body), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}

struct Seen {
  std::vector<std::string> lines;
  ChildExit ended;
};

Awaitable<void> read_all_lines(ChildProcess& child, Stream stream, std::vector<std::string>& lines) {
  for (;;) {
    auto line = co_await child.read_line(stream);
    if (line && !*line) co_return;
    lines.push_back(line ? **line : line.error().to_string());
  }
}

Awaitable<void> watch(ChildOptions options, std::string input, Seen& seen) {
  auto child = ChildProcess::start(co_await asio::this_coro::executor, std::move(options));
  if (!child) {
    seen.lines.push_back(child.error().to_string());
    co_return;
  }
  const auto written = co_await (*child)->write(input);
  if (!written) seen.lines.push_back(written.error().to_string());
  (*child)->close_input();
  co_await read_all_lines(**child, Stream::output, seen.lines);
  seen.ended = co_await (*child)->wait();
  EXPECT_FALSE((*child)->running());
  EXPECT_EQ(::waitpid((*child)->pid(), nullptr, WNOHANG), -1) << "a zombie is left";
}

Seen seen_of(ChildOptions options, const std::string& input = "") {
  asio::io_context io;
  Seen seen;
  run(io, watch(std::move(options), input, seen));
  return seen;
}

TEST(ChildProcess, CarriesLinesBothWaysAndTellsTheExitCode) {
  const Seen seen = seen_of(shell("read a; echo \"$a $GREETING\"; printf last; exit 7"), "first\n");
  EXPECT_THAT(seen.lines, ElementsAre("first hello", "last"));
  EXPECT_EQ(seen.ended.to_string(), "exit code 7");
  EXPECT_FALSE(seen.ended.ok());
}

TEST(ChildProcess, DropsALineBeyondItsLimitAndGoesOnAfterIt) {
  ChildOptions options = shell("echo short; head -c 100000 /dev/zero | tr '\\0' x; echo; echo after");
  options.line_limit = 1000;
  const Seen seen = seen_of(std::move(options));
  ASSERT_EQ(seen.lines.size(), 3U);
  EXPECT_EQ(seen.lines[0], "short");
  EXPECT_THAT(seen.lines[1], HasSubstr("a line of the child's output"));
  EXPECT_EQ(seen.lines[2], "after");
}

TEST(ChildProcess, SaysWhyAProgramCannotBeStarted) {
  ChildOptions missing = shell("");
  missing.program = "/no/such/program";
  EXPECT_THAT(seen_of(std::move(missing)).lines, ElementsAre(HasSubstr("/no/such/program: No such file")));
  ChildOptions elsewhere = shell("");
  elsewhere.directory = "/no/such/directory";
  EXPECT_THAT(seen_of(std::move(elsewhere)).lines, ElementsAre(HasSubstr("No such file")));
}

TEST(ChildProcess, InheritsNoDescriptorButThoseGiven) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const FileDescriptor ours(pair[0]);
  const FileDescriptor leaky(::fcntl(ours.get(), F_DUPFD, 50));  // without FD_CLOEXEC
  ChildOptions options = shell("ls /proc/self/fd | sort -n | tr '\\n' ' '; echo over >&3");
  options.channel = FileDescriptor(pair[1]);
  const Seen seen = seen_of(std::move(options));
  ASSERT_EQ(seen.lines.size(), 1U);
  EXPECT_EQ(seen.lines[0].substr(0, 8), "0 1 2 3 ") << seen.lines[0];
  EXPECT_EQ(seen.lines[0].find("50"), std::string::npos);
  char said[8] = {};
  EXPECT_EQ(::read(ours.get(), said, sizeof said), 5);
  EXPECT_STREQ(said, "over\n");
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
  const Seen seen = seen_of(shell("kill -9 $$"));
  EXPECT_EQ(seen.ended.signal, SIGKILL);
  EXPECT_THAT(seen.ended.to_string(), HasSubstr("signal 9"));
}

Awaitable<void> stop_stubborn(ChildExit& ended, pid_t& grandchild) {
  auto child =
      ChildProcess::start(co_await asio::this_coro::executor, shell("trap '' TERM; sleep 1000 & echo $!; wait; wait"));
  if (!child) co_return;
  auto line = co_await (*child)->read_line(Stream::output);
  if (line && *line) grandchild = static_cast<pid_t>(std::stol(**line));
  ended = co_await (*child)->stop(std::chrono::milliseconds(20));
}

TEST(ChildProcess, KillsWhatDoesNotStopAndWhatThatHasStarted) {
  asio::io_context io;
  ChildExit ended;
  pid_t grandchild = 0;
  run(io, stop_stubborn(ended, grandchild));
  EXPECT_EQ(ended.signal, SIGKILL);
  ASSERT_GT(grandchild, 0);
  // It is somebody else's to collect: until then it is a zombie, which the state tells.
  const auto state = [&] {
    const std::string path = "/proc/" + std::to_string(grandchild) + "/stat";
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[256] = {};
    if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return 'Z';
    const std::string stat = text;
    return stat[stat.rfind(')') + 2];
  };
  while (state() != 'Z' && state() != 'X') ::usleep(1000);
}

Awaitable<void> start_and_drop(pid_t& pid) {
  auto child = ChildProcess::start(co_await asio::this_coro::executor, shell("sleep 1000"));
  if (child) pid = (*child)->pid();
}

TEST(ChildProcess, LeavesNothingWhenItIsDroppedRunning) {
  asio::io_context io;
  pid_t pid = 0;
  run(io, start_and_drop(pid));
  ASSERT_GT(pid, 0);
  EXPECT_EQ(::kill(pid, 0), -1) << "the child or its zombie is left";
}

TEST(ChildProcess, DiesWithTheProcessThatStartedIt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    asio::io_context io;
    auto child = ChildProcess::start(io.get_executor(), shell("sleep 1000"));
    const pid_t pid = child ? (*child)->pid() : 0;
    if (::write(ends[1], &pid, sizeof pid) < 0) ::_exit(1);
    ::kill(::getpid(), SIGKILL);  // no destructor runs
  }
  pid_t child = 0;
  ASSERT_EQ(::read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  ASSERT_GT(child, 0);
  const std::string path = "/proc/" + std::to_string(child) + "/cmdline";
  const auto alive = [&] {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char byte = 0;
    return file && ::read(file.get(), &byte, 1) == 1;  // a zombie has an empty one
  };
  while (alive()) ::usleep(1000);
}

Awaitable<void> write_to_the_dead(bool& failed) {
  auto child = ChildProcess::start(co_await asio::this_coro::executor, shell("exit 0"));
  if (!child) co_return;
  co_await (*child)->wait();
  const auto written = co_await (*child)->write("anybody?\n");
  failed = !written;
}

TEST(ChildProcess, WritingToOneThatHasEndedIsAnError) {
  asio::io_context io;
  bool failed = false;
  run(io, write_to_the_dead(failed));
  EXPECT_TRUE(failed);
}

TEST(FindProgram, LooksInThePathAndTakesAWholePathAsItIs) {
  const auto found = find_program("sh");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->front(), '/');
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
}

}  // namespace
}  // namespace owndir
