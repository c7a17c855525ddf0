// A seeded sequence of operations through a session, each compared with a model of the folder in memory.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <random>

#include "base/percent.hpp"
#include "fsnode/test_session.hpp"

namespace owndir::fsnode {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSteps = 10'000;
#else
constexpr int kSteps = 100'000;
#endif

/// What there is: path to content; nothing for a folder. The folder itself is "".
class Model {
 public:
  using Nodes = std::map<std::string, std::optional<std::string>>;

  bool is_folder(const std::string& path) const {
    const auto found = nodes_.find(path);
    return found != nodes_.end() && !found->second;
  }
  bool is_file(const std::string& path) const {
    const auto found = nodes_.find(path);
    return found != nodes_.end() && found->second;
  }
  bool exists(const std::string& path) const { return nodes_.contains(path); }
  static std::string parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == path.npos ? "" : path.substr(0, slash);
  }
  static std::string name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  static std::string child(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "/" + name;
  }
  std::vector<std::string> children(const std::string& path) const {
    std::vector<std::string> names;
    for (const auto& [other, content] : nodes_)
      if (!other.empty() && parent(other) == path) names.push_back(name(other));
    std::sort(names.begin(), names.end());
    return names;
  }
  const std::string& content(const std::string& path) const { return *nodes_.at(path); }

  // Each returns 0 or the status of its error.

  int write(const std::string& path, const std::string& flags, std::size_t start, const std::string& data) {
    if (!is_folder(parent(path))) return 404;
    const bool exclusive = flags.find('x') != flags.npos;
    if (!exists(path) && flags == "r+") return 404;
    if (is_folder(path)) return 409;
    if (exists(path) && exclusive) return 409;
    std::string old = exists(path) && flags[0] != 'w' ? content(path) : "";
    const std::size_t at = flags[0] == 'a' ? old.size() : start;
    if (!data.empty()) {
      if (old.size() < at + data.size()) old.resize(at + data.size(), '\0');
      old.replace(at, data.size(), data);
    }
    nodes_[path] = old;
    return 0;
  }
  int make_directory(const std::string& path) {
    for (std::string up = path; !up.empty(); up = parent(up))
      if (is_file(up)) return 500;
    for (std::string up = path; !up.empty(); up = parent(up)) nodes_[up] = std::nullopt;
    return 0;
  }
  int touch(const std::string& path) {
    if (!is_folder(parent(path))) return 500;
    if (!exists(path)) nodes_[path] = "";
    return 0;
  }
  void remove(const std::string& path) {
    std::erase_if(nodes_, [&](const auto& node) { return node.first == path || node.first.starts_with(path + "/"); });
  }
  int move(const std::string& from, std::string& to, bool overwrite) {
    if (!exists(from)) return 404;
    if (is_folder(to)) to = child(to, name(from));
    if (is_folder(from) && (to + "/").starts_with(from + "/")) return 400;
    std::string up = parent(to);
    for (; !up.empty(); up = parent(up))
      if (is_file(up)) return 409;
    make_directory(parent(to));
    if (is_folder(to) && !is_folder(from)) return 409;
    if (is_file(to) && !overwrite) return 409;
    if (is_file(to) && is_folder(from)) return 409;
    if (is_folder(to) && !children(to).empty()) return 409;
    if (from == to) return 0;
    Nodes moved;
    for (const auto& [path, content] : nodes_)
      if (path == from || path.starts_with(from + "/")) moved[to + path.substr(from.size())] = content;
    remove(from);
    for (auto& [path, content] : moved) nodes_[path] = std::move(content);
    return 0;
  }
  const Nodes& nodes() const { return nodes_; }

 private:
  Nodes nodes_{{"", std::nullopt}};
};

Model::Nodes nodes_of(const fs::path& root) {
  Model::Nodes nodes{{"", std::nullopt}};
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::optional<std::string>& content = nodes[entry.path().lexically_relative(root).string()];
    if (entry.is_directory()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    content = std::string((std::istreambuf_iterator<char>(file)), {});
  }
  return nodes;
}

std::string wire_of(const std::string& path) {
  std::string wire;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    wire += (at > 0 ? "/" : "") + percent_encode(path.substr(at, slash - at));
    at = slash + 1;
  }
  return wire;
}

/// One run: what the session answers must be what the model says.
class ModelRun {
 public:
  explicit ModelRun(TestSession& session) : session_(session) {}

  void step() {
    const std::string path = random_path();
    switch (below(16)) {
      case 0:
      case 1:
      case 2: return write(path);
      case 3:
      case 4:
      case 5: return read(path);
      case 6:
      case 7: return children(path);
      case 8:
      case 9: return info(path);
      case 10:
      case 11: return make_directory(path);
      case 12: return touch(path);
      case 13:
      case 14: return move(path);
      default: return remove(path);
    }
  }
  const Model& model() const { return model_; }

 private:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  /// Mostly something that exists, or a new name in a folder.
  std::string random_path() {
    static const std::vector<std::string> kNames = {"a", "b", "new\nline", "\xf0\x9f\x8c\xb1", "\xff\xfe", "x y%"};
    const std::string& name = kNames[below(kNames.size())];
    auto node = std::next(model_.nodes().begin(), static_cast<std::ptrdiff_t>(below(model_.nodes().size())));
    if (below(3) == 0 && !node->first.empty()) return node->first;
    if (std::count(node->first.begin(), node->first.end(), '/') > 3) return name;
    return Model::child(node->first, name);
  }
  Json call(const char* op, const std::string& path) { return {{"id", 1}, {"op", op}, {"path", wire_of(path)}}; }
  void expect(const Json& answer, int status, const std::string& what) {
    const int actual = answer.contains("error") ? answer.at("error").at("status").get<int>() : 0;
    ASSERT_EQ(actual, status) << what << ": " << answer;
  }

