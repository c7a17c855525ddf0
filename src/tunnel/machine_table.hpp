#pragma once
// Test support: the machine as tables of what happened before, one event, and the actions that follow.

#include <cctype>

#include "tunnel/machine_fixture.hpp"

namespace owndir::tunnel::testing {

/// Steps in words, and the actions of the last one.
struct Case {
  const char* name;
  Role role;
  std::vector<std::string> before;
  std::string event;
  Lines actions;
};

inline std::string row_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : std::string(info.param.name)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

inline const std::vector<std::string> kUp = {"opened 0", "opened 1", "opened 2", "opened 3", "opened 4", "got 0 hello"};

inline std::vector<std::string> up(std::vector<std::string> more = {}) {
  std::vector<std::string> steps = kUp;
  steps.insert(steps.end(), more.begin(), more.end());
  return steps;
}

constexpr Role kClient = Role::client;
constexpr Role kServer = Role::server;

}  // namespace owndir::tunnel::testing
