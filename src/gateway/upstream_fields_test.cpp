#include "gateway/upstream_fields.hpp"

#include <gtest/gtest.h>

#include "gateway/upstream_url.hpp"

namespace owndir::gateway {
namespace {

using exchange::Fields;

const WebOrigin kUpstream{"http", "localhost", 8384};
const WebOrigin kClient{"http", "sync.localhost", 8711};

Fields request(Fields fields, const std::optional<WebOrigin>& client = kClient) {
  rewrite_request(fields, kUpstream, client);
  return fields;
}

std::string response(const std::string& name, const std::string& value,
                     const std::optional<WebOrigin>& client = kClient, const WebOrigin& upstream = kUpstream) {
  Fields fields = {{name, value}};
  rewrite_response(fields, upstream, client);
  return fields.begin()->value;
}

TEST(WebOrigin, IsReadFromWhatIsOneOnly) {
  EXPECT_EQ(parse_origin("HTTP://LocalHost:8384"), kUpstream);
  EXPECT_EQ(parse_origin("https://a.b/"), (WebOrigin{"https", "a.b", 443}));
  EXPECT_EQ(parse_origin("http://[::1]:80")->str(), "http://[::1]");
  for (const char* text :
       {"", "null", "http://", "http://a/b", "http://u@a", "http://a:b", "http://a:70000", "ftp://a", "http://a b",
        "http://a?x", "javascript://a", "http://a\r\nX: y", "http://[::1", "http://a:0", "http://\"", "tcp://a:1"})
    EXPECT_FALSE(parse_origin(text)) << text;
}

TEST(OwnFields, AreTakenAllAndNeverPassedOn) {
  Fields fields = {{"Owndir-App", "a"},  {"owndir-app", "b"}, {"X", "1"}, {"OWNDIR-ORIGIN", "http://a.localhost:1"},
                   {"owndir-else", "x"}, {"owndirx", "stays"}};
  const OwnFields own = take_own_fields(fields);
  EXPECT_EQ(own.app, "a");
  EXPECT_EQ(own.origin, (WebOrigin{"http", "a.localhost", 1}));
  EXPECT_EQ(fields, (Fields{{"X", "1"}, {"owndirx", "stays"}}));
  Fields odd = {{"owndir-origin", "http://a/path"}};
  EXPECT_FALSE(take_own_fields(odd).origin);
}

TEST(RewriteRequest, SpeaksToTheUpstreamInItsOwnName) {
  const Fields fields = request({{"Host", "sync.localhost:8711"},
                                 {"Origin", "http://sync.localhost:8711"},
                                 {"Referer", "http://sync.localhost:8711/a?b"},
                                 {"Cookie", "s=1"},
                                 {"Authorization", "Basic x"}});
  EXPECT_EQ(fields.get("Host"), "localhost:8384");
  EXPECT_EQ(fields.get("Origin"), "http://localhost:8384");
  EXPECT_EQ(fields.get("Referer"), "http://localhost:8384/a?b");
  EXPECT_EQ(fields.get("Cookie"), "s=1");
  EXPECT_EQ(fields.get("Authorization"), "Basic x");
  EXPECT_EQ(fields.get("X-Forwarded-Host"), "sync.localhost:8711");
  EXPECT_EQ(fields.get("X-Forwarded-Proto"), "http");
  EXPECT_EQ(fields.get("Forwarded"), "for=192.0.2.1;host=\"sync.localhost:8711\";proto=http");
}

TEST(RewriteRequest, NamesResourcesOfWebDavAsTheUpstreamKnowsThem) {
  const Fields fields =
      request({{"Destination", " http://sync.localhost:8711/a%20b/"},
               {"If", "<http://sync.localhost:8711/a> (<urn:uuid:1> [\"e<1>\"]) (Not <DAV:no-lock>)"}});
  EXPECT_EQ(fields.get("Destination"), "http://localhost:8384/a%20b/");
  EXPECT_EQ(fields.get("If"), "<http://localhost:8384/a> (<urn:uuid:1> [\"e<1>\"]) (Not <DAV:no-lock>)");
  for (const char* same : {"", "<", "<>", "<http://sync.localhost:8711/a", "(<urn:uuid:1>)", "> <http://else/> ("})
    EXPECT_EQ(request({{"If", same}}).get("If"), same);
  for (const char* same : {"/path", "http://sync.localhost:8712/", "http://else/a", ""})
    EXPECT_EQ(request({{"Destination", same}}).get("Destination"), same);
}

TEST(RewriteRequest, LeavesOtherOriginsAsTheyAre) {
  for (const char* origin : {"null", "http://evil.example", "http://localhost:8384", "http://sync.localhost:8712"})
    EXPECT_EQ(request({{"Origin", origin}}).get("Origin"), origin);
}

TEST(RewriteRequest, DropsWhatIsForged) {
  const Fields fields = request({{"X-Forwarded-For", "127.0.0.1"},
                                 {"x-forwarded-for", "10.0.0.1"},
                                 {"Forwarded", "for=127.0.0.1"},
                                 {"X-Real-IP", "127.0.0.1"},
                                 {"X-Forwarded-Port", "1"}});
  for (const auto& field : fields) EXPECT_EQ(field.value.find("127.0.0.1"), std::string::npos) << field.name;
  EXPECT_EQ(fields.get("X-Forwarded-For"), "192.0.2.1");
  EXPECT_FALSE(fields.contains("X-Forwarded-Port"));
}

TEST(RewriteRequest, TakesTheHostForTheOriginWhereNothingElseIsSaid) {
  const Fields fields = request({{"Host", "127.0.0.1:8711"}, {"Origin", "http://127.0.0.1:8711"}}, std::nullopt);
  EXPECT_EQ(fields.get("Origin"), "http://localhost:8384");
  EXPECT_EQ(fields.get("X-Forwarded-Host"), "127.0.0.1:8711");
  EXPECT_FALSE(request({{"Host", "a\"b"}}, std::nullopt).contains("X-Forwarded-Host"));
}

TEST(RewriteResponse, LeadsRedirectsToTheClient) {
  const struct {
    const char* given;
    const char* known;
    const char* unknown;  ///< where the client's origin is not known
  } cases[] = {
      {"http://localhost:8384/a?b#c", "http://sync.localhost:8711/a?b#c", "/a?b#c"},
      {"HTTP://LOCALHOST:8384", "http://sync.localhost:8711/", "/"},
      {"http://127.0.0.1:8384/a", "http://sync.localhost:8711/a", "/a"},
      {"//localhost:8384/a", "http://sync.localhost:8711/a", "/a"},
      {"http://localhost:8384?x", "http://sync.localhost:8711/?x", "/?x"},
      {"http://localhost:8384//evil.example/", "http://sync.localhost:8711//evil.example/", "/.//evil.example/"},
      {"/a", "/a", "/a"},
      {"a?u=http://localhost:8384/", "a?u=http://localhost:8384/", "a?u=http://localhost:8384/"},
      {"http://localhost:8385/", "http://localhost:8385/", "http://localhost:8385/"},
      {"https://localhost:8384/", "https://localhost:8384/", "https://localhost:8384/"},
      {"http://localhost:8384.evil.example/", "http://localhost:8384.evil.example/",
       "http://localhost:8384.evil.example/"},
      {"http://localhost:8384@evil.example/", "http://localhost:8384@evil.example/",
       "http://localhost:8384@evil.example/"},
      {"https://login.example/?back=http://localhost:8384/", "https://login.example/?back=http://localhost:8384/",
       "https://login.example/?back=http://localhost:8384/"},
      {"", "", ""},
  };
  for (const auto& [given, known, unknown] : cases) {
    for (const char* name : {"Location", "Content-Location", "content-location"}) {
      EXPECT_EQ(response(name, given), known);
      EXPECT_EQ(response(name, given, std::nullopt), unknown);
    }
  }
}

TEST(RewriteResponse, LeadsRefreshesToTheClient) {
  EXPECT_EQ(response("Refresh", "5; url=http://localhost:8384/a"), "5; url=http://sync.localhost:8711/a");
  EXPECT_EQ(response("Refresh", "0;URL='http://localhost:8384/a'"), "0; url='http://sync.localhost:8711/a'");
  for (const char* same : {"5", "5; url", "5; x=http://localhost:8384/", ";", "5; url=/a"})
    EXPECT_EQ(response("Refresh", same), same);
}

TEST(RewriteResponse, TakesTheDomainOutOfCookies) {
  const WebOrigin nas{"https", "www.nas.lan", 443};
  EXPECT_EQ(response("Set-Cookie", "a=b; Domain=LocalHost; Path=/; HttpOnly"), "a=b; Path=/; HttpOnly");
  EXPECT_EQ(response("Set-Cookie", "a=b;domain = .nas.lan;Secure", kClient, nas), "a=b;Secure");
  EXPECT_EQ(response("Set-Cookie", "domain=1; Domain=x; domain=localhost; Domain"), "domain=1");
  EXPECT_EQ(response("Set-Cookie", "a=\"x; y\"; SameSite=Lax"), "a=\"x; y\"; SameSite=Lax");
  EXPECT_EQ(response("Set-Cookie", ""), "");
}

TEST(RewriteResponse, DropsACookieThatTheUpstreamMayNotSet) {
  const struct {
    const char* domain;
    WebOrigin upstream;
  } cases[] = {{"evil.example", kUpstream},
               {"as.lan", {"http", "nas.lan", 80}},
               {"www.nas.lan", {"http", "nas.lan", 80}},
               {"0.0.1", {"http", "127.0.0.1", 80}},
               {"1]", {"http", "[::1]", 80}}};
  for (const auto& [domain, upstream] : cases) {
    Fields fields = {{"Set-Cookie", std::string("a=b; Domain=") + domain}, {"X", "1"}};
    rewrite_response(fields, upstream, kClient);
    EXPECT_EQ(fields, (Fields{{"X", "1"}})) << domain;
  }
}

TEST(RewriteResponse, KeepsEveryCookieAndTheOrderOfFields) {
  Fields fields = {{"Set-Cookie", "a=1; Domain=localhost"}, {"X", "1"}, {"set-cookie", "b=2"}, {"X", "2"}};
  rewrite_response(fields, kUpstream, kClient);
  EXPECT_EQ(fields, (Fields{{"Set-Cookie", "a=1"}, {"X", "1"}, {"set-cookie", "b=2"}, {"X", "2"}}));
}

TEST(RewriteResponse, AllowsTheClientWhereTheUpstreamIsAllowed) {
  EXPECT_EQ(response("Access-Control-Allow-Origin", "http://localhost:8384"), "http://sync.localhost:8711");
  EXPECT_EQ(response("Access-Control-Allow-Origin", "*"), "*");
  EXPECT_EQ(response("Access-Control-Allow-Origin", "http://a"), "http://a");
}

TEST(UpstreamUrl, IsNamedByItsHostAndPortUnlessItHasAName) {
  const struct {
    const char* text;
    const char* name;
    const char* origin;
  } cases[] = {
      {"http://localhost:8384", "localhost-8384", "http://localhost:8384"},
      {"http://127.0.0.1:8080/", "127-0-0-1-8080", "http://127.0.0.1:8080"},
      {"https://NAS.lan", "nas-lan-443", "https://nas.lan"},
      {"http://[::1]:80", "1-80", "http://[::1]"},
      {"tcp://127.0.0.1:22", "127-0-0-1-22", "tcp://127.0.0.1:22"},
      {"ssh=tcp://localhost:22", "ssh", "tcp://localhost:22"},
      {"http://a-very-long-host-name.of.some.company.example:8443", "ame-of-some-company-example-8443",
       "http://a-very-long-host-name.of.some.company.example:8443"},
  };
  for (const auto& [text, name, origin] : cases) {
    const auto upstream = parse_upstream(text);
    ASSERT_TRUE(upstream) << text << ": " << upstream.error().context;
    EXPECT_TRUE(is_app_name(upstream->name)) << upstream->name;
    EXPECT_EQ(upstream->name, name);
    EXPECT_EQ(upstream->origin.str(), origin);
  }
  EXPECT_EQ(parse_upstream("http://[::1]:8080")->address.host, "::1");
  EXPECT_TRUE(parse_upstream("https://nas.lan")->address.tls);
}

TEST(UpstreamUrl, RefusesWhatIsNoServiceInWordsThatHelp) {
  const struct {
    const char* text;
    const char* complaint;
  } cases[] = {
      {"", "not the address of a service"},
      {"localhost:8080", "not the address of a service"},
      {"http://localhost:8080/path", "without a path, http://localhost:8080"},
      {"http://localhost:8080?x", "without a path"},
      {"ws://localhost:1", "http passes WebSockets too"},
      {"ftp://localhost:1", "only http, https and tcp"},
      {"tcp://localhost", "not the address of a service"},
      {"http://user:secret@localhost", "not the address of a service"},
      {"A b=http://localhost", "small letters"},
      {"-a=http://localhost", "small letters"},
      {"=http://localhost", "small letters"},
  };
  for (const auto& [text, complaint] : cases) {
    const auto upstream = parse_upstream(text);
    ASSERT_FALSE(upstream) << text;
    EXPECT_NE(upstream.error().context.find(complaint), std::string::npos) << upstream.error().context;
  }
}

}  // namespace
}  // namespace owndir::gateway
