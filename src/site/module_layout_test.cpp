#include "site/module_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace owndir::site {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Snapshot of(const std::vector<std::string>& paths) {
  Snapshot snapshot;
  for (const std::string& path : paths) snapshot.files.push_back({path, "", 0, false});
  return snapshot;
}

TEST(ModuleLayout, KnowsAModuleByItsNames) {
  for (const char* path : {".owndir/index.js", ".owndir/index.jsx", ".owndir/index.ts", ".owndir/index.tsx",
                           ".owndir.js", ".owndir.tsx", ".owndir/plugins/a.mjs", ".owndir/plugins/a/index.js",
                           ".owndir/static/index.html", ".owndir/build/client/static/index.html"})
    EXPECT_THAT(module_directories(of({path})), ElementsAre("")) << path;
  EXPECT_THAT(module_directories(of({"a b/.owndir/index.js", "a b/.owndir/style.css", "c/.owndir.jsx"})),
              ElementsAre("a b", "c"));
}

TEST(ModuleLayout, NoOtherFileMakesADirectoryAModule) {
  for (const char* path :
       {".owndir/README.md", ".owndir/other.js", ".owndir/Index.jsx", ".owndir/index.mjs", ".owndir/index.test.js",
        ".owndir/lib/index.js", ".owndir/plugins/README.md", ".owndir/plugins/a/lib/index.js", ".owndir.txt",
        ".owndir.test.js", ".owndir/package.json", "a/.owndir/build/x.js", ".owndir/a/.owndir/index.js"})
    EXPECT_THAT(module_directories(of({path})), IsEmpty()) << path;
}

TEST(ModuleLayout, APackageIsAModuleWhenItNamesAScript) {
  Snapshot snapshot = of({".owndir/package.json"});
  const auto with = [&](const char* text) {
    snapshot.manifests[".owndir/package.json"] = text;
    return !module_directories(snapshot).empty();
  };
  EXPECT_TRUE(with(R"({"main": "main.js"})"));
  EXPECT_TRUE(with(R"({"exports": "./x.js"})"));
  EXPECT_TRUE(with("{")) << "what is wrong with it is for the build to say";
  EXPECT_FALSE(with(R"({"dependencies": {}})"));
  EXPECT_FALSE(with(" \n"));
}

TEST(ModuleLayout, SaysWhatWasProbablyMeant) {
  const struct {
    const char *path, *name;
  } cases[] = {{".owndir/Index.jsx", "index.jsx"}, {".owndir/index.mjs", "index.js"}, {".owndir/indx.ts", "index.ts"},
               {".owndir/idnex.js", "index.js"},   {".owndir/INDEX.JS", "index.js"},  {"a/.owndir.JSX", ".owndir.jsx"},
               {".owndir/indexx.cts", "index.ts"}};
  for (const auto& [path, name] : cases) {
    const auto hints = module_hints(of({path, "b/.owndir/index.js"}));
    ASSERT_EQ(hints.size(), 1U) << path;
    EXPECT_EQ(hints[0].file, path);
    EXPECT_THAT(hints[0].text, HasSubstr("did you mean " + std::string(name) + "?"));
  }
}

TEST(ModuleLayout, IsSilentAboutHelpersOfModulesThatAreThere) {
  EXPECT_THAT(module_hints(of({".owndir/index.js", ".owndir/Index.jsx"})), IsEmpty());
  EXPECT_THAT(module_hints(of({".owndir/index.js", "a/.owndir/inbox.js", "a/.owndir/helper.js"})), IsEmpty());
  EXPECT_THAT(module_hints(of({".owndir/README.md"})), IsEmpty());
  const auto alone = module_hints(of({".owndir/helper.js"}));
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_THAT(alone[0].text, HasSubstr(".owndir/index.js"));
}

}  // namespace
}  // namespace owndir::site
