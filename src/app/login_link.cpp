#include "app/login_link.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "app/reporter.hpp"
#include "base/random.hpp"
#include "base/rooted_path.hpp"
#include "gateway/local_guard.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::string_view kAddressFile = "address";
constexpr std::string_view kKeyFile = "login-key";
constexpr std::size_t kLargest = 4096;
constexpr std::size_t kKeyBytes = 16;
constexpr std::int64_t kLifeMs = 10 * 60 * 1000;

Result<std::string> read_state(const RootedFolder& state, std::string_view name) {
  const auto path = RootedPath::parse(name);
  if (!path) return fail(path.error());
  return read_file(state, *path, kLargest);
}

}  // namespace

Result<void> leave_address(const std::string& state_directory, const std::string& url) {
  const auto state = RootedFolder::open(state_directory);
  if (!state) return fail(state.error());
  return write_file_atomically(*state, std::string(kAddressFile), url, 0600);
}

Result<std::string> leave_link(const std::string& state_directory, const Clock& clock) {
  const auto state = RootedFolder::open(state_directory);
  if (!state) return fail(state.error());
  const auto url = read_state(*state, kAddressFile);
  if (!url || !is_state_directory_locked(state_directory))
    return fail(Errc::not_found, "no program runs with " + state_directory);
  const std::string key = system_random().hex(kKeyBytes);
  const json object = {{"key", key}, {"until", to_unix_ms(clock.wall()) + kLifeMs}};
  const auto written = write_file_atomically(*state, std::string(kKeyFile), object.dump() + "\n", 0600);
  if (!written) return fail(written.error());
  return *url + "/@/login?key=" + key;
}

bool take_key(const std::string& state_directory, std::string_view key, const Clock& clock) {
  if (key.size() != 2 * kKeyBytes) return false;
  const auto state = RootedFolder::open(state_directory);
  if (!state) return false;
  const auto text = read_state(*state, kKeyFile);
  if (!text) return false;
  const json object = json::parse(*text, nullptr, false);
  if (!object.is_object()) return false;
  const auto left = object.find("key");
  const auto until = object.find("until");
  if (left == object.end() || !left->is_string() || until == object.end()) return false;
  if (!gateway::same_secret(left->get<std::string>(), key)) return false;
  // Removed first: what cannot be removed could be used again.
  if (::unlinkat(state->fd(), std::string(kKeyFile).c_str(), 0) < 0) return false;
  const std::int64_t left_ms = until->is_number_integer() ? until->get<std::int64_t>() - to_unix_ms(clock.wall()) : 0;
  return left_ms > 0 && left_ms <= kLifeMs;
}

int run_link(const LinkOptions& options) {
  Reporter reporter(options.json);
  bool found = false;
  for (const char* role : {"serve", "connect"}) {
    const auto state = make_state_directory(options, role);
    if (!state) {
      print_error(state.error());
      return kExitFailure;
    }
    const auto link = leave_link(*state);
    if (!link && !link.error().is(Errc::not_found)) {
      print_error(link.error());
      return kExitFailure;
    }
    if (!link) continue;
    found = true;
    reporter.event("link", {{"url", *link}, {"of", role}}, *link);
  }
  if (found) return kExitOk;
  print_error("no owndir works on " + options.directory + " here: start one with  owndir serve " + options.directory +
              ",  it prints a link (was --state given there? Then give it here too)");
  return kExitFailure;
}

}  // namespace owndir::app
