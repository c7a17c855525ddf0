#include "fsnode/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/test_memory.hpp"
#include "fsnode/test_session.hpp"

namespace owndir::fsnode {
namespace {

namespace fs = std::filesystem;

int status_of(const Json& answer) {
  return answer.contains("error") ? answer.at("error").at("status").get<int>() : 0;
}

std::string sha256_of(std::string_view text) {
  std::array<std::byte, 32> digest;
  ::EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, ::EVP_sha256(),
               nullptr);
  return to_hex(digest);
}

/// Everything in the folder but what the test made itself.
std::set<std::string> names_in(const TestFolder& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    names.insert(entry.path().lexically_relative(folder.path()).string());
  return names;
}

TEST(Session, SaysHelloFirst) {
  EngineOptions options;
  options.name = "Photos";
  TestSession session(options, {"/srv/photos", false});
  EXPECT_EQ(session.hello, (Json{{"hello", 1}, {"name", "Photos"}, {"root", "/srv/photos"}, {"writable", false}}));
}

TEST(Session, ChangesNothingWhereItMayOnlyRead) {
  TestSession session({}, {"", false});
  session.folder.write("a", "x");
  for (const char* op : {"write", "delete", "touch", "makeDir"})
    EXPECT_EQ(status_of(session.ask({{"id", 1}, {"op", op}, {"path", "a"}})), 403) << op;
  EXPECT_EQ(status_of(session.ask({{"id", 1}, {"op", "move"}, {"path", "a"}, {"to", "b"}})), 403);
  EXPECT_EQ(session.folder.read("a"), "x");
}

TEST(Session, RefusesCallsBeyondTheLimit) {
  TestSession session;
  session.folder.write("a", std::string(1000, 'x'));
  const auto most = static_cast<std::uint32_t>(Limits().calls);
  for (std::uint32_t id = 1; id <= most; ++id) {
    session.send({{"id", id}, {"op", "read"}, {"path", "a"}, {"credit", 1}});
    (void)session.next();
    (void)session.next();
  }
  EXPECT_EQ(status_of(session.ask({{"id", most + 1}, {"op", "info"}, {"path", "a"}})), 429);
  session.send({{"id", 1}, {"cancel", true}});
  EXPECT_EQ(status_of(session.final_of(1)), 499);
  EXPECT_EQ(status_of(session.ask({{"id", most + 1}, {"op", "info"}, {"path", "a"}})), 0);
}

TEST(Session, RefusesSubsBeyondTheLimit) {
  TestSession session;
  const auto most = static_cast<std::uint32_t>(Limits().subs);
  for (std::uint32_t id = 1; id <= most; ++id)
    EXPECT_TRUE(session.ask({{"id", id}, {"op", "sub"}, {"path", ""}}).contains("events"));
  EXPECT_EQ(status_of(session.ask({{"id", most + 1}, {"op", "sub"}, {"path", ""}})), 429);
}

TEST(Session, ClosesOnTextThatIsTooLarge) {
  TestSession session;
  session.send_text(R"({"id":1,"op":"info","path":")" + std::string(Limits().message_in, 'a') + "\"}");
  EXPECT_EQ(session.next(), std::nullopt);
  EXPECT_EQ(session.socket().closed, exchange::close_code::kTooLarge);
}

