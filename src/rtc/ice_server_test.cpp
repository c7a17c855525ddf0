#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rtc/peer.hpp"

namespace owndir::rtc {
namespace {

struct Good {
  const char* text;
  const char* url;
  const char* username;
  const char* credential;
};

class IceServerTakes : public testing::TestWithParam<Good> {};

TEST_P(IceServerTakes, WithItsParts) {
  const auto server = parse_ice_server(GetParam().text);
  ASSERT_TRUE(server) << server.error().to_string();
  EXPECT_EQ(server->url, GetParam().url);
  EXPECT_EQ(server->username, GetParam().username);
  EXPECT_EQ(server->credential, GetParam().credential);
}

INSTANTIATE_TEST_SUITE_P(
    Table, IceServerTakes,
    testing::Values(Good{"stun:stun.example.org", "stun:stun.example.org", "", ""},
                    Good{"STUN:stun.example.org:3478", "stun:stun.example.org:3478", "", ""},
                    Good{"stun:192.0.2.1:65535", "stun:192.0.2.1:65535", "", ""},
                    Good{"stun:[2001:db8::1]:3478", "stun:[2001:db8::1]:3478", "", ""},
                    Good{"stun:[::1]", "stun:[::1]", "", ""},
                    Good{"turn:anna:secret@turn.example.org", "turn:turn.example.org", "anna", "secret"},
                    Good{"turn:anna:s@c:t@turn.example.org:3478?transport=tcp",
                         "turn:turn.example.org:3478?transport=tcp", "anna", "s@c:t"},
                    Good{"turns:a:b=/+@[::1]:443?transport=udp", "turns:[::1]:443?transport=udp", "a", "b=/+"}));

struct Bad {
  const char* text;
  const char* says;
};

class IceServerRefuses : public testing::TestWithParam<Bad> {};

TEST_P(IceServerRefuses, WithASentence) {
  const auto server = parse_ice_server(GetParam().text);
  ASSERT_FALSE(server);
  EXPECT_TRUE(server.error().is(Errc::malformed));
  EXPECT_THAT(server.error().context, testing::HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Table, IceServerRefuses,
    testing::Values(Bad{"", "write stun:"}, Bad{"example.org", "write stun:"}, Bad{"http://example.org", "write stun:"},
                    Bad{"stuns:example.org", "write stun:"}, Bad{"stun://example.org", "without //"},
                    Bad{"stun:", "host name"}, Bad{"stun::3478", "host name"}, Bad{"stun:a b", "host name"},
                    Bad{"stun:example.org:", "port"}, Bad{"stun:example.org:0", "port"},
                    Bad{"stun:example.org:65536", "port"}, Bad{"stun:example.org:x", "port"},
                    Bad{"stun:::1", "brackets"}, Bad{"stun:[::1", "IPv6"}, Bad{"stun:[example]", "IPv6"},
                    Bad{"stun:[::1]3478", "port"}, Bad{"stun:example.org?transport=udp", "only turn"},
                    Bad{"stun:a:b@example.org", "no user"}, Bad{"turn:example.org", "user and password"},
                    Bad{"turn:anna@example.org", "USER:PASSWORD"}, Bad{"turn:anna:@example.org", "user and password"},
                    Bad{"turn::b@example.org", "USER:PASSWORD"},
                    Bad{"turn:a:b@example.org?transport=sctp", "only turn"}));

TEST(IceServer, KeepsThePasswordOutOfTheError) {
  const auto server = parse_ice_server("turn:anna:hunter2@exa mple.org");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().context.find("hunter2"), std::string::npos);
}

TEST(IceServer, RefusesLongText) {
  EXPECT_FALSE(parse_ice_server("stun:" + std::string(600, 'a')));
}

}  // namespace
}  // namespace owndir::rtc
