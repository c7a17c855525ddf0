// protocol/vectors/fsnode.json, which the TypeScript client reads too.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/percent.hpp"
#include "fsnode/test_session.hpp"
#include "fsnode/wire.hpp"

namespace owndir::fsnode {
namespace {

namespace fs = std::filesystem;

const Json& vectors() {
  static const Json all = [] {
    std::ifstream file(std::string(OWNDIR_SOURCE_DIR) + "/protocol/vectors/fsnode.json");
    // The strings of "text" have lone surrogates, which are no JSON for this parser and of no use here.
    std::string text((std::istreambuf_iterator<char>(file)), {});
    for (std::size_t at = 0; (at = text.find("\\ud", at)) != text.npos; at += 6) text[at + 1] = '\\';
    return Json::parse(text);
  }();
  return all;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(FsnodeVectors, EveryPathHasOneSpelling) {
  for (const Json& row : vectors().at("paths")) {
    SCOPED_TRACE(row.at("name"));
    const auto path = decode_path(row.at("wire").get<std::string>());
    ASSERT_TRUE(path) << path.error().to_string();
    EXPECT_EQ(path->str(), from_hex(row.at("bytes")));
    EXPECT_EQ(encode_path(*path), row.at("wire").get<std::string>());
  }
}

TEST(FsnodeVectors, OtherSpellingsAreRefused) {
  for (const Json& row : vectors().at("bad_paths")) {
    SCOPED_TRACE(row.at("name"));
    const auto path = decode_path(row.at("wire").get<std::string>());
    ASSERT_FALSE(path);
    EXPECT_EQ(wire_status(path.error()), row.at("status"));
  }
}

/// Opens the calls that a vector names, so that they stay open: on a file that is read by credit, or written.
void open_calls(TestSession& session, const Json& row) {
  session.folder.write("some", "0123456789");
  const Json open = row.value("open", Json::object());
  for (const auto& [id, op] : open.items()) {
    Json call = {{"id", std::stoul(id)}, {"op", op}, {"path", op == "sub" ? "" : "some"}, {"ignoreInitial", true}};
    if (op == "read") call["credit"] = 1;
    if (op == "upload") call.update({{"upload", "0123456789abcdef"}, {"size", 100}});
    session.send(call);
    (void)session.next();
    if (op == "read" || op == "upload") (void)session.next();
  }
}

/// What the vector says must come of the message that was sent.
void expect_outcome(TestSession& session, const Json& row) {
  if (row.contains("close")) {
    EXPECT_EQ(session.next(), std::nullopt);
    EXPECT_EQ(session.socket().closed, row.at("close").get<std::uint16_t>());
    return;
  }
  if (row.contains("error")) {
    EXPECT_EQ(session.receive().at("error").at("status"), row.at("error"));
    return;
  }
  if (row.contains("ignored")) {
    const Json answer = session.ask({{"id", 77}, {"op", "info"}, {"path", "none"}});
    EXPECT_EQ(answer, (Json{{"id", 77}, {"ok", nullptr}}));
  }
}

TEST(FsnodeVectors, TextOfAClientMeansWhatTheySay) {
  for (const Json& row : vectors().at("client_text")) {
    SCOPED_TRACE(row.at("name"));
    TestSession session;
    open_calls(session, row);
    session.send_text(row.at("text").get<std::string>());
    expect_outcome(session, row);
    if (!row.contains("means")) continue;
    const auto parsed = parse_text(row.at("text").get<std::string>());
    ASSERT_TRUE(parsed);
    const Json& means = row.at("means");
    EXPECT_EQ(std::visit([](const auto& any) { return any.id; }, *parsed), means.at("id"));
    EXPECT_FALSE(std::holds_alternative<Nonsense>(*parsed));
    if (const auto* call = std::get_if<Call>(&*parsed)) {
      EXPECT_EQ(encode_path(call->path), means.at("path").get<std::string>());
      EXPECT_EQ(call->start, means.value("start", 0ULL));
      if (means.contains("end")) {
        EXPECT_EQ(call->end, means.at("end").get<std::uint64_t>());
      }
      if (means.contains("size")) {
        EXPECT_EQ(call->size, means.at("size").get<std::uint64_t>());
      }
      if (means.contains("mode")) {
        EXPECT_EQ(call->mode, means.at("mode").get<std::uint32_t>());
      }
      if (means.contains("to")) {
        EXPECT_EQ(encode_path(call->to), means.at("to").get<std::string>());
      }
      if (means.contains("overwrite")) {
        EXPECT_EQ(call->overwrite, means.at("overwrite"));
      }
      if (means.contains("depth")) {
        EXPECT_EQ(call->depth, means.at("depth").get<std::uint32_t>());
      }
      EXPECT_EQ(call->info, means.value("info", false));
      EXPECT_EQ(call->ignore_initial, means.value("ignoreInitial", false));
    }
    if (const auto* credit = std::get_if<Credit>(&*parsed)) {
      EXPECT_EQ(credit->bytes, means.at("credit"));
    }
    if (const auto* end = std::get_if<End>(&*parsed)) {
      EXPECT_EQ(end->sha256, means.value("sha256", ""));
    }
  }
}

TEST(FsnodeVectors, BinaryOfAClientMeansWhatTheySay) {
  for (const Json& row : vectors().at("client_binary")) {
    SCOPED_TRACE(row.at("name"));
    const std::string message = from_hex(row.at("hex"));
    TestSession session;
    open_calls(session, row);
    session.send_binary(message);
    expect_outcome(session, row);
    if (!row.contains("call")) continue;
    const auto parsed = parse_binary(as_bytes(message));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->id, row.at("call"));
    EXPECT_EQ(as_text(parsed->data), from_hex(row.at("data")));
  }
}

bool is_like(const Json& actual, const Json& expected) {
  if (expected == "<any>") return true;
  if (expected == "<number>") return actual.is_number();
  if (expected == "<info>") return actual.is_object() && actual.size() == 8 && actual.contains("isFile");
  if (expected.type() != actual.type() && !(expected.is_number() && actual.is_number())) return false;
  if (expected.is_object() || expected.is_array()) {
    if (actual.size() != expected.size()) return false;
    for (const auto& [key, value] : expected.items()) {
      if (expected.is_object() && !actual.contains(key)) return false;
      const Json& part = expected.is_object() ? actual.at(key) : actual.at(std::stoul(key));
      if (!is_like(part, value)) return false;
    }
    return true;
  }
  return actual == expected;
}

void make_tree(const TestFolder& folder, const Json& tree) {
  for (const auto& [name, what] : tree.items()) {
    const fs::path path = folder.path() / name;
    fs::create_directories(path.parent_path());
    if (what.contains("text")) folder.write(name, what.at("text").get<std::string>());
    if (what.contains("folder")) fs::create_directories(path);
    if (what.contains("link")) fs::create_symlink(what.at("link").get<std::string>(), path);
  }
}

/// Leaves only: a folder is told when it is empty.
Json tree_of(const fs::path& root) {
  Json tree = Json::object();
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = fs::relative(entry.path(), root).string();
    const std::string key = entry.is_symlink() ? (entry.path().lexically_relative(root)).string() : name;
    if (entry.is_symlink()) {
      tree[key] = {{"link", fs::read_symlink(entry.path()).string()}};
    } else if (entry.is_directory()) {
      if (fs::is_empty(entry.path())) tree[key] = {{"folder", true}};
    } else {
      std::ifstream file(entry.path(), std::ios::binary);
      tree[key] = {{"text", std::string((std::istreambuf_iterator<char>(file)), {})}};
    }
  }
  return tree;
}

TEST(FsnodeVectors, SessionsGoAsWritten) {
  for (const Json& row : vectors().at("sessions")) {
    SCOPED_TRACE(row.at("name"));
    TestSession session;
    make_tree(session.folder, row.at("tree"));
    for (const Json& step : row.at("steps")) {
      SCOPED_TRACE(step.dump());
      if (step.contains("client")) session.send(step.at("client"));
      if (step.contains("clientData"))
        session.send_data(step.at("clientData")[0], step.at("clientData")[1].get<std::string>());
      if (step.contains("serverData")) {
        EXPECT_EQ(session.receive_data(), step.at("serverData")[1].get<std::string>());
      }
      if (!step.contains("server")) continue;
      Json actual = session.receive();
      // Credit that goes on after the first is the server's affair.
      while (actual.contains("credit") && !step.at("server").contains("credit")) actual = session.receive();
      EXPECT_TRUE(is_like(actual, step.at("server"))) << actual.dump();
    }
    if (row.contains("after")) {
      EXPECT_EQ(tree_of(session.folder.path()), row.at("after"));
    }
  }
}

TEST(FsnodeVectors, TheDocumentShowsTheLimits) {
  std::ifstream schema_file(std::string(OWNDIR_SOURCE_DIR) + "/protocol/protocol.json");
  const auto schema = nlohmann::ordered_json::parse(schema_file);
  std::ifstream document_file(std::string(OWNDIR_SOURCE_DIR) + "/docs/fsnode.md");
  const std::string document((std::istreambuf_iterator<char>(document_file)), {});
  std::string text = "<!-- table fsnode.limits -->\n| name | value | meaning |\n| --- | --- | --- |\n";
  for (const auto& [name, row] : schema.at("fsnode").at("limits").items())
    text += "| `" + name + "` | " + row.at("value").dump() + " | " + row.at("text").get<std::string>() + " |\n";
  EXPECT_NE(document.find(text + "<!-- end -->"), document.npos)
      << "run node protocol/generate.mjs --markdown docs/fsnode.md";
}

}  // namespace
}  // namespace owndir::fsnode
