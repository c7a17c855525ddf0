#include "app/reporter.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace owndir::app {
namespace {

constexpr int kQuietProgressSeconds = 10;

void put_line(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Reporter::Reporter(bool json) : json_(json), terminal_(!json && ::isatty(STDOUT_FILENO) != 0) {}
Reporter::~Reporter() {
  end_progress_line();
}

void Reporter::event(std::string_view name, const nlohmann::json& fields, const std::string& text) {
  if (json_) {
    nlohmann::json object = fields.is_object() ? fields : nlohmann::json::object();
    object["event"] = std::string(name);
    put_line(dump(object));
    return;
  }
  if (text.empty()) return;
  end_progress_line();
  put_line(text);
}

void Reporter::progress(std::string_view name, int seconds, const std::string& text) {
  if (json_) {
    put_line(dump({{"event", std::string(name)}, {"seconds", seconds}}));
  } else if (terminal_) {
    rewrite_line(text);
  } else if (seconds % kQuietProgressSeconds == 0) {
    put_line(text);
  }
}

void Reporter::status(const nlohmann::json& fields, const std::string& text) {
  const bool due = moments_++ % kQuietProgressSeconds == 0;
  if (json_ && due) event("status", fields, "");
  if (terminal_) rewrite_line(text);
}

void Reporter::rewrite_line(const std::string& text) {
  std::fprintf(stdout, "\r\x1b[K%s", text.c_str());
  std::fflush(stdout);
  progress_shown_ = true;
}

void Reporter::end_progress_line() {
  if (!progress_shown_) return;
  std::fputs("\r\x1b[K", stdout);
  std::fflush(stdout);
  progress_shown_ = false;
}

std::string clock_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[16];
  std::strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

}  // namespace owndir::app
