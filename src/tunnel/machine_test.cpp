// The machine as tables: what happened before, one event, and the actions that follow.
#include "tunnel/machine.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "tunnel/machine_fixture.hpp"

namespace owndir::tunnel {
namespace {

using testing::Bench;
using testing::Lines;

const std::string kHello = "0 hello";

/// Steps in words, and the actions of the last one.
struct Case {
  const char* name;
  Role role;
  std::vector<std::string> before;
  std::string event;
  Lines actions;
};

class MachineTable : public ::testing::TestWithParam<Case> {};

TEST_P(MachineTable, ActsAsTheTableSays) {
  const Case& row = GetParam();
  Bench bench(row.role);
  for (const std::string& step : row.before) bench.step(step);
  EXPECT_EQ(bench.step(row.event), row.actions) << row.name;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : std::string(info.param.name)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

const std::vector<std::string> kUp = {"opened 0", "opened 1", "opened 2", "opened 3", "opened 4", "got 0 hello"};

std::vector<std::string> up(std::vector<std::string> more = {}) {
  std::vector<std::string> steps = kUp;
  steps.insert(steps.end(), more.begin(), more.end());
  return steps;
}

constexpr Role kClient = Role::client;
constexpr Role kServer = Role::server;

INSTANTIATE_TEST_SUITE_P(
    Greeting, MachineTable,
    ::testing::Values(
        Case{"hello goes out when channel 0 opens", kClient, {}, "opened 0", {"send 0 hello 0"}},
        Case{"nothing goes out when another opens", kClient, {}, "opened 1", {}},
        Case{"a channel opens once", kClient, {"opened 0"}, "opened 0", {}},
        Case{"hello makes ready", kServer, {"opened 0"}, "got 0 hello", {"ready"}},
        Case{"a later range that holds ours is fine", kServer, {"opened 0"}, "got 0 hello 1-7", {"ready"}},
        Case{"no common version",
             kServer,
             {"opened 0"},
             "got 0 hello 2-7",
             {"send 0 goaway 0 unsupported", "closed not supported"}},
        Case{"another magic",
             kServer,
             {"opened 0"},
             "got 0 raw 01000000000061626364656600010001 0000",
             {"send 0 goaway 0 unsupported", "closed not supported"}},
        Case{"hello twice", kServer, up(), "got 0 hello", {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"ping before hello",
             kServer,
             {"opened 0"},
             "got 0 ping",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a request that overtakes the hello is kept", kServer, {"opened 0"}, "got 1 request 1 end", {}},
        Case{"and opened after it",
             kServer,
             {"opened 0", "got 1 request 1 end"},
             "got 0 hello",
             {"ready", "opened 1 GET /"}},
        Case{"no hello in time", kServer, {"opened 0"}, "after 15000", {"send 0 goaway 0 timeout", "closed timed out"}},
        Case{"no hello yet", kServer, {"opened 0"}, "after 14999", {}},
        Case{"a client opens nothing before hello",
             kClient,
             {"opened 0", "opened 1"},
             "open end",
             {"error limit reached"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    ClientExchange, MachineTable,
    ::testing::Values(
        Case{"a request without body", kClient, up(), "open end", {"send 1 request 1 end"}},
        Case{"the next takes the next channel", kClient, up({"open end"}), "open", {"send 2 request 2"}},
        Case{"the response head", kClient, up({"open end"}), "got 1 response 1 200", {"answered 1 200 body"}},
        Case{"a response without body finishes",
             kClient,
             up({"open end"}),
             "got 1 response 1 204 end",
             {"answered 1 204", "finished 1"}},
        Case{"an interim response says nothing", kClient, up({"open end"}), "got 1 response 1 103", {}},
        Case{"an interim response that ends",
             kClient,
             up({"open end"}),
             "got 1 response 1 103 end",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a second response",
             kClient,
             up({"open end", "got 1 response 1 200"}),
             "got 1 response 1 200",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"data before the head",
             kClient,
             up({"open end"}),
             "got 1 data 1 5",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"data", kClient, up({"open end", "got 1 response 1 200"}), "got 1 data 1 5", {"received 1 5"}},
        Case{"the last data",
             kClient,
             up({"open end", "got 1 response 1 200"}),
             "got 1 data 1 5 end",
             {"received 1 5 last", "finished 1"}},
        Case{"an empty last frame",
             kClient,
             up({"open end", "got 1 response 1 200"}),
             "got 1 data 1 0 end",
             {"received 1 0 last", "finished 1"}},
        Case{"data after the end, request still open",
             kClient,
             up({"open", "got 1 response 1 200", "got 1 data 1 5 end"}),
             "got 1 data 1 5",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"data after everything is ignored",
             kClient,
             up({"open end", "got 1 response 1 204 end"}),
             "got 1 data 1 5",
             {}},
        Case{"a body without a length in a 204",
             kClient,
             up({"open end"}),
             "got 1 response 1 204",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a body after HEAD",
             kClient,
             up({"open HEAD end"}),
             "got 1 response 1 200",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"content-length after HEAD is not checked",
             kClient,
             up({"open HEAD end"}),
             "got 1 response 1 200 length=5 end",
             {"answered 1 200", "finished 1"}},
        Case{"a short body",
             kClient,
             up({"open end", "got 1 response 1 200 length=6"}),
             "got 1 data 1 5 end",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a long body",
             kClient,
             up({"open end", "got 1 response 1 200 length=4"}),
             "got 1 data 1 5",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a body of its length",
             kClient,
             up({"open end", "got 1 response 1 200 length=5"}),
             "got 1 data 1 5 end",
             {"received 1 5 last", "finished 1"}},
        Case{"no body where some was announced",
             kClient,
             up({"open end"}),
             "got 1 response 1 200 length=5 end",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"reset before the head", kClient, up({"open end"}), "got 1 reset 1 refused", {"broken 1 refused by peer"}},
        Case{"reset in the body",
             kClient,
             up({"open end", "got 1 response 1 200", "got 1 data 1 5"}),
             "got 1 reset 1 upstream",
             {"broken 1 upstream by peer"}},
        Case{"reset after a complete response leaves it valid",
             kClient,
             up({"open", "got 1 response 1 200", "got 1 data 1 5 end"}),
             "got 1 reset 1 cancelled",
             {"finished 1"}},
        Case{"a second reset is ignored",
             kClient,
             up({"open end", "got 1 reset 1 refused"}),
             "got 1 reset 1 refused",
             {}},
        Case{"we reset", kClient, up({"open end"}), "reset 1 cancelled", {"send 1 reset 1 cancelled"}},
        Case{"we reset twice", kClient, up({"open end", "reset 1 cancelled"}), "reset 1 cancelled", {}},
        Case{"what crosses our reset is ignored",
             kClient,
             up({"open end", "reset 1 cancelled"}),
             "got 1 response 1 200",
             {}},
        Case{"dropping an unfinished response resets",
             kClient,
             up({"open end", "got 1 response 1 200"}),
             "discard 1",
             {"send 1 reset 1 cancelled"}},
        Case{"dropping a complete one does not",
             kClient,
             up({"open end", "got 1 response 1 200", "got 1 data 1 5 end"}),
             "discard 1",
             {}},
        Case{"a request from the server",
             kClient,
             up(),
             "got 1 request 9 end",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a frame of an exchange that never was",
             kClient,
             up({"open end"}),
             "got 1 data 2 5",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"an exchange on another channel",
             kClient,
             up({"open end"}),
             "got 2 response 1 200",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a WebSocket frame",
             kClient,
             up({"open end"}),
             "got 1 raw 210000000001 0065 0000 0000",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a frame of the future", kClient, up({"open end"}), "got 1 raw 630000000001 aabb", {}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Sending, MachineTable,
    ::testing::Values(
        Case{"credit is there at once", kClient, up({"open"}), "sendable 1", {"sendable 65536"}},
        Case{"and is used up", kClient, up({"open", "write 1 200000"}), "sendable 1", {"sendable 62144"}},
        Case{"to nothing", kClient, up({"open", "write 1 262144"}), "sendable 1", {"sendable 0"}},
        Case{"more comes", kClient, up({"open", "write 1 262144"}), "got 1 credit 1 10", {"writable 1"}},
        Case{"and can be sent",
             kClient,
             up({"open", "write 1 262144", "got 1 credit 1 10"}),
             "sendable 1",
             {"sendable 10"}},
        Case{"no more than credit is sent", kClient, up({"open"}), "write 1 262145", {"not sent"}},
        Case{"after the end nothing is", kClient, up({"open", "write 1 5 last"}), "sendable 1", {"sendable none"}},
        Case{"credit after the end is ignored", kClient, up({"open", "write 1 5 last"}), "got 1 credit 1 10", {}},
        Case{"credit up to 2^31-1", kClient, up({"open"}), "got 1 credit 1 2147221503", {"writable 1"}},
        Case{"credit beyond 2^31-1",
             kClient,
             up({"open"}),
             "got 1 credit 1 2147221504",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a body longer than announced is not sent",
             kClient,
             up({"open length=4"}),
             "write 1 5",
             {"not sent", "send 1 reset 1 upstream", "broken 1 upstream by us"}},
        Case{"nor a shorter one",
             kClient,
             up({"open length=6"}),
             "write 1 5 last",
             {"not sent", "send 1 reset 1 upstream", "broken 1 upstream by us"}},
        Case{"a length without a body is not sent at all", kClient, up(), "open length=6 end", {"error malformed"}},
        Case{"no credit for too long",
             kClient,
             up({"open", "write 1 262144", "alive 119999"}),
             "alive 1",
             {"send 1 reset 1 timeout", "broken 1 timeout by us"}},
        Case{"no credit for a while", kClient, up({"open", "write 1 262144"}), "alive 119999", {}},
        Case{"credit ends the stall",
             kClient,
             up({"open", "write 1 262144", "alive 119999", "got 1 credit 1 1"}),
             "alive 1",
             {}},
        Case{"a server sends after its head only",
             kServer,
             up({"got 1 request 1 end"}),
             "sendable 1",
             {"sendable none"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    ServerExchange, MachineTable,
    ::testing::Values(
        Case{"a request", kServer, up(), "got 1 request 1 end", {"opened 1 GET /"}},
        Case{"a request with a body", kServer, up(), "got 3 request 7", {"opened 7 GET / body"}},
        Case{"its data", kServer, up({"got 1 request 1"}), "got 1 data 1 5", {"received 1 5"}},
        Case{"the number used again",
             kServer,
             up({"got 1 request 5 end"}),
             "got 1 request 5 end",
             {"send 0 goaway 5 protocol", "closed protocol error"}},
        Case{"a smaller number",
             kServer,
             up({"got 1 request 5 end"}),
             "got 1 request 4 end",
             {"send 0 goaway 5 protocol", "closed protocol error"}},
        Case{"a smaller number on another channel",
             kServer,
             up({"got 1 request 5 end"}),
             "got 2 request 4 end",
             {"opened 4 GET /"}},
        Case{"an open number on another channel",
             kServer,
             up({"got 1 request 5 end"}),
             "got 2 request 5 end",
             {"send 0 goaway 5 protocol", "closed protocol error"}},
        Case{"data of nothing", kServer, up(), "got 1 data 1 5", {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"data without a byte",
             kServer,
             up({"got 1 request 1"}),
             "got 1 data 1 0",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"a head that is malformed", kServer, up(), "got 1 raw 100100000001 00", {"send 1 reset 1 protocol"}},
        Case{"and what follows it", kServer, up({"got 1 raw 100000000001 00"}), "got 1 data 1 5", {}},
        Case{"a length without a body", kServer, up(), "got 1 request 1 length=5 end", {"send 1 reset 1 protocol"}},
        Case{"a response from the client",
             kServer,
             up({"got 1 request 1"}),
             "got 1 response 1 200",
             {"send 1 reset 1 protocol", "broken 1 protocol by us"}},
        Case{"we answer without a body",
             kServer,
             up({"got 1 request 1 end"}),
             "respond 1 204 end",
             {"send 1 response 1 end", "finished 1"}},
        Case{"we answer with one", kServer, up({"got 1 request 1 end"}), "respond 1 200", {"send 1 response 1"}},
        Case{"we answer twice",
             kServer,
             up({"got 1 request 1 end", "respond 1 200"}),
             "respond 1 200",
             {"error malformed"}},
        Case{"we answer interim", kServer, up({"got 1 request 1 end"}), "respond 1 103", {"error malformed"}},
        Case{"a body after HEAD", kServer, up({"got 1 request 1 HEAD end"}), "respond 1 200", {"error malformed"}},
        Case{"we answer what is over",
             kServer,
             up({"got 1 request 1 end", "got 1 reset 1 cancelled"}),
             "respond 1 200",
             {"error closed"}},
        Case{"our last data finishes",
             kServer,
             up({"got 1 request 1 end", "respond 1 200"}),
             "write 1 5 last",
             {"sent 1 5 last", "finished 1"}},
        Case{"but not while the request goes on",
             kServer,
             up({"got 1 request 1", "respond 1 200"}),
             "write 1 5 last",
             {"sent 1 5 last"}},
        Case{"unless nobody reads it",
             kServer,
             up({"got 1 request 1", "discard 1", "respond 1 200"}),
             "write 1 5 last",
             {"sent 1 5 last", "send 1 reset 1 cancelled", "finished 1"}},
        Case{"nobody reads it any more",
             kServer,
             up({"got 1 request 1", "respond 1 200", "write 1 5 last"}),
             "discard 1",
             {"send 1 reset 1 cancelled", "finished 1"}},
        Case{
            "a dropped request body is swallowed", kServer, up({"got 1 request 1", "discard 1"}), "got 1 data 1 5", {}},
        Case{"the client cancels",
             kServer,
             up({"got 1 request 1", "respond 1 200"}),
             "got 1 reset 1 cancelled",
             {"broken 1 cancelled by peer"}},
        Case{"a WebSocket is not carried",
             kServer,
             up(),
             "got 1 raw 200000000001 03474554 0001 2f 0000",
             {"send 1 response 1 end"}},
        Case{"and its messages are ignored",
             kServer,
             up({"got 1 raw 200000000001 03474554 0001 2f 0000"}),
             "got 1 raw 220100000001 68",
             {}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Connections, MachineTable,
    ::testing::Values(
        Case{"ping is answered", kServer, up(), "got 0 ping", {"send 0 pong 0"}},
        Case{"silence is asked about", kServer, up(), "after 10000", {"send 0 ping 0"}},
        Case{"once", kServer, up({"after 10000"}), "after 1000", {}},
        Case{"not before", kServer, up(), "after 9999", {}},
        Case{"a sign of life", kServer, up({"after 10000", "got 0 pong"}), "after 9999", {}},
        Case{"no sign of life",
             kServer,
             up({"after 10000"}),
             "after 20000",
             {"send 0 goaway 0 timeout", "closed timed out"}},
        Case{"an unasked pong", kServer, up(), "got 0 pong", {}},
        Case{"a short frame",
             kServer,
             up(),
             "got 1 raw 1200000000",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a connection frame on an exchange channel",
             kServer,
             up(),
             "got 1 raw 020000000000 0011223344556677",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"an exchange frame on channel 0",
             kServer,
             up(),
             "got 0 request 1 end",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a malformed ping",
             kServer,
             up(),
             "got 0 raw 020000000000 00",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"a frame of the future on channel 0", kServer, up(), "got 0 raw 090000000000 00", {}},
        Case{"a frame of the future on an unknown exchange",
             kServer,
             up(),
             "got 1 raw 630000000001 00",
             {"send 0 goaway 0 protocol", "closed protocol error"}},
        Case{"we go away", kServer, up({"got 1 request 5 end"}), "go away", {"send 0 goaway 5 no_error"}},
        Case{
            "and refuse what comes later", kServer, up({"go away"}), "got 1 request 1 end", {"send 1 reset 1 refused"}},
        Case{"but finish the rest",
             kServer,
             up({"got 1 request 1 end", "go away"}),
             "respond 1 204 end",
             {"send 1 response 1 end", "finished 1"}},
        Case{"they go away and nothing is open",
             kClient,
             up(),
             "got 0 goaway no_error 0",
             {"draining", "closed closed"}},
        Case{"they go away before they started it",
             kClient,
             up({"open end"}),
             "got 0 goaway no_error 0",
             {"draining", "broken 1 refused by peer", "closed closed"}},
        Case{"they go away and finish it", kClient, up({"open end"}), "got 0 goaway no_error 1", {"draining"}},
        Case{"then it is over",
             kClient,
             up({"open end", "got 0 goaway no_error 1"}),
             "got 1 response 1 204 end",
             {"answered 1 204", "finished 1", "closed closed"}},
        Case{"also when we cancel it",
             kClient,
             up({"open end", "got 0 goaway no_error 1"}),
             "reset 1 cancelled",
             {"send 1 reset 1 cancelled", "closed closed"}},
        Case{"nothing new is opened then",
             kClient,
             up({"open end", "got 0 goaway no_error 1"}),
             "open end",
             {"error closed"}},
        Case{
            "they close with an error", kClient, up({"open end"}), "got 0 goaway too_fast 0", {"closed limit reached"}},
        Case{"a channel is gone", kClient, up({"open end"}), "lost", {"closed closed"}},
        Case{"nothing happens after the end", kClient, up({"lost"}), "got 0 ping", {}},
        Case{"not even time", kClient, up({"lost"}), "after 60000", {}}),
    name_of);

TEST(Machine, CreditComesBackAsTheReaderTakesAndGrows) {
  Bench bench(Role::client);
  for (const std::string& step : up({"open end", "got 1 response 1 200"})) bench.step(step);
  EXPECT_EQ(bench.step("got 1 data 1 131072"), Lines{"received 1 131072"});
  EXPECT_EQ(bench.step("consume 1 131071"), Lines{});
  EXPECT_EQ(bench.step("consume 1 1"), Lines{"send 1 credit 1 393216"}) << "to 512 KiB, of which 128 KiB are out";
}

TEST(Machine, AReaderThatTakesNothingGetsNoMoreThanItsWindow) {
  Bench bench(Role::client);
  for (const std::string& step : up({"open end", "got 1 response 1 200"})) bench.step(step);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(bench.step("got 1 data 1 131072"), Lines{"received 1 131072"});
  const Lines refused = {"send 1 reset 1 flow", "broken 1 flow by us"};
  EXPECT_EQ(bench.step("got 1 data 1 1"), refused);
  EXPECT_EQ(bench.machine().budget_used(), 262144U) << "what is queued still counts";
  bench.step("discard 1");
  EXPECT_EQ(bench.machine().budget_used(), 0U);
}

TEST(Machine, EveryAccountIsSettledWhenAllIsOver) {
  for (const Role role : {kClient, kServer}) {
    Bench bench(role);
    for (const std::string& step : up()) bench.step(step);
    const bool client = role == kClient;
    for (const char* step :
         client ? std::vector<const char*>{"open end", "got 1 response 1 200", "got 1 data 1 999 end", "consume 1 999",
                                           "open", "reset 2 cancelled", "open end", "got 1 reset 3 internal"}
                : std::vector<const char*>{"got 1 request 1", "got 1 data 1 999 end", "consume 1 999",
                                           "respond 1 204 end", "got 1 request 2", "reset 2 internal",
                                           "got 1 request 3", "got 1 data 3 9", "got 1 reset 3 cancelled", "discard 3"})
      bench.step(step);
    EXPECT_EQ(bench.machine().budget_used(), 0U);
    EXPECT_EQ(bench.machine().active(), 0U);
  }
}

}  // namespace
}  // namespace owndir::tunnel
