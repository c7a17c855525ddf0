// What the gateway draws for a person: directory pages, what cannot be had, the icon.

#include <filesystem>

#include "gateway/test_gateway.hpp"

namespace owndir::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(GatewayTest, DrawsADirectoryPageThatHostileNamesCannotEscape) {
  folder_.write("<script>alert(1)<|script>&\"'.txt", "x");
  const Answer answer = ask("/");
  EXPECT_EQ(answer.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(answer.field("Content-Security-Policy"), HasSubstr("default-src 'none'; script-src 'self'"));
  EXPECT_EQ(answer.field("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_EQ(answer.field("Referrer-Policy"), "no-referrer");
  EXPECT_THAT(answer.body, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(answer.body, HasSubstr("&lt;script&gt;alert(1)&lt;|script&gt;&amp;&quot;&#39;.txt"));
  EXPECT_THAT(answer.body, HasSubstr("<title>Anna&#39;s &lt;folder&gt;</title>"));
  EXPECT_THAT(answer.body, HasSubstr("data-owndir-listing=\"/\""));
  EXPECT_THAT(answer.body, HasSubstr("<a href=\"a%20b.txt\">"));
  EXPECT_THAT(answer.body, HasSubstr("title=\"5 bytes\">5 B<"));
  EXPECT_THAT(ask("/photos/").body, HasSubstr("<li><a href=\"../\"><bdi>Anna&#39;s &lt;folder&gt;</bdi></a></li>"));
}

TEST_F(GatewayTest, DrawsWhatCannotBeOpenedWithoutALink) {
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "outside");
  const std::string page = ask("/").body;
  EXPECT_THAT(page, HasSubstr("<bdi>outside</bdi> <small>cannot be opened: it leads out of the folder</small></span>"));
  EXPECT_THAT(page, Not(HasSubstr("href=\"outside\"")));
}

TEST_F(GatewayTest, TellsAPersonOnAPageWhatCannotBeHadAndWhereElseToGo) {
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "photos/outside");
  const Fields person = {{"Accept", "text/html,*/*;q=0.8"}};
  const Answer missing = ask("/photos/<b>&%ff", person);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.field("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(missing.field("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(missing.body, HasSubstr("<title>There is nothing here</title>"));
  EXPECT_THAT(missing.body, HasSubstr("<bdi>/photos/&lt;b&gt;&amp;\xef\xbf\xbd</bdi>"));
  EXPECT_THAT(missing.body, HasSubstr("<a href=\"/photos/\">Up to <bdi>photos</bdi></a><a href=\"/\">"));
  EXPECT_THAT(missing.body, HasSubstr("prefers-color-scheme: dark"));
  const Answer outside = ask("/photos/outside", person);
  EXPECT_EQ(outside.status, 403);
  EXPECT_THAT(outside.body, HasSubstr("a link that leads out of the folder"));
  EXPECT_EQ(ask("/%zz", person).status, 400);
  EXPECT_EQ(ask("/nothing", person, "HEAD").body, "");
  const Answer program = ask("/photos/outside", {{"Accept", "*/*"}});
  EXPECT_EQ(program.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(program.body, HasSubstr("leads out of the folder"));
}

TEST_F(GatewayTest, HasAnIconOfItsOwnWhereTheFolderHasNone) {
  const Answer own = ask("/favicon.ico", {{"Accept", "image/avif,*/*;q=0.8"}});
  EXPECT_EQ(own.status, 200);
  EXPECT_EQ(own.field("Content-Type"), "image/svg+xml");
  EXPECT_THAT(own.body, HasSubstr("<svg "));
  EXPECT_EQ(ask("/favicon.ico", {{"If-None-Match", own.field("ETag")}}).status, 304);
  folder_.write("favicon.ico", "theirs");
  EXPECT_EQ(ask("/favicon.ico").body, "theirs");
}

}  // namespace
}  // namespace owndir::gateway
