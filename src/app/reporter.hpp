#pragma once
// What a command tells the person (or, with --json, the program) that runs it, on standard output; the log goes to
// standard error. Network thread only.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace owndir::app {

class Reporter {
 public:
  /// `json`: one object a line, {"event":NAME, …}, flushed at once; nothing else is printed.
  explicit Reporter(bool json);
  ~Reporter();

  /// A thing that happened: `text` for a person (may be empty: nothing to say), `fields` for a program.
  void event(std::string_view name, const nlohmann::json& fields, const std::string& text);
  /// A wait that goes on: on a terminal one line rewritten in place, elsewhere a line every 10 s, with --json each one.
  void progress(std::string_view name, int seconds, const std::string& text);
  /// How it stands, once a second: on a terminal one line rewritten in place, elsewhere nothing; with --json every 10
  /// s.
  void status(const nlohmann::json& fields, const std::string& text);
  bool json() const { return json_; }

 private:
  void rewrite_line(const std::string& text);
  void end_progress_line();

  bool json_;
  bool terminal_;
  bool progress_shown_ = false;
  unsigned moments_ = 0;
};

/// "HH:MM:SS", local time, for lines of `event`.
std::string clock_time();

}  // namespace owndir::app
