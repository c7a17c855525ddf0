#include "rendezvous/stignore.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "owndir/protocol.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::size_t kMaxPattern = 512;
constexpr int kMaxSteps = 20000;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Syncthing's globs. Bounded: past kMaxSteps nothing matches.
class Glob {
 public:
  static bool matches(std::string_view pattern, std::string_view text) { return Glob().match(pattern, text); }

 private:
  bool match(std::string_view pattern, std::string_view text) {
    while (!pattern.empty()) {
      if (++steps_ > kMaxSteps) return false;
      switch (pattern[0]) {
        case '*': return star(pattern, text);
        case '{': return braces(pattern, text);
        case '?':
          if (text.empty() || text[0] == '/') return false;
          break;
        case '[': {
          const std::size_t end = pattern.find(']', 1);
          if (end == pattern.npos || text.empty() || !one_of(pattern.substr(1, end - 1), text[0])) return false;
          pattern.remove_prefix(end);
          break;
        }
        case '\\':
          if (pattern.size() > 1) pattern.remove_prefix(1);
          [[fallthrough]];
        default:
          if (text.empty() || text[0] != pattern[0]) return false;
      }
      pattern.remove_prefix(1);
      text.remove_prefix(1);
    }
    return text.empty();
  }

  bool star(std::string_view pattern, std::string_view text) {
    const bool any = pattern.starts_with("**");
    pattern.remove_prefix(any ? 2 : 1);
    for (;;) {
      if (match(pattern, text)) return true;
      if (text.empty() || (!any && text[0] == '/') || steps_ > kMaxSteps) return false;
      text.remove_prefix(1);
    }
  }

  bool braces(std::string_view pattern, std::string_view text) {
    const std::size_t end = pattern.find('}');
    if (end == pattern.npos) return false;
    std::string_view choices = pattern.substr(1, end - 1);
    for (;;) {
      const std::size_t comma = choices.find(',');
      std::string whole(choices.substr(0, comma));
      whole += pattern.substr(end + 1);
      if (match(whole, text)) return true;
      if (comma == choices.npos) return false;
      choices.remove_prefix(comma + 1);
    }
  }

  static bool one_of(std::string_view set, char c) {
    const bool negated = set.starts_with('!') || set.starts_with('^');
    if (negated) set.remove_prefix(1);
    bool found = false;
    for (std::size_t i = 0; i < set.size(); ++i) {
      if (i + 2 < set.size() && set[i + 1] == '-') {
        found = found || (c >= set[i] && c <= set[i + 2]);
        i += 2;
      } else {
        found = found || c == set[i];
      }
    }
    return found != negated;
  }

  int steps_ = 0;
};

struct Line {
  std::string text;     ///< as it stands there
  std::string pattern;  ///< without prefixes
  bool negated = false;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (line.empty() || line.starts_with("//") || line.starts_with("#include") || line.size() > kMaxPattern) continue;
    Line parsed;
    parsed.text = line;
    for (;;) {
      if (line.starts_with('!')) {
        parsed.negated = true;
        line.remove_prefix(1);
      } else if (line.starts_with("(?d)") || line.starts_with("(?i)")) {
        line.remove_prefix(4);
      } else {
        break;
      }
    }
    if (line.ends_with('/')) line.remove_suffix(1);
    // Every name of ours is lower-case: comparing in lower case errs on the side of a warning.
    std::ranges::transform(line, std::back_inserter(parsed.pattern), lower);
    if (!parsed.pattern.empty()) lines.push_back(std::move(parsed));
  }
  return lines;
}

/// A pattern with a leading slash stands at the root, any other at every depth; both take what is below along.
bool ignores(const std::string& pattern, std::string_view path) {
  const bool rooted = pattern.starts_with('/');
  const std::string plain = rooted ? pattern.substr(1) : pattern;
  for (std::size_t end = 0; end != path.npos;) {
    end = path.find('/', end + 1);
    const std::string_view part = path.substr(0, end);
    if (Glob::matches(plain, part) || (!rooted && Glob::matches("**/" + plain, part))) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> stignore_warnings(std::string_view text) {
  const std::string directory(kDirectory);
  const std::array<std::string, 3> paths = {
      directory + "/offer-0123456789abcdef-0123456789abcdef.json",
      directory + "/answer-0123456789abcdef-0123456789abcdef-0123456789abcdef-1760000000000.json",
      directory + "/server-0123456789abcdef-1760000000000.json"};
  const std::vector<Line> lines = lines_of(text);
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    const auto first = std::ranges::find_if(lines, [&](const Line& line) { return ignores(line.pattern, path); });
    if (first == lines.end() || first->negated) continue;
    std::string sentence = "The line \"" + printable(first->text) + "\" of .stignore keeps Syncthing from carrying " +
                           directory + ", so that no device can connect; put the line \"!/" + directory +
                           "\" before it";
    if (std::ranges::find(found, sentence) == found.end()) found.push_back(std::move(sentence));
  }
  return found;
}

}  // namespace owndir::rendezvous
