#include "modules/host_message.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/rooted_path.hpp"

namespace owndir::modules {
namespace {

using nlohmann::json;

constexpr std::size_t kText = 16384;
constexpr std::size_t kName = 4096;
constexpr std::size_t kFiles = 50'000;

std::string text_of(const json& object, const char* key, std::size_t limit) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>();
  if (text.size() > limit) text.replace(limit, text.npos, "…");
  return text;
}

std::uint64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const double value = found->get<double>();
  return value >= 0 && value < 9e15 ? static_cast<std::uint64_t>(value) : 0;
}

bool flag_of(const json& object, const char* key, bool otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

Problem problem_of(const json& object) {
  constexpr std::uint64_t kLast = 100'000'000;
  Problem problem;
  problem.text = text_of(object, "text", kText);
  if (problem.text.empty()) problem.text = "an error without a text";
  problem.file = text_of(object, "file", kName);
  problem.line = static_cast<std::uint32_t>(std::min(number_of(object, "line"), kLast));
  problem.column = static_cast<std::uint32_t>(std::min(number_of(object, "column"), kLast));
  problem.excerpt = text_of(object, "excerpt", 400);
  return problem;
}

/// A path of the result, as it may be used: relative, without "." and "..".
Result<std::string> path_of(const std::string& text) {
  const auto path = RootedPath::parse(text);
  if (!path || path->is_root() || path->str() != text) return fail(Errc::malformed, "a path in the build's result");
  return text;
}

Result<HostMessage> done_of(const json& object) {
  message::Done done;
  const auto files = object.find("files");
  if (files != object.end() && files->is_array()) {
    if (files->size() > kFiles) return fail(Errc::too_large, "the build made too many files");
    for (const json& file : *files) {
      if (!file.is_object()) return fail(Errc::malformed, "a file of the build's result");
      auto path = path_of(text_of(file, "path", kName));
      if (!path) return fail(std::move(path.error()));
      done.files.push_back({std::move(*path), number_of(file, "bytes")});
    }
  }
  if (const std::string server = text_of(object, "server", kName); !server.empty()) {
    auto path = path_of(server);
    if (!path) return fail(std::move(path.error()));
    done.server = std::move(*path);
  }
  done.routes = flag_of(object, "routes", false);
  const auto modules = object.find("modules");
  if (modules != object.end() && modules->is_array())
    for (const json& module : *modules)
      if (module.is_string() && done.modules.size() < kFiles) done.modules.push_back(module.get<std::string>());
  done.digest = text_of(object, "digest", 128);
  return HostMessage(std::move(done));
}

}  // namespace

Result<HostMessage> parse_host_message(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return fail(Errc::malformed, "a line that is no message");
  const auto inner = [&object](const char* key) -> const json* {
    const auto found = object.find(key);
    return found != object.end() && found->is_object() ? &*found : nullptr;
  };
  if (flag_of(object, "listening", false)) return HostMessage(message::Listening{flag_of(object, "middleware", true)});
  if (object.contains("pong")) return HostMessage(message::Pong{number_of(object, "pong")});
  if (const json* log = inner("log"))
    return HostMessage(
        message::Log{text_of(*log, "level", 16), text_of(*log, "text", kText), text_of(*log, "module", kName)});
  if (const json* failed = inner("failed"))
    return HostMessage(message::Failed{text_of(*failed, "module", kName), text_of(*failed, "text", kText),
                                       text_of(*failed, "stack", kText), number_of(*failed, "request")});
  if (const json* busy = inner("busy"))
    return HostMessage(message::Busy{text_of(*busy, "module", kName), number_of(*busy, "request")});
  if (object.contains("step"))
    return HostMessage(message::Step{text_of(object, "step", 64), text_of(object, "detail", 1024),
                                     text_of(object, "state", 16) == "done",
                                     static_cast<std::int64_t>(number_of(object, "ms"))});
  if (const json* warning = inner("warning")) return HostMessage(message::Warning{problem_of(*warning)});
  if (const json* error = inner("error")) return HostMessage(message::Failure{problem_of(*error)});
  if (const json* done = inner("done")) return done_of(*done);
  return HostMessage(message::Unknown{});
}

}  // namespace owndir::modules
