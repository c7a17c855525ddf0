#include "rendezvous/record.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace owndir::rendezvous {
namespace {

using nlohmann::json;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const json& vectors() {
  static const json all = json::parse(contents(OWNDIR_SOURCE_DIR "/protocol/vectors/record.json"));
  return all;
}

std::string base64_decoded(const std::string& text) {
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = (bits << 6) | static_cast<std::uint32_t>(kAlphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 0xff);
  }
  return out;
}

std::string bytes_of(const json& vector) {
  if (vector.contains("text")) return vector["text"];
  if (vector.contains("base64")) return base64_decoded(vector["base64"]);
  std::string bytes;
  for (const json& piece : vector["pieces"])
    for (int i = 0; i < piece[1].get<int>(); ++i) bytes += piece[0].get<std::string>();
  return bytes;
}

std::string error_name(const Error& error) {
  if (error.is(Errc::malformed)) return "malformed";
  if (error.is(Errc::too_large)) return "too_large";
  if (error.is(Errc::unsupported)) return "unsupported";
  if (error.is(Errc::foreign)) return "foreign";
  return error.to_string();
}

/// A record in the form of the vectors: what the file says, and n of its name.
json as_vector(const Record& record) {
  json out = json::parse(serialize(record));
  out.erase("v");
  if (const auto* answer = std::get_if<Answer>(&record)) out["n"] = answer->n;
  if (const auto* presence = std::get_if<Presence>(&record)) out["n"] = presence->n;
  return out;
}

TEST(Record, NamesParseAsTheSharedVectorsSay) {
  ASSERT_GT(vectors()["names"].size(), 40U);
  for (const json& vector : vectors()["names"]) {
    SCOPED_TRACE(vector.dump());
    const auto parsed = parse_name(vector["name"].get<std::string>());
    ASSERT_EQ(parsed.has_value(), !vector["kind"].is_null());
    if (!parsed) continue;
    const char* kKinds[] = {"offer", "answer", "presence"};
    EXPECT_EQ(kKinds[static_cast<int>(parsed->kind)], vector["kind"].get<std::string>());
    EXPECT_EQ(parsed->client, vector.value("client", ""));
    EXPECT_EQ(parsed->offer, vector.value("offer", ""));
    EXPECT_EQ(parsed->server, vector.value("server", ""));
    EXPECT_EQ(parsed->n, vector.value("n", std::uint64_t{0}));
  }
}

TEST(Record, RecordsParseAsTheSharedVectorsSay) {
  ASSERT_GT(vectors()["records"].size(), 100U);
  for (const json& vector : vectors()["records"]) {
    SCOPED_TRACE(vector["what"].get<std::string>());
    const auto name = parse_name(vector["name"].get<std::string>());
    ASSERT_TRUE(name);
    const auto record = parse_record(*name, bytes_of(vector));
    if (vector.contains("error")) {
      ASSERT_FALSE(record);
      EXPECT_EQ(error_name(record.error()), vector["error"].get<std::string>());
      EXPECT_FALSE(record.error().context.empty());
    } else {
      ASSERT_TRUE(record) << record.error().to_string();
      EXPECT_EQ(as_vector(*record), vector["expect"]);
      EXPECT_EQ(std::visit([](const auto& value) { return name_of(value); }, *record),
                vector["name"].get<std::string>());
    }
  }
}

TEST(Record, DigestsAreThoseOfTheSharedVectors) {
  for (const json& vector : vectors()["digests"])
    EXPECT_EQ(digest(vector["text"].get<std::string>()), vector["sha256"].get<std::string>());
}

TEST(Record, EveryTruncationAndBitFlipOfARecordIsRefusedOrParsedWithoutACrash) {
  const Offer offer{"0123456789abcdef", "fedcba9876543210", "a1b2c3d4e5f60718", 1, 600, "Ännä",
                    std::nullopt,       "v=0\r\n"};
  const auto name = *parse_name(name_of(offer));
  const std::string whole = serialize(offer);
  ASSERT_EQ(*parse_record(name, whole), Record(offer));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(parse_record(name, whole.substr(0, size)).error().is(Errc::malformed)) << size;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto record = parse_record(name, flipped);
    if (record) {
      EXPECT_EQ(std::get<Offer>(*record).client, offer.client);
    }
  }
}

TEST(Record, TextThatIsNotUtf8IsSerializedWithReplacements) {
  Offer offer{"0123456789abcdef", "fedcba9876543210", "a1b2c3d4e5f60718", 1, 600, "a", std::nullopt, "v=0\xff"};
  const auto record = parse_record(*parse_name(name_of(offer)), serialize(offer));
  ASSERT_TRUE(record);
  EXPECT_EQ(std::get<Offer>(*record).sdp, "v=0\xef\xbf\xbd");
}

TEST(Record, DisplayNamesAreCutAtACharacterAndLoseControls) {
  EXPECT_EQ(display_name("home"), "home");
  EXPECT_EQ(display_name("a\nb\x7f\xc2\x85"
                         "c\xff"),
            "abc");
  EXPECT_EQ(display_name(std::string(63, 'x') + "\xc3\xbc"), std::string(63, 'x'));
  EXPECT_EQ(display_name(std::string(100, 'x')), std::string(64, 'x'));
}

TEST(Record, TheFuzzCorpusIsParsedOrRefused) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OWNDIR_SOURCE_DIR "/fuzz/corpus/record")) {
    const std::string bytes = contents(entry.path());
    ASSERT_FALSE(bytes.empty()) << entry.path();
    for (const char* text : {"offer-0123456789abcdef-fedcba9876543210.json",
                             "answer-0123456789abcdef-fedcba9876543210-00112233445566aa-1760000000123.json",
                             "server-00112233445566aa-1760000000001.json"}) {
      const auto name = parse_name(text);
      const auto record = parse_record(*name, std::string_view(bytes).substr(1));
      if (record) {
        Limits roomy;
        roomy.record_bytes = 1 << 20;
        const auto again = parse_record(*name, serialize(*record), roomy);
        ASSERT_TRUE(again) << entry.path();
        EXPECT_EQ(*again, *record);
      }
    }
    ++files;
  }
  EXPECT_GE(files, 10);
}

}  // namespace
}  // namespace owndir::rendezvous
