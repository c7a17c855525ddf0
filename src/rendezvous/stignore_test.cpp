#include "rendezvous/stignore.hpp"

#include <gtest/gtest.h>

namespace owndir::rendezvous {
namespace {

struct Case {
  const char* text;
  bool warns;
};

TEST(Stignore, WarnsWhereALineKeepsTheHandshakeFilesFromTravelling) {
  const Case cases[] = {
      {"", false},
      {"// .owndir\n", false},
      {"#include more\n", false},
      {"*.tmp\nbuild\n/secret\n", false},
      {".*\n", true},
      {".owndir\n", true},
      {"/.owndir\n", true},
      {".owndir/\n", true},
      {".owndir/.wrtc-proxy\n", true},
      {"/.wrtc-proxy\n", false},
      {".wrtc-proxy\n", true},
      {"*.json\n", true},
      {"(?d)*.json\r\n", true},
      {"(?i).OWNDIR\n", true},
      {"(?d)(?i)*.JSON\n", true},
      {"**\n", true},
      {"*\n", true},
      {"offer-*\n", true},
      {"server-[0-9a-f]?*-*\n", true},
      {"{.git,.owndir}\n", true},
      {"{.git,.svn}\n", false},
      {"[.]owndir\n", true},
      {"[!.]owndir\n", false},
      {"[a-z]owndir\n", false},
      {"/*/.wrtc-proxy/**\n", true},
      {"!.owndir\n.*\n", false},
      {"!/.owndir/.wrtc-proxy\n.*\n", false},
      {".*\n!.owndir\n", true},
      {"  \t.*  \n", true},
      {"\\.owndir\n", true},
      {"{\n[\n\\\n!\n(?d)\n", false},
  };
  for (const Case& each : cases) EXPECT_EQ(!stignore_warnings(each.text).empty(), each.warns) << each.text;
}

TEST(Stignore, SaysEachLineOnceAndWhatToDo) {
  const auto warnings = stignore_warnings("*.tmp\n.*\n");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("\".*\""), std::string::npos);
  EXPECT_NE(warnings[0].find("!/.owndir/.wrtc-proxy"), std::string::npos);
}

TEST(Stignore, AHostilePatternEnds) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "**a";
  EXPECT_TRUE(stignore_warnings(pattern + "\n" + std::string(1000, '*') + "b\n" + std::string(400, '{')).empty());
}

}  // namespace
}  // namespace owndir::rendezvous
