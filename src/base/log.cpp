#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <map>
#include <memory>
#include <mutex>

namespace owndir {
namespace {

struct Loggers {
  std::mutex mutex;
  std::shared_ptr<spdlog::sinks::sink> sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  std::map<std::string, std::shared_ptr<spdlog::logger>, std::less<>> by_name;
  spdlog::level::level_enum level = spdlog::level::info;
};

Loggers& loggers() {
  static Loggers instance;
  return instance;
}

}  // namespace

spdlog::logger& log(std::string_view component) {
  Loggers& all = loggers();
  const std::lock_guard lock(all.mutex);
  if (const auto found = all.by_name.find(component); found != all.by_name.end()) return *found->second;
  auto logger = std::make_shared<spdlog::logger>(std::string(component), all.sink);
  logger->set_pattern("%H:%M:%S.%e %^%-5l%$ %n: %v");
  logger->set_level(all.level);
  return *all.by_name.emplace(std::string(component), std::move(logger)).first->second;
}

bool set_log_level(std::string_view level) {
  const auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off") return false;
  Loggers& all = loggers();
  const std::lock_guard lock(all.mutex);
  all.level = parsed;
  for (const auto& [name, logger] : all.by_name) logger->set_level(parsed);
  return true;
}

std::string printable(std::string_view text, std::size_t limit) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char character : text) {
    if (out.size() >= limit) return out + "…";
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      out += character;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

}  // namespace owndir
