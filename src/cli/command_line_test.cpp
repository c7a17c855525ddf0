#include "cli/command_line.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace owndir::cli {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "owndir");
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run(static_cast<int>(argv.size()), argv.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, WrongUsageEndsWithCodeTwoAndSaysWhatIsWrong) {
  const struct {
    std::vector<std::string> arguments;
    const char* complaint;
  } cases[] = {
      {{}, "Usage: owndir"},
      {{"fly"}, "fly"},
      {{"serve"}, "DIR"},
      {{"serve", "/no/such/folder"}, "/no/such/folder"},
      {{"serve", "/tmp", "--port", "70000"}, "--port: '70000' is not a port: give a number from 0 to 65535"},
      {{"serve", "/tmp", "--port", "abc"}, "--port: 'abc' is not a port: give a number from 0 to 65535"},
      {{"serve", "/tmp", "--port", "80x"}, "is not a port"},
      {{"serve", "/tmp", "--bind", "example.org"}, "--bind: 'example.org' is not a numeric address: give one of"},
      {{"serve", "/tmp", "--log", "loud"}, "'loud' is not known: give trace, debug, info, warn, error or off"},
      {{"serve", "/tmp", "--port"}, "--port needs a value after it"},
      {{"serve", "/tmp", "/tmp"}, "owndir serve does not take /tmp"},
      {{"serve", "/etc/passwd"}, "is a file; give the folder that it is in"},
      {{"connect"}, "owndir: which folder? Write  owndir connect DIR"},
      {{"link"}, "owndir: which folder? Write  owndir link DIR"},
      {{"help", "fly"}, "there is no command 'fly'"},
      {{"serve", "/tmp", "--stun", "http://example.org"}, "stun"},
      {{"serve", "/tmp", "--turn", "turn:relay.example.org"}, "turn"},
      {{"connect", "/tmp", "--offer-valid", "5"}, "offer-valid"},
      {{"connect", "/tmp", "--no-launcher"}, "no-launcher"},
      {{"connect", "/tmp", "--trust"}, "trust"},
      {{"proxy", "/tmp"}, "which app? Write  owndir proxy DIR --to"},
      {{"proxy", "/tmp", "--to", "localhost:80"}, "is not the address of a service; write for example http://"},
      {{"proxy", "/tmp", "--to", "http://a", "--to", "http://b", "--name", "x"}, "--name is for one --to"},
      {{"proxy", "/tmp", "--to", "x=http://a", "--to", "x=http://b"}, "two apps are called 'x'"},
      {{"proxy", "/tmp", "--to", "http://a", "--name", "A b"}, "small letters"},
      {{"proxy", "--to", "notes=http://localhost:8888", "/tmp"}, "notes   http://localhost:8888"},
      {{"proxy", "/tmp", "--to", "http://localhost:8888"}, "Whoever can write a file into /tmp"},
      {{"proxy", "/tmp", "--to", "http://localhost:8888"}, "say so:  --folder-members"},
      {{"proxy", "/tmp", "--port", "1"}, "port"},
      {{"build"}, "DIR"},
      {{"build", "/tmp", "--port", "1"}, "port"},
      {{"trust", "/tmp", "--yes", "--revoke"}, "do not go together: --yes and --revoke"},
  };
  for (const auto& [arguments, complaint] : cases) {
    const Outcome outcome = run_with(arguments);
    EXPECT_EQ(outcome.code, 2) << complaint;
    EXPECT_NE((outcome.out + outcome.err).find(complaint), std::string::npos) << outcome.out << outcome.err;
  }
}

TEST(CommandLine, HelpNamesEveryOptionAndTheExitCodes) {
  const Outcome serve = run_with({"serve", "--help"});
  EXPECT_EQ(serve.code, 0);
  for (const char* word :
       {"--port", "--bind", "--stun", "--turn", "--log", "--no-launcher", "--state", "Exit codes", "none"})
    EXPECT_NE(serve.out.find(word), std::string::npos) << word;
  const Outcome connect = run_with({"connect", "--help"});
  EXPECT_EQ(connect.code, 0);
  for (const char* word : {"--port", "--timeout", "--server", "--json", "3 no connection"})
    EXPECT_NE(connect.out.find(word), std::string::npos) << word;
  const Outcome proxy = run_with({"proxy", "--help"});
  for (const char* word : {"--to", "--name", "--folder-members", "--transparent", "--stun", "--state", "--device"})
    EXPECT_NE(proxy.out.find(word), std::string::npos) << word;
  const Outcome build = run_with({"build", "--help"});
  for (const char* word : {"--watch", "--single-file", "--dist", "--trust", "--json", "--state", "not approved"})
    EXPECT_NE(build.out.find(word), std::string::npos) << word;
  const Outcome trust = run_with({"trust", "--help"});
  for (const char* word : {"--yes", "--revoke", "--json", "approval"})
    EXPECT_NE(trust.out.find(word), std::string::npos) << word;
}

TEST(CommandLine, HelpIsACommandToo) {
  const Outcome whole = run_with({"help"});
  EXPECT_EQ(whole.code, 0);
  EXPECT_EQ(whole.out, run_with({"--help"}).out);
  for (const char* word : {"serve", "connect", "proxy", "build", "trust", "owndir help COMMAND"})
    EXPECT_NE(whole.out.find(word), std::string::npos) << word;
  const Outcome serve = run_with({"help", "serve"});
  EXPECT_EQ(serve.code, 0);
  EXPECT_EQ(serve.out, run_with({"serve", "--help"}).out);
}

TEST(CommandLine, SaysItsVersion) {
  const Outcome outcome = run_with({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, std::string("owndir ") + OWNDIR_VERSION + "\n");
}

}  // namespace
}  // namespace owndir::cli
