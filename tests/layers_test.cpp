// Reads the sources and holds them to the layer table of docs/architecture.md and to the rules of CONTRIBUTING.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// Lowest row first. A folder includes only itself and folders of earlier rows.
const std::vector<std::vector<std::string>> kRows = {
    {"base"},    {"exchange"},        {"rtc"}, {"rendezvous", "tunnel", "fsnode", "http"},
    {"modules"}, {"site", "gateway"}, {"app"}, {"cli"},
};
constexpr std::size_t kSourceLines = 400;
constexpr std::size_t kTestLines = 800;

struct Source {
  fs::path path;
  std::string layer;
  std::string text;
  bool is_test = false;
  [[nodiscard]] bool is_header() const { return path.extension() == ".hpp"; }
};

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

const fs::path& project_root() {
  static const fs::path root = OWNDIR_SOURCE_DIR;
  return root;
}

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    std::vector<Source> found;
    for (const auto& entry : fs::recursive_directory_iterator(project_root() / "src")) {
      const fs::path& path = entry.path();
      if (path.extension() != ".cpp" && path.extension() != ".hpp") {
        continue;
      }
      const fs::path inside = fs::relative(path, project_root() / "src");
      const std::string stem = path.stem().string();
      found.push_back({path, inside.begin()->string(), read_text(path),
                       stem.ends_with("_test") || stem.find("test_") == 0 || stem.find("fake_") == 0});
    }
    return found;
  }();
  return all;
}

std::size_t row_of(const std::string& layer) {
  for (std::size_t row = 0; row < kRows.size(); ++row) {
    if (std::ranges::find(kRows[row], layer) != kRows[row].end()) {
      return row;
    }
  }
  return kRows.size();
}

// The names between quotes or angle brackets, in the order of the file.
std::vector<std::string> includes_of(const std::string& text) {
  static const std::regex pattern(R"(^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"])");
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) {
      names.push_back(match[1]);
    }
  }
  return names;
}

std::string shown(const Source& source) {
  return fs::relative(source.path, project_root()).string();
}

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// Every text file of the project that a reader of the repository sees.
std::vector<fs::path> project_files() {
  static const std::set<std::string> skipped = {"build", "node_modules", "test-artefacts", ".cache", "generated"};
  static const std::set<std::string> binary = {".png", ".jpg", ".wav", ".bin", ".ico", ".pdf"};
  std::vector<fs::path> found;
  for (auto it = fs::recursive_directory_iterator(project_root()); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename().string();
    const bool is_skipped = skipped.contains(name) || it->path() == project_root() / "fuzz" / "corpus";
    if (name == ".git" || (it->is_directory() && is_skipped)) {  // .git is a file in a further work tree
      it.disable_recursion_pending();
    } else if (it->is_regular_file() && !binary.contains(it->path().extension().string())) {
      found.push_back(it->path());
    }
  }
  return found;
}

TEST(Layers, EveryFolderUnderSrcIsInTheTable) {
  ASSERT_GT(sources().size(), 20U);
  for (const Source& source : sources()) {
    EXPECT_LT(row_of(source.layer), kRows.size()) << shown(source) << " lies in a folder that no row names";
  }
}

TEST(Layers, AFolderIncludesOnlyWhatLiesInARowBelow) {
  for (const Source& source : sources()) {
    for (const std::string& name : includes_of(source.text)) {
      const std::string folder = name.substr(0, name.find('/'));
      const bool ours = name.find('/') != std::string::npos && row_of(folder) < kRows.size() &&
                        fs::exists(project_root() / "src" / name);
      if (ours && folder != source.layer) {
        EXPECT_LT(row_of(folder), row_of(source.layer)) << shown(source) << " includes " << name;
      }
    }
  }
}

TEST(Layers, AnIncludeNamesItsLayerAndNeverClimbs) {
  for (const Source& source : sources()) {
    for (const std::string& name : includes_of(source.text)) {
      EXPECT_EQ(name.find(".."), std::string::npos) << shown(source) << " includes " << name;
    }
  }
}

