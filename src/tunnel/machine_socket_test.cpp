// WebSockets in the machine, as tables.
#include <gtest/gtest.h>

#include "tunnel/machine_table.hpp"

namespace owndir::tunnel {
namespace {

using namespace testing;

class SocketTable : public ::testing::TestWithParam<Case> {};

TEST_P(SocketTable, ActsAsTheTableSays) {
  const Case& row = GetParam();
  Bench bench(row.role);
  for (const std::string& step : row.before) bench.step(step);
  EXPECT_EQ(bench.step(row.event), row.actions) << row.name;
}

/// With WebSocket 1 open.
std::vector<std::string> client(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"socket", "got 1 socket_accept 1"});
  return up(std::move(more));
}
std::vector<std::string> server(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"got 1 socket_open 1", "accept 1"});
  return up(std::move(more));
}

const Lines kProtocol = {"send 1 reset 1 protocol", "broken 1 protocol by us"};

INSTANTIATE_TEST_SUITE_P(
    Opening, SocketTable,
    ::testing::Values(
        Case{"a client asks", kClient, up(), "socket", {"send 1 socket_open 1"}},
        Case{"a server is asked", kServer, up(), "got 1 socket_open 1", {"opened 1 GET / socket"}},
        Case{"and accepts", kServer, up({"got 1 socket_open 1"}), "accept 1", {"send 1 socket_accept 1"}},
        Case{"once", kServer, server(), "accept 1", {"error malformed"}},
        Case{"or answers", kServer, up({"got 1 socket_open 1"}), "respond 1 404", {"send 1 response 1"}},
        Case{"with a body",
             kServer,
             up({"got 1 socket_open 1", "respond 1 404"}),
             "write 1 5 last",
             {"sent 1 5 last", "finished 1"}},
        Case{"or without",
             kServer,
             up({"got 1 socket_open 1"}),
             "respond 1 403 end",
             {"send 1 response 1 end", "finished 1"}},
        Case{"but only what was asked for", kServer, up({"got 1 request 1 end"}), "accept 1", {"error malformed"}},
        Case{"the client is told", kClient, up({"socket"}), "got 1 socket_accept 1", {"answered 1 101"}},
        Case{"or gets a response", kClient, up({"socket"}), "got 1 response 1 404", {"answered 1 404 body"}},
        Case{"with a body ",
             kClient,
             up({"socket", "got 1 response 1 404"}),
             "got 1 data 1 5 end",
             {"received 1 5 last", "finished 1"}},
        Case{"after an interim one",
             kClient,
             up({"socket", "got 1 response 1 103"}),
             "got 1 socket_accept 1",
             {"answered 1 101"}},
        Case{"nothing is said before", kClient, up({"socket"}), "say 1 5 last", {"not sent"}},
        Case{"nor sendable", kClient, up({"socket"}), "sendable 1", {"sendable none"}},
        Case{"nor at the server", kServer, up({"got 1 socket_open 1"}), "say 1 5 last", {"not sent"}},
        Case{"a message before the answer", kServer, up({"got 1 socket_open 1"}), "got 1 socket_message 1 5 end",
             kProtocol},
        Case{"a close before the answer", kServer, up({"got 1 socket_open 1"}), "got 1 socket_close 1", kProtocol},
        Case{"a body before the answer", kServer, up({"got 1 socket_open 1"}), "got 1 data 1 5 end", kProtocol},
        Case{"a message before the acceptance", kClient, up({"socket"}), "got 1 socket_message 1 5 end", kProtocol},
        Case{"a second acceptance", kClient, client(), "got 1 socket_accept 1", kProtocol},
        Case{"a response after the acceptance", kClient, client(), "got 1 response 1 200", kProtocol},
        Case{"an acceptance that nobody asked for", kClient, up({"open end"}), "got 1 socket_accept 1", kProtocol},
        Case{"an acceptance from the client", kServer, up({"got 1 socket_open 1"}), "got 1 socket_accept 1", kProtocol},
        Case{"a head that is no GET",
             kServer,
             up(),
             "got 1 raw 200000000001 0450555421 0001 2f 0000",
             {"send 1 reset 1 protocol"}},
        Case{"a request for one while we go away",
             kServer,
             up({"go away"}),
             "got 1 socket_open 1",
             {"send 1 reset 1 refused"}},
        Case{"an id that was used",
             kServer,
             up({"got 1 request 1 end"}),
             "got 1 socket_open 1",
             {"send 0 goaway 1 protocol", "closed protocol error"}},
        Case{"one from the server",
             kClient,
             up(),
             "got 1 socket_open 9",
             {"send 0 goaway 0 protocol", "closed protocol error"}}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Talking, SocketTable,
    ::testing::Values(
        Case{"both may talk", kServer, server(), "say 1 5 text last", {"said 1 5"}},
        Case{"both ", kClient, client(), "say 1 5", {"said 1 5"}},
        Case{"a message", kServer, server(), "got 1 socket_message 1 5 text end", {"piece 1 5 text end"}},
        Case{"an empty one", kClient, client(), "got 1 socket_message 1 0 end", {"piece 1 0 end"}},
        Case{"in pieces",
             kClient,
             client({"got 1 socket_message 1 5 text"}),
             "got 1 socket_message 1 7 end",
             {"piece 1 7 end"}},
        Case{"none of them empty", kClient, client(), "got 1 socket_message 1 0", kProtocol},
        Case{"each piece costs", kClient, client({"say 1 1000 last"}), "sendable 1", {"sendable 65536"}},
        Case{"until nothing is left", kClient, client({"say 1 262080"}), "sendable 1", {"sendable 0"}},
        Case{"what would cost more", kClient, client(), "say 1 262081", {"not sent"}},
        Case{"more comes", kClient, client({"say 1 262080"}), "got 1 credit 1 65", {"writable 1"}},
        Case{"and can be sent", kClient, client({"say 1 262080", "got 1 credit 1 65"}), "sendable 1", {"sendable 1"}},
        Case{"what was read is given back",
             kServer,
             server({"got 1 socket_message 1 200000 end"}),
             "taken 1 200000",
             {"send 1 credit 1 986496"}},
        Case{"more than credit",
             kServer,
             server({"got 1 socket_message 1 262080 end"}),
             "got 1 socket_message 1 0 end",
             {"send 1 reset 1 flow", "broken 1 flow by us"}},
        Case{"a ping", kServer, server(), "got 1 socket_control 1 3", {"send 1 socket_control 1 pong 3"}},
        Case{"a pong", kServer, server(), "got 1 socket_control 1 3 pong", {}},
        Case{"a ping for no WebSocket", kServer, up({"got 1 request 1"}), "got 1 socket_control 1 3", kProtocol},
        Case{"a message for no WebSocket", kServer, up({"got 1 request 1"}), "got 1 socket_message 1 3", kProtocol},
        Case{"a close of no WebSocket", kClient, up({"open end"}), "got 1 socket_close 1", kProtocol},
        Case{"data on a WebSocket", kServer, server(), "got 1 data 1 5", kProtocol},
        Case{"data on a WebSocket of the client", kClient, client(), "got 1 data 1 5", kProtocol},
        Case{"silence is no stall", kClient, client({"say 1 262080"}), "alive 120000", {}},
        Case{"waiting is",
             kClient,
             client({"say 1 262080", "wait 1"}),
             "alive 120000",
             {"send 1 reset 1 timeout", "broken 1 timeout by us"}},
        Case{"unless credit comes",
             kClient,
             client({"say 1 262080", "wait 1", "got 1 credit 1 65"}),
             "alive 120000",
             {}},
        Case{"there is nothing to wait for", kClient, client({"wait 1"}), "alive 120000", {}}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Closing, SocketTable,
    ::testing::Values(
        Case{"we close", kServer, server(), "close 1 1000", {"send 1 socket_close 1 1000"}},
        Case{"without a code", kServer, server(), "close 1", {"send 1 socket_close 1 0"}},
        Case{"never with a code that is not sent", kServer, server(), "close 1 1006", {"send 1 socket_close 1 0"}},
        Case{"once ", kServer, server({"close 1 1000"}), "close 1 1000", {}},
        Case{"and are answered",
             kServer,
             server({"close 1 1000"}),
             "got 1 socket_close 1 1000",
             {"socket closed 1 1000", "finished 1"}},
        Case{"or not",
             kServer,
             server({"close 1 1000"}),
             "after 5000",
             {"send 1 reset 1 timeout", "broken 1 timeout by us"}},
        Case{"what comes meanwhile is dropped", kServer, server({"close 1 1000"}), "got 1 socket_message 1 5 end", {}},
        Case{"though it comes in pieces",
             kServer,
             server({"got 1 socket_message 1 9", "close 1 1000", "got 1 socket_message 1 5 end"}),
             "got 1 socket_close 1",
             {"socket closed 1 0", "finished 1"}},
        Case{"and not answered", kServer, server({"close 1 1000"}), "got 1 socket_control 1 3", {}},
        Case{"but counted",
             kServer,
             server({"close 1 1000", "got 1 socket_message 1 262080"}),
             "got 1 socket_message 1 999999 end",
             {"send 0 goaway 1 too_large", "closed too large"}},
        Case{"nothing more is said", kClient, client({"close 1 1000"}), "say 1 5 last", {"not sent"}},
        Case{"the other end closes", kClient, client(), "got 1 socket_close 1 4000", {"socket closed 1 4000"}},
        Case{"and we answer",
             kClient,
             client({"got 1 socket_close 1 4000"}),
             "close 1 4001",
             {"send 1 socket_close 1 4001", "finished 1"}},
        Case{"once  ", kServer, server({"got 1 socket_close 1 4000", "close 1 4000"}), "close 1 4000", {}},
        Case{"or not ",
             kServer,
             server({"got 1 socket_close 1 4000"}),
             "after 5000",
             {"send 1 reset 1 timeout", "broken 1 timeout by us"}},
        Case{"but end it",
             kClient,
             client({"got 1 socket_close 1 4000"}),
             "reset 1 cancelled",
             {"send 1 reset 1 cancelled"}},
        Case{"or the other end does",
             kClient,
             client({"got 1 socket_close 1 4000"}),
             "got 1 reset 1 timeout",
             {"broken 1 timeout by peer"}},
        Case{"both at once",
             kClient,
             client({"close 1 1000"}),
             "got 1 socket_close 1 4000",
             {"socket closed 1 4000", "finished 1"}},
        Case{"after which nothing counts",
             kClient,
             client({"got 1 socket_close 1", "close 1"}),
             "got 1 socket_message 1 5 end",
             {}},
        Case{"it says nothing more", kServer, server({"got 1 socket_close 1"}), "got 1 socket_message 1 5 end",
             kProtocol},
        Case{"nor asks", kServer, server({"got 1 socket_close 1"}), "got 1 socket_control 1 3", kProtocol},
        Case{"nor closes again", kServer, server({"got 1 socket_close 1"}), "got 1 socket_close 1", kProtocol},
        Case{"nor is said", kClient, client({"got 1 socket_close 1"}), "say 1 5 last", {"not sent"}},
        Case{"nor is there room", kClient, client({"got 1 socket_close 1"}), "sendable 1", {"sendable none"}},
        Case{"a code that nobody sends", kClient, client(), "got 1 socket_close 1 1005", kProtocol},
        Case{"a reset", kClient, client(), "got 1 reset 1 cancelled", {"broken 1 cancelled by peer"}},
        Case{"ours", kServer, server(), "reset 1 cancelled", {"send 1 reset 1 cancelled"}},
        Case{"none can be closed that is not open", kServer, up({"got 1 socket_open 1"}), "close 1 1000", {}}),
    row_name);

TEST(SocketAccounts, AreSettledWhicheverWayASocketEnds) {
  const std::vector<std::vector<std::string>> endings = {
      {"got 1 socket_close 1 1000", "taken 1 5", "taken 1 9", "close 1 1000"},
      {"got 1 socket_close 1 1000", "close 1 1000", "taken 1 5", "taken 1 9"},
      {"got 1 socket_close 1 1000", "close 1 1000", "discard 1"},
      {"got 1 socket_close 1 1000", "after 5000", "discard 1"},
      {"taken 1 5", "close 1 1000", "got 1 socket_message 1 7 end", "got 1 socket_close 1"},
      {"close 1 1000", "after 5000"},
      {"reset 1 cancelled"},
      {"got 1 reset 1 cancelled", "discard 1"},
      {"got 1 data 1 5", "discard 1"},
  };
  for (const auto& ending : endings) {
    Bench bench(Role::server);
    for (const std::string& step : server({"got 1 socket_message 1 5 end", "got 1 socket_message 1 9"}))
      bench.step(step);
    EXPECT_NE(bench.machine().budget_used(), 0U);
    for (const std::string& step : ending) bench.step(step);
    EXPECT_EQ(bench.machine().active(), 0U) << ending.front();
    EXPECT_EQ(bench.machine().budget_used(), 0U) << ending.front();
  }
}

}  // namespace
}  // namespace owndir::tunnel