  void write(const std::string& path) {
    static const std::vector<std::string> kFlags = {"w", "w+", "wx", "a", "ax", "r+", "w"};
    const std::string& flags = kFlags[below(kFlags.size())];
    const std::size_t start = flags[0] != 'a' && below(4) == 0 ? below(20) : 0;
    std::string data(below(8) == 0 ? 0 : below(200), '\0');
    for (char& c : data) c = static_cast<char>(below(256));
    Json answer =
        session_.ask({{"id", 1}, {"op", "write"}, {"path", wire_of(path)}, {"flags", flags}, {"start", start}});
    if (!answer.contains("error")) {
      if (!data.empty()) session_.send_data(1, data);
      session_.send({{"id", 1}, {"end", true}});
      answer = session_.final_of(1);
    }
    expect(answer, model_.write(path, flags, start, data), "write " + flags + " " + path);
    if (answer.contains("ok")) {
      ASSERT_EQ(answer.at("ok").at("size"), model_.content(path).size());
    }
  }
  void read(const std::string& path) {
    const bool whole = below(2) == 0;
    const std::size_t start = whole ? 0 : below(50), end = whole ? 1000 : start + below(50);
    Json asked = call("read", path);
    asked.update({{"start", start}, {"end", end}});
    Json answer = session_.ask(asked);
    if (!model_.is_file(path)) return expect(answer, 404, "read " + path);
    ASSERT_TRUE(answer.contains("head")) << answer;
    const std::string& content = model_.content(path);
    const std::string expected = start < content.size() ? content.substr(start, end - start + 1) : "";
    if (!expected.empty()) {
      ASSERT_EQ(session_.receive_data(), expected);
    }
    ASSERT_EQ(session_.receive(), (Json{{"id", 1}, {"ok", expected.size()}}));
  }
  void children(const std::string& path) {
    Json answer = session_.ask(call("children", path));
    if (!model_.is_folder(path)) return expect(answer, 404, "children " + path);
    Json expected = Json::array();
    for (const std::string& name : model_.children(path)) expected.push_back({percent_encode(name), nullptr});
    if (!expected.empty()) {
      ASSERT_EQ(answer.at("part"), expected);
      answer = session_.receive();
    }
    ASSERT_EQ(answer, (Json{{"id", 1}, {"ok", expected.size()}}));
  }
  void info(const std::string& path) {
    const Json answer = session_.ask(call("info", path));
    ASSERT_TRUE(answer.contains("ok")) << answer;
    ASSERT_EQ(answer.at("ok").is_null(), !model_.exists(path));
    if (!model_.exists(path)) return;
    ASSERT_EQ(answer.at("ok").at("isDirectory"), model_.is_folder(path));
    ASSERT_EQ(answer.at("ok").at("size"), model_.is_file(path) ? model_.content(path).size() : 0);
  }
  void make_directory(const std::string& path) {
    const Json answer = session_.ask(call("makeDir", path));
    expect(answer, model_.make_directory(path), "makeDir " + path);
  }
  void touch(const std::string& path) {
    const Json answer = session_.ask(call("touch", path));
    expect(answer, model_.touch(path), "touch " + path);
  }
  void move(const std::string& path) {
    std::string to = random_path();
    const bool overwrite = below(2) == 0;
    Json asked = call("move", path);
    asked.update({{"to", wire_of(to)}, {"overwrite", overwrite}});
    const Json answer = session_.ask(asked);
    const std::string what = "move " + path + " " + to;
    expect(answer, model_.move(path, to, overwrite), what);
    if (answer.contains("ok")) {
      ASSERT_EQ(answer.at("ok"), wire_of(to)) << what;
    }
  }
  void remove(const std::string& path) {
    // Seldom a folder near the top, so that there is something to work on.
    if (std::count(path.begin(), path.end(), '/') < 1 && below(20) != 0) return;
    expect(session_.ask(call("delete", path)), 0, "delete " + path);
    model_.remove(path);
  }

  TestSession& session_;
  Model model_;
  std::mt19937 random_{20260730};
};

/// Keeps this thread, and those that it starts, on one processor: each step is a few turns between them, and to wake
/// another processor for each takes longer than the step.
class OneProcessor {
 public:
  OneProcessor() {
    cpu_set_t one;
    CPU_ZERO(&one);
    const int here = ::sched_getcpu();
    known_ = here >= 0 && ::sched_getaffinity(0, sizeof before_, &before_) == 0;
    if (!known_) return;
    CPU_SET(static_cast<std::size_t>(here), &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  ~OneProcessor() {
    if (known_) ::sched_setaffinity(0, sizeof before_, &before_);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

 private:
  cpu_set_t before_{};
  bool known_ = false;
};

TEST(RandomOperations, AgreeWithTheModel) {
  const OneProcessor pinned;
  TestSession session;
  ModelRun run(session);
  for (int i = 0; i < kSteps; ++i) {
    ASSERT_NO_FATAL_FAILURE(run.step()) << "step " << i;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << i;
    if (i % 5000 == 0) {
      ASSERT_EQ(nodes_of(session.folder.path()), run.model().nodes()) << "step " << i;
    }
  }
  EXPECT_EQ(nodes_of(session.folder.path()), run.model().nodes());
}

}  // namespace
}  // namespace owndir::fsnode