TEST(Layers, NoWebRtcTypeLeavesRtc) {
  static const std::regex library(R"(^(api|rtc_base|pc|p2p|media|modules|call|absl|tg_owt)/)");
  for (const Source& source : sources()) {
    for (const std::string& name : includes_of(source.text)) {
      if (source.layer != "rtc") {
        EXPECT_FALSE(std::regex_search(name, library) && !fs::exists(project_root() / "src" / name))
            << shown(source) << " includes " << name;
      } else if (source.is_header() && shown(source) == "src/rtc/peer.hpp") {
        EXPECT_FALSE(std::regex_search(name, library)) << "the layer's interface shows " << name;
      }
    }
  }
}

TEST(Layers, BeastStaysInTheSourcesOfHttp) {
  for (const Source& source : sources()) {
    for (const std::string& name : includes_of(source.text)) {
      if (name.starts_with("boost/beast")) {
        EXPECT_EQ(source.layer, "http") << shown(source) << " includes " << name;
        EXPECT_FALSE(source.is_header() && shown(source) == "src/http/server.hpp")
            << "the layer's interface shows " << name;
      }
      const bool umbrella = name == "boost/asio.hpp" || name == "boost/beast.hpp";
      EXPECT_FALSE(umbrella) << shown(source) << " includes all of " << name << "; include the narrow headers";
    }
  }
}

TEST(Layers, CoroutinesBelongToATaskGroup) {
  for (const Source& source : sources()) {
    const bool owner = shown(source).starts_with("src/base/async");
    EXPECT_TRUE(owner || source.is_test || source.text.find("asio::detached") == std::string::npos)
        << shown(source) << " detaches a coroutine; spawn it in a TaskGroup (base/async.hpp)";
  }
}

TEST(Sources, EveryHeaderGuardsItselfAndSaysItsPurpose) {
  for (const Source& source : sources()) {
    if (!source.is_header()) {
      continue;
    }
    EXPECT_NE(source.text.find("#pragma once\n"), std::string::npos) << shown(source);
    std::istringstream lines(source.text);
    std::size_t comments = 0;
    for (std::string line;
         std::getline(lines, line) && !line.starts_with("#include") && !line.starts_with("namespace");) {
      comments += line.starts_with("//") ? 1U : 0U;
    }
    EXPECT_GE(comments, 1U) << shown(source) << " opens without a comment on purpose, ownership and thread";
  }
}

TEST(Sources, NoFileOutgrowsItsIdea) {
  for (const Source& source : sources()) {
    EXPECT_LE(line_count(source.text), source.is_test ? kTestLines : kSourceLines) << shown(source);
  }
}

TEST(Sources, CompilersThatLackRangesAndSourceLocationStillWork) {
  for (const Source& source : sources()) {
    EXPECT_EQ(source.text.find("std::"
                               "views"),
              std::string::npos)
        << shown(source);
    EXPECT_EQ(source.text.find("std::"
                               "source_location"),
              std::string::npos)
        << shown(source);
  }
}

TEST(Sources, NothingTellsOfTheMachineItWasWrittenOn) {
  // Written in pieces so that this file does not find itself.
  static const std::vector<std::pair<std::regex, std::string>> forbidden = {
      {std::regex(std::string("[\"' (=:]/") + R"((work|root|home/[a-z]+)/[a-z])"), "an absolute path of one machine"},
      {std::regex(std::string("registry\\.") + R"([a-z]+(js)?\.(org|com|dev))"), "the host name of a package registry"},
      {std::regex(std::string(R"((//|#|\*)\s*)") + "(TO" + "DO|FIX" + "ME|XX" + "X)\\b"), "a note to oneself"},
  };
  for (const fs::path& path : project_files()) {
    if (path.string().find("/tests/wpt/subset/") != std::string::npos) continue;  // others' tests, as they wrote them
    const std::string text = read_text(path);
    for (const auto& [pattern, what] : forbidden) {
      std::smatch match;
      EXPECT_FALSE(std::regex_search(text, match, pattern))
          << fs::relative(path, project_root()).string() << " contains " << what << ": " << match.str();
    }
  }
}

}  // namespace
