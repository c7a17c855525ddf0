#include "app/common.hpp"

#include <openssl/sha.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/log.hpp"

namespace owndir::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = "/lock";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> state_root() {
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty() && state.front() == '/')
    return state + "/owndir";
  if (const std::string home = environment("HOME"); !home.empty()) return home + "/.local/state/owndir";
  return fail(Errc::not_found, "no home directory for the state: set HOME, or give --state DIR");
}

/// The folder's real path as 16 hexadecimal digits: two folders never share state.
std::string folder_key(const std::string& real_path) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(real_path.data()), real_path.size(), hash.data());
  return to_hex(std::as_bytes(std::span(hash)).first(8));
}

bool is_inside(const fs::path& inner, const fs::path& outer) {
  const auto [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

}  // namespace

Result<std::vector<rtc::IceServer>> ice_servers(const CommonOptions& options) {
  std::vector<rtc::IceServer> servers;
  for (const std::vector<std::string>* list : {&options.stun, &options.turn}) {
    for (const std::string& text : *list) {
      auto server = rtc::parse_ice_server(text);
      if (!server) return fail(std::move(server.error()));
      servers.push_back(std::move(*server));
    }
  }
  return servers;
}

Result<std::string> make_state_directory(const CommonOptions& options, std::string_view role) {
  std::error_code error;
  const fs::path folder = fs::canonical(options.directory, error);
  if (error) return fail(error, options.directory);
  fs::path directory = options.state;
  if (directory.empty()) {
    const auto root = state_root();
    if (!root) return fail(root.error());
    directory = fs::path(*root) / folder_key(folder.string());
  }
  directory = fs::weakly_canonical(fs::absolute(directory), error) / std::string(role);
  if (error) return fail(error, options.state);
  if (is_inside(directory, folder))
    return fail(Errc::conflict, "the state directory " + directory.string() +
                                    " is inside the folder and would be synced; give --state DIR outside it");
  fs::create_directories(directory, error);
  if (error) return fail(error, directory.string());
  fs::permissions(directory, fs::perms::owner_all, error);
  if (error) return fail(error, directory.string());
  return directory.string();
}

bool is_state_directory_locked(const std::string& directory) {
  const FileDescriptor lock(::open((directory + kLockFile).c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock) return false;
  return ::flock(lock.get(), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

Result<FileDescriptor> lock_state_directory(const std::string& directory) {
  const std::string path = directory + kLockFile;
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail_errno(path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return fail_errno(path);
    char holder[32] = {};
    const ssize_t got = ::pread(lock.get(), holder, sizeof holder - 1, 0);
    return fail(Errc::conflict, "another owndir works on this folder already" +
                                    (got > 0 ? " (process " + std::string(holder) + ")" : std::string()) +
                                    "; stop it first");
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) < 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) return fail_errno(path);
  return lock;
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "owndir";
  return std::string(name).substr(0, 64);
}

void print_error(const std::string& message) {
  std::fprintf(stderr, "owndir: %s\n", message.c_str());
}

void print_error(const Error& error) {
  const bool says_it_all = error.is(Errc::conflict) || error.is(Errc::malformed) || error.is(Errc::not_found);
  print_error(says_it_all && !error.context.empty() ? error.context : error.to_string());
}

Runner::Runner() {
  std::signal(SIGPIPE, SIG_IGN);
}

Runner::~Runner() {
  files_.join();
}

int Runner::run(Awaitable<int> command) {
  asio::signal_set signals(context_, SIGINT, SIGTERM);
  signals.async_wait([this, &signals](boost::system::error_code error, int) {
    if (error) return;
    stopping_ = true;
    stop_.notify();
    signals.async_wait([](boost::system::error_code again, int number) {
      if (!again) std::_Exit(128 + number);
    });
  });
  std::optional<int> code;
  asio::co_spawn(context_, std::move(command), [&](const std::exception_ptr& failure, int result) {
    code = result;
    if (failure) {
      code = kExitFailure;
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        print_error(std::string("stopped by a fault of its own: ") + error.what());
      }
    }
    signals.cancel();
  });
  context_.run();
  return code.value_or(kExitFailure);
}

}  // namespace owndir::app
