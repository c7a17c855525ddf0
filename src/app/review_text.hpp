#pragma once
// What a person reads about modules and builds, and the question whether code may run. Plain functions but for `ask`,
// which is for the network thread.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/common.hpp"
#include "site/site_builder.hpp"

namespace owndir::app {

/// Modules, packages, and what has changed since the last approval; several lines.
std::string review_text(const site::Review& review);
nlohmann::json review_json(const site::Review& review);
/// What was probably meant to be a module; "" when nothing was. Each on a line of its own, after `indent`.
std::string hints_text(const site::Review& review, const std::string& indent);
/// ".owndir/index.jsx and 2 more", of what was added, changed and removed.
std::string changes_text(const site::Difference& difference);

/// "a/.owndir/index.jsx:3:7: unexpected token" and the line of the file below it.
std::string problem_text(const modules::Problem& problem);
nlohmann::json problem_json(const modules::Problem& problem);

/// "12 files, 310 KiB".
std::string result_text(const site::Generation& generation);
std::string size_text(std::uint64_t bytes);

/// Whether a question can be asked: a person sits at standard input and output.
bool on_terminal();
/// Prints `question` and waits for a line; true for y or yes, false for all else, and when the command is stopped.
Awaitable<bool> ask(Runner& runner, const std::string& question);

}  // namespace owndir::app