TEST(Session, StopsReadingFromAClientThatTakesNoReplies) {
  TestSession session;
  session.socket().room = 1;
  for (int i = 0; i < 50'000; ++i) session.send_text(R"({"id":1,"op":"nonsense"})");
  const std::size_t before = resident_bytes();
  // No file work in it: what can happen now, does.
  while (session.io.poll() > 0) {
  }
  if (!kSanitized) {
    EXPECT_LT(resident_bytes(), before + (16U << 20));
  }
  for (int i = 0; i < 50'000; ++i) ASSERT_EQ(status_of(session.receive()), 400);
}

TEST(Session, PassesFourGibibytesInBoundedMemory) {
  TestSession session;
  constexpr std::uint64_t kSize = std::uint64_t{4} << 30;
  session.folder.write("large", "");
  fs::resize_file(session.folder.path() / "large", kSize);
  session.socket().room = 8;
  const std::size_t before = resident_bytes();
  session.send({{"id", 1}, {"op", "read"}, {"path", "large"}});
  EXPECT_EQ(session.receive().at("head").at("end"), kSize - 1);
  std::uint64_t got = 0, credit = 0;
  std::size_t most = before;
  while (got < kSize) {
    const auto message = session.next();
    ASSERT_TRUE(message && !message->text);
    got += message->data.size() - 4;
    credit += message->data.size() - 4;
    if (credit < 512 * 1024) continue;
    session.send({{"id", 1}, {"credit", std::exchange(credit, 0)}});
    most = std::max(most, resident_bytes());
  }
  EXPECT_EQ(session.receive().at("ok"), kSize);
  if (!kSanitized) {
    EXPECT_LT(most, before + (32U << 20));
  }
}

TEST(Session, SendsNoMoreThanCreditAllowsAndLetsOthersPass) {
  TestSession session;
  session.folder.write("a", std::string(300'000, 'x'));
  session.send({{"id", 1}, {"op", "read"}, {"path", "a"}, {"credit", 100'000}});
  (void)session.receive();
  EXPECT_EQ(session.receive_data().size() + session.receive_data().size(), 100'000U);
  EXPECT_TRUE(session.ask({{"id", 2}, {"op", "info"}, {"path", "a"}}).contains("ok"));
  session.send({{"id", 1}, {"credit", 200'000}});
  EXPECT_EQ(session.final_of(1).at("ok"), 300'000);
}

TEST(Session, EndsAReadOfAFileThatIsCutOrEditedMeanwhile) {
  for (const bool cut : {true, false}) {
    TestSession session;
    session.folder.write("a", std::string(100'000, 'x'));
    session.send({{"id", 1}, {"op", "read"}, {"path", "a"}, {"credit", 1000}});
    (void)session.receive();
    EXPECT_EQ(session.receive_data().size(), 1000U);
    if (cut)
      fs::resize_file(session.folder.path() / "a", 5);
    else
      std::ofstream(session.folder.path() / "a", std::ios::app) << "more";
    session.send({{"id", 1}, {"credit", 1'000'000}});
    EXPECT_EQ(status_of(session.final_of(1)), 409);
  }
}

TEST(Session, ReadsAReplacedFileToItsOwnEnd) {
  TestSession session;
  session.folder.write("a", std::string(100'000, 'x'));
  session.send({{"id", 1}, {"op", "read"}, {"path", "a"}, {"credit", 1000}});
  (void)session.receive();
  (void)session.receive_data();
  EXPECT_TRUE(session.write("a", "short").contains("ok"));
  session.send({{"id", 1}, {"credit", 1'000'000}});
  EXPECT_EQ(session.final_of(1).at("ok"), 100'000);
}

TEST(Session, LosesNothingWhenTheClientGoesInMidWrite) {
  TestSession session;
  session.folder.write("a", "old");
  session.send({{"id", 1}, {"op", "write"}, {"path", "a"}});
  (void)session.receive();
  session.send_data(1, "new");
  // The credit that comes back says that the data is on the disk.
  EXPECT_EQ(session.receive().at("credit"), 3);
  session.disconnect();
  session.files.join();
  EXPECT_EQ(session.folder.read("a"), "old");
  EXPECT_EQ(names_in(session.folder), std::set<std::string>{"a"});
}

TEST(Session, HidesWhatIsBeingWrittenUntilItIsThere) {
  TestSession session;
  session.send({{"id", 1}, {"op", "write"}, {"path", "a"}});
  (void)session.receive();
  session.send_data(1, "new");
  (void)session.receive();
  EXPECT_EQ(session.ask({{"id", 2}, {"op", "children"}, {"path", ""}}), (Json{{"id", 2}, {"ok", 0}}));
  EXPECT_EQ(names_in(session.folder).size(), 1U);
  session.send({{"id", 1}, {"end", true}});
  EXPECT_EQ(session.receive().at("ok").at("size"), 3);
  EXPECT_EQ(session.folder.read("a"), "new");
}

TEST(Session, ReturnsCreditAsItWrites) {
  TestSession session;
  session.send({{"id", 1}, {"op", "write"}, {"path", "a"}});
  std::uint64_t credit = session.receive().at("credit");
  std::uint64_t sent = 0;
  constexpr std::uint64_t kSize = 10 << 20;
  while (sent < kSize) {
    while (credit < 65536) credit += session.receive().at("credit").get<std::uint64_t>();
    session.send_data(1, std::string(65536, static_cast<char>('a' + sent / 65536 % 26)));
    credit -= 65536;
    sent += 65536;
  }
  session.send({{"id", 1}, {"end", true}});
  EXPECT_EQ(session.final_of(1).at("ok").at("size"), kSize);
}

TEST(Session, TellsAHundredThousandEntriesWhileOthersAreAnswered) {
  TestSession session;
  fs::create_directory(session.folder.path() / "many");
  const int directory = ::open((session.folder.path() / "many").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  constexpr int kMany = 100'000;
  for (int i = 0; i < kMany; ++i) {
    const int fd = ::openat(directory, std::to_string(i).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
  ::close(directory);
  session.send({{"id", 1}, {"op", "children"}, {"path", "many"}, {"info", true}});
  std::string last;
  int told = 0, answered = 0, asked = 0;
  for (bool over = false; !over;) {
    if (asked == answered) session.send({{"id", 2 + ++asked}, {"op", "info"}, {"path", "many/7"}});
    const Json message = session.receive();
    ASSERT_FALSE(message.contains("error")) << message;
    if (message.at("id") != 1) {
      ++answered;
      continue;
    }
    over = message.contains("ok");
    if (over) {
      EXPECT_EQ(message.at("ok"), kMany);
    }
    for (const Json& entry : message.value("part", Json::array())) {
      EXPECT_LT(last, entry[0].get<std::string>());
      last = entry[0];
      ++told;
    }
  }
  EXPECT_EQ(told, kMany);
  EXPECT_GT(answered, 10);
}

TEST(Session, KeepsNamesThatAreNoTextByteForByte) {
  TestSession session;
  for (const char* name : {"two%0Alines", "%F0%9F%8C%B1", "caf%E9", "%22%5C", "%FF%FE", "-rf", "..a", "%20"}) {
    EXPECT_TRUE(session.write(name, "x").contains("ok")) << name;
    EXPECT_EQ(session.ask({{"id", 1}, {"op", "info"}, {"path", name}}).at("ok").at("size"), 1) << name;
  }
  const Json part = session.ask({{"id", 1}, {"op", "children"}, {"path", ""}}).at("part");
  EXPECT_EQ(part, Json::parse(R"([["%20",null],["%22%5C",null],["-rf",null],["..a",null],["caf%E9",null],)"
                              R"(["two%0Alines",null],["%F0%9F%8C%B1",null],["%FF%FE",null]])"));
}

/// Every member of every call that is a path.
std::vector<Json> calls_with(const std::string& path) {
  std::vector<Json> calls;
  for (const char* op : {"info", "children", "read", "write", "delete", "makeDir", "touch", "sub"})
    calls.push_back({{"op", op}, {"path", path}});
  calls.push_back({{"op", "upload"}, {"path", path}, {"upload", "abcdefghijklmnop0123"}, {"size", 1}});
  calls.push_back({{"op", "move"}, {"path", path}, {"to", "elsewhere"}});
  calls.push_back({{"op", "move"}, {"path", "a"}, {"to", path}, {"overwrite", true}});
  calls.push_back({{"op", "sub"}, {"path", ""}, {"paths", {path}}});
  return calls;
}

TEST(Session, RefusesDotsInEveryPath) {
  TestSession session;
  session.folder.write("a", "x");
  session.folder.write("d/b", "x");
  for (const char* path : {"..", "../x", "d/..", "d/../a", "d/../../x", "../../../../etc/passwd"}) {
    for (Json& call : calls_with(path)) {
      call["id"] = 1;
      EXPECT_EQ(status_of(session.ask(call)), 403) << call;
    }
  }
  EXPECT_EQ(names_in(session.folder), (std::set<std::string>{"a", "d", "d/b"}));
}

TEST(Session, RefusesLinksThatLeadOutInEveryPath) {
  TestSession session;
  const TestFolder outside;
  outside.write("secret", "untouched");
  session.folder.write("a", "x");
  fs::create_directory_symlink(outside.path(), session.folder.path() / "out");
  fs::create_symlink("../" + outside.path().filename().string() + "/secret", session.folder.path() / "up");
  fs::create_symlink(outside.path() / "secret", session.folder.path() / "file");
  for (const std::string path : {"out", "file", "up", "out/secret", "out/new"}) {
    const bool is_link = path.find('/') == path.npos;
    for (Json& call : calls_with(path)) {
      // A sub is told of no outside, see below; the link itself may be removed, moved and replaced.
      if (call["op"] == "sub" || (is_link && (call["op"] == "delete" || call["op"] == "move"))) continue;
      call["id"] = 1;
      EXPECT_EQ(status_of(session.ask(call)), 403) << call;
    }
  }
  EXPECT_EQ(status_of(session.ask({{"id", 1}, {"op", "move"}, {"path", "a"}, {"to", "out"}})), 409) << "in the way";
  EXPECT_EQ(outside.read("secret"), "untouched");
  EXPECT_EQ(names_in(outside), std::set<std::string>{"secret"});
  EXPECT_EQ(names_in(session.folder), (std::set<std::string>{"a", "file", "out", "up"}));

  session.send({{"id", 2}, {"op", "sub"}, {"path", ""}, {"paths", {"out", "file", "up", "out/secret"}}});
  EXPECT_EQ(session.receive().at("events"), Json::parse(R"([["ready",""]])"));
}

class Uploading : public ::testing::Test {
 protected:
  Json begin(int id, std::uint64_t size, bool overwrite = true) {
    session_.send(
        {{"id", id}, {"op", "upload"}, {"path", "u"}, {"upload", kId}, {"size", size}, {"overwrite", overwrite}});
    const Json head = session_.receive();
    if (head.contains("head")) (void)session_.receive();
    return head;
  }
  Json end(int id, std::string_view whole) {
    session_.send({{"id", id}, {"end", true}, {"sha256", sha256_of(whole)}});
    return session_.final_of(id);
  }
  static constexpr const char* kId = "abcdefghijklmnop0123";
  TestSession session_;
};

TEST_F(Uploading, GoesOnAfterADisconnect) {
  EXPECT_EQ(begin(1, 6).at("head").at("offset"), 0);
  session_.send_data(1, "abc");
  EXPECT_EQ(session_.receive().at("credit"), 3);
  session_.disconnect();
  EXPECT_FALSE(fs::exists(session_.folder.path() / "u"));
  session_.connect();
  EXPECT_EQ(session_.ask({{"id", 9}, {"op", "children"}, {"path", ""}}).at("ok"), 0);
  EXPECT_EQ(begin(1, 6).at("head").at("offset"), 3);
  session_.send_data(1, "def");
  EXPECT_TRUE(end(1, "abcdef").contains("ok"));
  EXPECT_EQ(names_in(session_.folder), std::set<std::string>{"u"});
  EXPECT_EQ(session_.folder.read("u"), "abcdef");
}

TEST_F(Uploading, BeginsAnewWhenMoreIsThereThanItsSize) {
  (void)begin(1, 6);
  session_.send_data(1, "abcdef");
  (void)session_.receive();
  session_.send({{"id", 1}, {"cancel", true}});
  EXPECT_EQ(status_of(session_.final_of(1)), 499);
  EXPECT_EQ(begin(2, 3).at("head").at("offset"), 0);
}

TEST_F(Uploading, RemovesWhatHasAnotherDigest) {
  session_.folder.write("u", "old");
  (void)begin(1, 3);
  session_.send_data(1, "abc");
  EXPECT_EQ(status_of(end(1, "other")), 409);
  EXPECT_EQ(session_.folder.read("u"), "old");
  EXPECT_EQ(names_in(session_.folder), std::set<std::string>{"u"});
}

TEST_F(Uploading, KeepsWhatIsThereIfBytesAreMissing) {
  (void)begin(1, 6);
  session_.send_data(1, "abc");
  EXPECT_EQ(status_of(end(1, "abc")), 400);
  EXPECT_EQ(begin(2, 6).at("head").at("offset"), 3);
}

TEST_F(Uploading, IsTakenOverByASecondCall) {
  (void)begin(1, 6);
  session_.send_data(1, "abc");
  (void)session_.receive();
  session_.send({{"id", 2}, {"op", "upload"}, {"path", "u"}, {"upload", kId}, {"size", 6}});
  EXPECT_EQ(status_of(session_.final_of(1)), 409);
  EXPECT_EQ(session_.receive().at("head").at("offset"), 3);
  (void)session_.receive();
  session_.send_data(2, "def");
  EXPECT_TRUE(end(2, "abcdef").contains("ok"));
}

TEST_F(Uploading, DoesNotReplaceUnlessItMay) {
  session_.folder.write("u", "old");
  EXPECT_EQ(status_of(begin(1, 3, false)), 409);
  fs::remove(session_.folder.path() / "u");
  (void)begin(1, 3, false);
  session_.send_data(1, "abc");
  session_.folder.write("u", "came meanwhile");
  EXPECT_EQ(status_of(end(1, "abc")), 409);
  EXPECT_EQ(session_.folder.read("u"), "came meanwhile");
}

TEST(Subbing, GathersForASlowClientAndEndsWithIt) {
  TestSession session;
  EXPECT_TRUE(session.ask({{"id", 1}, {"op", "sub"}, {"path", ""}}).contains("events"));
  session.socket().room = 0;
  for (int i = 0; i < 500; ++i) session.folder.write(std::to_string(i), "x");
  for (int i = 0; i < 490; ++i) fs::remove(session.folder.path() / std::to_string(i));
  session.socket().room = 1;
  session.socket().taken();
  std::set<std::string> there;
  const auto all_told = [&] { return there.size() == 10 && there.contains("499"); };
  while (!all_told()) {
    const Json message = session.receive();
    for (const Json& event : message.at("events")) {
      if (event[0] == "add") there.insert(event[1].get<std::string>());
      if (event[0] == "unlink") there.erase(event[1].get<std::string>());
    }
  }
  session.disconnect();
  EXPECT_TRUE(session.over());
}

TEST(Subbing, IsTheSameWithoutInotify) {
  EngineOptions options;
  options.inotify = false;
  options.poll_interval = 5ms;
  TestSession session(options);
  const Json first = session.ask({{"id", 1}, {"op", "sub"}, {"path", ""}, {"ignoreInitial", true}});
  EXPECT_EQ(first.at("events"), Json::parse(R"([["ready",""]])"));
  session.folder.write("a/b", "x");
  const Json told = session.receive().at("events");
  EXPECT_EQ(told[0][1], "a");
  session.send({{"id", 1}, {"cancel", true}});
  EXPECT_EQ(session.final_of(1).at("ok"), true);
}

TEST(Subbing, GoesOnWhereTheSystemRefusesWatches) {
  EngineOptions options;
  options.most_watches = 0;
  options.poll_interval = 5ms;
  TestSession session(options);
  session.folder.write("a/old", "x");
  std::map<std::string, int> told;
  const auto await = [&](const std::string& wanted) {
    while (!told.contains(wanted) && !::testing::Test::HasFatalFailure()) {
      const Json message = session.receive();
      ASSERT_TRUE(message.contains("events")) << message;
      for (const Json& event : message.at("events"))
        ++told[event[0].get<std::string>() + " " + event[1].get<std::string>()];
    }
  };
  session.send({{"id", 1}, {"op", "sub"}, {"path", ""}, {"events", {"all", "error"}}});
  await("ready ");
  EXPECT_EQ(told["error "], 1);
  session.folder.write("a/new", "x");
  await("add a/new");
  session.folder.write("a/new", "longer");
  await("change a/new");
  fs::remove(session.folder.path() / "a/old");
  await("unlink a/old");
  fs::remove_all(session.folder.path() / "a");
  await("unlinkDir a");
  EXPECT_EQ(told["error "], 1) << "once";
}

TEST(Subbing, TellsOnlyWhatWasAskedFor) {
  TestSession session;
  session.folder.write("old", "x");
  const Json call = {{"id", 1}, {"op", "sub"}, {"path", ""}, {"events", {"unlink", "raw"}}};
  EXPECT_EQ(session.ask(call).at("events"), Json::parse(R"([["ready",""]])"));
  fs::remove(session.folder.path() / "old");
  EXPECT_EQ(session.receive().at("events"), Json::parse(R"([["raw","old"],["unlink","old"]])"));
}

}  // namespace
}  // namespace owndir::fsnode
