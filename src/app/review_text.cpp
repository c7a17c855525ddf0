#include "app/review_text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace owndir::app {
namespace {

using nlohmann::json;

constexpr std::size_t kShown = 20;
constexpr std::size_t kChangesShown = 3;
constexpr std::size_t kNameBytes = 200;

std::string shown_module(const std::string& directory) {
  return directory.empty() ? "(the folder itself)" : printable(directory, kNameBytes) + "/";
}

/// Each on a line of its own with a mark before it; the rest is counted.
void append_list(std::string& text, const std::vector<std::string>& names, const char* mark) {
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i)
    text.append("    ").append(mark).append(" ").append(printable(names[i], kNameBytes)).append("\n");
  if (names.size() > kShown)
    text.append("    ").append(mark).append(" … and ").append(std::to_string(names.size() - kShown)).append(" more\n");
}

void append_difference(std::string& text, const site::Difference& difference) {
  append_list(text, difference.added, "+");
  append_list(text, difference.changed, "~");
  append_list(text, difference.removed, "-");
}

json difference_json(const site::Difference& difference) {
  return {{"added", difference.added}, {"changed", difference.changed}, {"removed", difference.removed}};
}

std::string date_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  return text;
}

Awaitable<bool> read_answer() {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(STDIN_FILENO));
  std::string line;
  char byte = 0;
  while (line.size() < 100) {
    const auto space = asio::buffer(&byte, 1);
    const auto [error, size] = co_await input.async_read_some(space, asio::as_tuple(asio::use_awaitable));
    if (error || byte == '\n') break;
    line += byte;
  }
  std::transform(line.begin(), line.end(), line.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  co_return line == "y" || line == "yes";
}

Awaitable<void> until_stopped(Runner& runner) {
  while (!runner.stopping()) co_await runner.stop_requested().wait();
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  char text[32];
  if (bytes < 1024)
    std::snprintf(text, sizeof text, "%llu bytes", static_cast<unsigned long long>(bytes));
  else if (bytes < std::uint64_t{1024} * 1024)
    std::snprintf(text, sizeof text, "%.1f KiB", static_cast<double>(bytes) / 1024);
  else
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1024 * 1024));
  return text;
}

std::string review_text(const site::Review& review) {
  std::string text = "  modules (" + site::counted(review.files, "file") + ", " + size_text(review.bytes) + "):\n";
  std::vector<std::string> modules;
  modules.reserve(review.modules.size());
  for (const std::string& module : review.modules) modules.push_back(shown_module(module));
  append_list(text, modules, "·");
  if (!review.packages.empty()) {
    std::vector<std::string> packages;
    packages.reserve(review.packages.size());
    for (const auto& [name, range] : review.packages) packages.push_back(fmt::format("{} {}", name, range));
    text += "  packages from the npm registry:\n";
    append_list(text, packages, "·");
    text += review.scripts ? "    their install scripts will run too (\"owndir\": {\"scripts\": true})\n" : "";
  }
  if (!review.left_out.empty()) {
    text += "  left out (links and conflict copies are never built):\n";
    append_list(text, review.left_out, "·");
  }
  if (review.first) {
    text += review.revoked ? "  the approval was withdrawn on " + date_text(review.approved_at_ms) + "; all of it is:\n"
                           : "  nothing of this folder was approved before; all of it is:\n";
    append_difference(text, review.file_changes);
  } else if (review.approved) {
    text += "  approved as it is, on " + date_text(review.approved_at_ms) + "\n";
  } else {
    text += "  changed since the approval of " + date_text(review.approved_at_ms) + ":\n";
    append_difference(text, review.file_changes);
    if (!review.package_changes.empty()) text += "  packages:\n";
    append_difference(text, review.package_changes);
  }
  return text;
}

std::string hints_text(const site::Review& review, const std::string& indent) {
  std::string text;
  for (const site::ModuleHint& hint : review.hints)
    text += "\n" + indent + printable(hint.file, kNameBytes) + " " + hint.text;
  return text;
}

std::string changes_text(const site::Difference& difference) {
  std::vector<std::string> names;
  for (const std::string& name : difference.changed) names.push_back(printable(name, kNameBytes));
  for (const std::string& name : difference.added) names.push_back(printable(name, kNameBytes) + " (new)");
  for (const std::string& name : difference.removed) names.push_back(printable(name, kNameBytes) + " (removed)");
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kChangesShown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kChangesShown) text += " and " + std::to_string(names.size() - kChangesShown) + " more";
  return text;
}

json review_json(const site::Review& review) {
  return {{"digest", review.digest},
          {"approved", review.approved},
          {"first", review.first},
          {"revoked", review.revoked},
          {"modules", review.modules},
          {"packages", review.packages},
          {"scripts", review.scripts},
          {"left_out", review.left_out},
          {"files", difference_json(review.file_changes)},
          {"package_changes", difference_json(review.package_changes)}};
}

std::string problem_text(const modules::Problem& problem) {
  std::string text = printable(problem.file, kNameBytes);
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  if (problem.line > 0 && problem.column > 0) text += ":" + std::to_string(problem.column);
  if (!text.empty()) text += ": ";
  // Texts of several lines keep them.
  for (std::size_t at = 0; at <= problem.text.size();) {
    const std::size_t end = std::min(problem.text.find('\n', at), problem.text.size());
    if (at > 0) text += "\n    ";
    text += printable(std::string_view(problem.text).substr(at, end - at), 1000);
    at = end + 1;
  }
  if (problem.excerpt.empty()) return text;
  const std::string number = problem.line > 0 ? std::to_string(problem.line) : "";
  const std::string margin = "    " + number + " │ ";
  text += "\n" + margin + printable(problem.excerpt, 400);
  if (problem.column > 0 && problem.column <= problem.excerpt.size() + 1)
    text += "\n    " + std::string(number.size(), ' ') + " │ " + std::string(problem.column - 1, ' ') + "^";
  return text;
}

json problem_json(const modules::Problem& problem) {
  json object = {{"text", problem.text}};
  if (!problem.file.empty()) object["file"] = problem.file;
  if (problem.line > 0) object["line"] = problem.line;
  if (problem.column > 0) object["column"] = problem.column;
  if (!problem.excerpt.empty()) object["excerpt"] = problem.excerpt;
  return object;
}

std::string result_text(const site::Generation& generation) {
  std::uint64_t bytes = 0;
  for (const auto& file : generation.result.files) bytes += file.bytes;
  return site::counted(generation.result.files.size(), "file") + ", " + size_text(bytes);
}

bool on_terminal() {
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
}

Awaitable<bool> ask(Runner& runner, const std::string& question) {
  using asio::experimental::awaitable_operators::operator||;
  std::fputs(question.c_str(), stdout);
  std::fflush(stdout);
  if (runner.stopping()) co_return false;
  const auto answer = co_await (read_answer() || until_stopped(runner));
  co_return answer.index() == 0 && std::get<0>(answer);
}

}  // namespace owndir::app
