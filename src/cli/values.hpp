#pragma once
// What options accept, with complaints in plain words that say what is expected. Plain
// functions, any thread.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace owndir::cli {

/// From `low` to `high`; `what`: "a port".
CLI::Validator whole_number(std::int64_t low, std::int64_t high, std::string what);
CLI::Validator numeric_address();
/// A directory that is there.
CLI::Validator folder();
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace owndir::cli
