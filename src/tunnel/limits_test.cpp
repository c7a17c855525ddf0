// Every row of the tunnel's table of limits at work: at its value, and just beyond.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "tunnel/machine_fixture.hpp"

namespace owndir::tunnel {
namespace {

using exchange::RequestHead;
using exchange::ResponseHead;
using testing::Bench;
using testing::Lines;

constexpr auto kEnd = static_cast<std::uint8_t>(Flag::end);

/// A machine that is up.
struct Up : Bench {
  explicit Up(Role role, const Limits& limits = {}, std::size_t max_message = 256 * 1024)
      : Bench(role, limits, max_message) {
    for (const char* step : {"opened 0", "opened 1", "opened 2", "opened 3", "opened 4", "got 0 hello"})
      this->step(step);
  }
};

Frame request(RequestHead head) {
  return {{FrameType::request, kEnd, 1}, std::move(head)};
}
Frame data(std::size_t size, Bytes& payload) {
  payload.assign(size, std::byte{1});
  return {{FrameType::data, 0, 1}, Payload{payload}};
}
std::string number(std::uint64_t value) {
  return std::to_string(value);
}

const Lines kOpened = {"opened 1 GET /"};
const Lines kTooLarge = {"send 1 reset 1 too_large"};

void head_limit(const std::function<RequestHead(std::size_t)>& make, std::uint64_t limit) {
  EXPECT_EQ(Up(Role::server).got(1, request(make(limit))).front().rfind("opened 1 ", 0), 0U);
  EXPECT_EQ(Up(Role::server).got(1, request(make(limit + 1))), kTooLarge);
}

/// A head whose frame has that many bytes.
RequestHead head_of(std::size_t bytes) {
  RequestHead head{"GET", "/", {{"a", ""}, {"b", ""}, {"c", ""}}};
  const Frame empty = request(head);
  std::size_t missing = bytes - encode_simple(empty, Limits()).size();
  exchange::Fields fields;
  for (const char* name : {"a", "b", "c"}) {
    const std::size_t size = std::min<std::size_t>(missing, 32000);
    missing -= size;
    fields.add(name, std::string(size, 'v'));
  }
  head.fields = std::move(fields);
  return head;
}

/// Frames and credit that let a message of `size` come in two pieces at most.
Limits with_whole_pieces(std::uint64_t size) {
  Limits limits;
  limits.max_frame = size + 1024;
  limits.initial_credit = limits.max_credit = 3 * (size + 1024);
  limits.receive_budget = 1000 * size;
  return limits;
}

void reset_of_text(std::size_t size, const Lines& expected) {
  Up up(Role::server);
  up.step("got 1 request 1");
  EXPECT_EQ(up.got(1, {{FrameType::reset, 0, 1}, Reset{Code::cancelled, std::string(size, 'x')}}), expected);
}

/// Largest promise to an exchange whose reader takes everything at once.
std::uint64_t largest_promise(Bench& bench, ExchangeId id, std::uint64_t initial) {
  std::uint64_t promise = initial;
  std::uint64_t largest = initial;
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t size = std::min<std::uint64_t>(promise, 100000);
    const std::string channel = number((id - 1) % 4 + 1);
    bench.step("got " + channel + " data " + number(id) + " " + number(size));
    promise -= size;
    for (const std::string& line : bench.step("consume " + number(id) + " " + number(size)))
      promise += std::stoull(line.substr(line.rfind(' ') + 1));
    largest = std::max(largest, promise);
  }
  return largest;
}

using Case = std::function<void(std::uint64_t)>;

const std::map<std::string, Case>& cases() {
  static const std::map<std::string, Case> all = {
      {"channels",
       [](std::uint64_t value) {
         EXPECT_EQ(Up(Role::server).step("got " + number(value - 1) + " request 1 end"), kOpened);
         EXPECT_EQ(Up(Role::server).step("got " + number(value) + " request 1 end"), Lines{});
       }},
      {"frame_header",
       [](std::uint64_t value) {
         EXPECT_EQ(value, kFrameHeader);
         EXPECT_TRUE(decode_header(Bytes(value)));
         EXPECT_FALSE(decode_header(Bytes(value - 1)));
       }},
      {"max_frame",
       [](std::uint64_t value) {
         Bytes payload;
         Up up(Role::server);
         up.step("got 1 request 1");
         EXPECT_EQ(up.got(1, data(value - kFrameHeader, payload)), Lines{"received 1 " + number(value - kFrameHeader)});
         const Lines closed = {"send 0 goaway 1 too_large", "closed too large"};
         EXPECT_EQ(up.got(1, data(value - kFrameHeader + 1, payload)), closed);
       }},
      {"max_head",
       [](std::uint64_t value) {
         EXPECT_EQ(Up(Role::server).got(1, request(head_of(value))), kOpened);
         EXPECT_EQ(Up(Role::server).got(1, request(head_of(value + 1))), kTooLarge);
         EXPECT_TRUE(Up(Role::client).machine().open(head_of(value), false));
         EXPECT_FALSE(Up(Role::client).machine().open(head_of(value + 1), false)) << "nor is it sent";
       }},
      {"method",
       [](std::uint64_t value) {
         head_limit([](std::size_t n) { return RequestHead{std::string(n, 'M'), "/", {}}; }, value);
       }},
      {"target",
       [](std::uint64_t value) {
         head_limit([](std::size_t n) { return RequestHead{"GET", "/" + std::string(n - 1, 't'), {}}; }, value);
       }},
      {"reason",
       [](std::uint64_t value) {
         const auto answer = [](std::size_t n) {
           return Frame{{FrameType::response, kEnd, 1}, ResponseHead{200, std::string(n, 'r'), {}}};
         };
         Limits wide;
         wide.reason = value + 1;
         std::vector<Action> actions;
         for (const std::uint64_t size : {value, value + 1}) {
           Up client(Role::client);
           client.step("open end");
           client.machine().received(1, encode_simple(answer(size), wide), client.now());
           client.machine().take_actions(actions);
           EXPECT_EQ(std::holds_alternative<Answered>(actions.front()), size == value);
           actions.clear();
         }
       }},
      {"fields",
       [](std::uint64_t value) {
         head_limit(
             [](std::size_t n) {
               RequestHead head{"GET", "/", {}};
               for (std::size_t i = 0; i < n; ++i) head.fields.add("a", "b");
               return head;
             },
             value);
       }},
      {"field_name",
       [](std::uint64_t value) {
         Limits wide;
         wide.field_name = value + 1;
         for (const std::uint64_t size : {value, value + 1}) {
           const Frame frame = request({"GET", "/", {{std::string(size, 'n'), "v"}}});
           EXPECT_EQ(decode(encode_simple(frame, wide), Limits()).has_value(), size == value);
         }
       }},
      {"field_value",
       [](std::uint64_t value) {
         head_limit([](std::size_t n) { return RequestHead{"GET", "/", {{"n", std::string(n, 'v')}}}; }, value);
       }},
      {"initial_credit",
       [](std::uint64_t value) {
         Up up(Role::server);
         up.step("got 1 request 1");
         EXPECT_EQ(up.step("got 1 data 1 " + number(value / 2)), Lines{"received 1 " + number(value / 2)});
         EXPECT_EQ(up.step("got 1 data 1 " + number(value - value / 2)),
                   Lines{"received 1 " + number(value - value / 2)});
         const Lines flow = {"send 1 reset 1 flow", "broken 1 flow by us"};
         EXPECT_EQ(up.step("got 1 data 1 1"), flow);
       }},
      {"max_credit",
       [](std::uint64_t value) {
         Up up(Role::server);
         up.step("got 1 request 1");
         EXPECT_EQ(largest_promise(up, 1, Limits().initial_credit), value);
       }},
      {"receive_budget",
       [](std::uint64_t value) {
         Up up(Role::server);
         for (ExchangeId id = 1; id <= 40; ++id) {
           up.step("got " + number((id - 1) % 4 + 1) + " request " + number(id));
         }
         for (ExchangeId id = 1; id <= 40; ++id) largest_promise(up, id, Limits().initial_credit);
         EXPECT_LE(up.machine().budget_used(), value);
         EXPECT_GE(up.machine().budget_used(), value - Limits().max_credit) << "all of it is made use of";
       }},
      {"max_exchanges",
       [](std::uint64_t value) {
         Up up(Role::server);
         for (ExchangeId id = 1; id <= value; ++id)
           EXPECT_EQ(up.step("got 1 request " + number(id) + " end"), Lines{"opened " + number(id) + " GET /"});
         EXPECT_EQ(up.step("got 1 request 999 end"), Lines{"send 1 reset 999 refused"});
         Up client(Role::client);
         for (ExchangeId id = 1; id <= value; ++id) EXPECT_TRUE(client.machine().open({"GET", "/", {}}, false));
         EXPECT_FALSE(client.machine().can_open());
       }},
      {"opens_per_second",
       [](std::uint64_t value) {
         Up up(Role::server);
         for (std::uint64_t id = 1; id <= value; ++id) {
           up.step("got 1 request " + number(id) + " end");
           EXPECT_EQ(up.step("got 1 reset " + number(id) + " cancelled"),
                     Lines{"broken " + number(id) + " cancelled by peer"});
         }
         up.step("got 1 request 100000 end");
         const Lines closed = {"send 0 goaway 100000 too_fast", "closed limit reached"};
         EXPECT_EQ(up.step("got 1 reset 100000 cancelled"), closed);
       }},
      {"hello_wait_ms",
       [](std::uint64_t value) {
         Bench bench(Role::server);
         bench.step("opened 0");
         EXPECT_EQ(bench.step("after " + number(value - 1)), Lines{});
         const Lines closed = {"send 0 goaway 0 timeout", "closed timed out"};
         EXPECT_EQ(bench.step("after 1"), closed);
       }},
      {"ping_after_ms",
       [](std::uint64_t value) {
         Up up(Role::server);
         EXPECT_EQ(up.step("after " + number(value - 1)), Lines{});
         EXPECT_EQ(up.step("after 1"), Lines{"send 0 ping 0"});
       }},
      {"dead_after_ms",
       [](std::uint64_t value) {
         Up up(Role::server);
         EXPECT_EQ(up.step("after " + number(value - 1)), Lines{"send 0 ping 0"});
         const Lines closed = {"send 0 goaway 0 timeout", "closed timed out"};
         EXPECT_EQ(up.step("after 1"), closed);
       }},
      {"stall_ms",
       [](std::uint64_t value) {
         Up up(Role::client);
         up.step("open");
         up.step("write 1 " + number(Limits().initial_credit));
         EXPECT_EQ(up.step("alive " + number(value - 1)), Lines{});
         const Lines broken = {"send 1 reset 1 timeout", "broken 1 timeout by us"};
         EXPECT_EQ(up.step("alive 1"), broken);
       }},
      {"reset_text",
       [](std::uint64_t value) {
         reset_of_text(value, {"broken 1 cancelled by peer"});
         reset_of_text(value + 1, {"send 1 reset 1 too_large", "broken 1 too_large by us"});
       }},
      {"socket_control",
       [](std::uint64_t value) {
         const Bytes payload(value + 1);
         for (const std::uint64_t size : {value, value + 1}) {
           const Frame frame{{FrameType::socket_control, 0, 1}, Payload{ByteView(payload).first(size)}};
           EXPECT_EQ(decode(encode_simple(frame, Limits()), Limits()).has_value(), size == value);
         }
       }},
      {"socket_message",
       [](std::uint64_t value) {
         Up up(Role::server, with_whole_pieces(value));
         up.step("got 1 socket_open 1");
         up.step("accept 1");
         for (int message = 0; message < 2; ++message) {
           up.step("got 1 socket_message 1 " + number(value / 2));
           EXPECT_EQ(up.step("got 1 socket_message 1 " + number(value - value / 2) + " end"),
                     Lines{"piece 1 " + number(value - value / 2) + " end"});
         }
         up.step("got 1 socket_message 1 " + number(value / 2));
         const Lines broken = {"send 1 reset 1 too_large", "broken 1 too_large by us"};
         EXPECT_EQ(up.step("got 1 socket_message 1 " + number(value - value / 2 + 1) + " end"), broken);
       }},
      {"socket_assembly",
       [](std::uint64_t value) {
         const std::uint64_t most = Limits().socket_message;
         Up up(Role::server, with_whole_pieces(most));
         const auto open = [&up](std::uint64_t id) {
           up.step("got 1 socket_open " + number(id));
           up.step("accept " + number(id));
         };
         const auto piece = [&up](std::uint64_t id, std::uint64_t size) {
           return up.step("got 1 socket_message " + number(id) + " " + number(size));
         };
         std::uint64_t last = 0;
         for (std::uint64_t used = 0; used < value; used += most) {
           open(++last);
           EXPECT_EQ(piece(last, most), Lines{"piece " + number(last) + " " + number(most)});
         }
         open(++last);
         const std::string id = number(last);
         const Lines refused = {"send 1 reset " + id + " too_large", "broken " + id + " too_large by us"};
         EXPECT_EQ(piece(last, 1), refused);
         // A message that becomes whole, and a socket that ends, make room.
         EXPECT_EQ(up.step("got 1 socket_message 1 0 end"), Lines{"piece 1 0 end"});
         open(++last);
         EXPECT_EQ(piece(last, 1), Lines{"piece " + number(last) + " 1"});
         up.step("got 1 reset 2 cancelled");
         EXPECT_EQ(piece(1, most), Lines{"piece 1 " + number(most)});
       }},
      {"socket_piece",
       [](std::uint64_t value) {
         Up up(Role::server);
         up.step("got 1 socket_open 1");
         up.step("accept 1");
         for (std::uint64_t used = 0; used + value <= Limits().initial_credit; used += value)
           EXPECT_EQ(up.step("got 1 socket_message 1 0 end"), Lines{"piece 1 0 end"});
         const Lines flow = {"send 1 reset 1 flow", "broken 1 flow by us"};
         EXPECT_EQ(up.step("got 1 socket_message 1 0 end"), flow);
       }},
      {"socket_close_ms",
       [](std::uint64_t value) {
         Up up(Role::server);
         up.step("got 1 socket_open 1");
         up.step("accept 1");
         up.step("close 1 1000");
         EXPECT_EQ(up.step("after " + number(value - 1)), Lines{});
         const Lines broken = {"send 1 reset 1 timeout", "broken 1 timeout by us"};
         EXPECT_EQ(up.step("after 1"), broken);
       }},
  };
  return all;
}

TEST(Limits, EveryRowOfTheTableHoldsAtItsValueAndNotBeyond) {
  std::ifstream file(std::string(OWNDIR_SOURCE_DIR) + "/protocol/protocol.json");
  const nlohmann::json schema = nlohmann::json::parse(file);
  const auto& rows = schema.at("tunnel").at("limits");
  EXPECT_EQ(rows.size(), cases().size());
  for (const auto& [name, row] : rows.items()) {
    SCOPED_TRACE(name);
    const auto found = cases().find(name);
    ASSERT_NE(found, cases().end()) << "a limit without a test";
    found->second(row.at("value"));
  }
}

/// docs/protocol.md shows the tables of protocol.json, as `node protocol/generate.mjs --markdown docs/protocol.md`
/// writes them.
TEST(Limits, TheDocumentShowsTheTablesOfTheSchema) {
  std::ifstream schema_file(std::string(OWNDIR_SOURCE_DIR) + "/protocol/protocol.json");
  const nlohmann::ordered_json schema = nlohmann::ordered_json::parse(schema_file);
  std::ifstream document_file(std::string(OWNDIR_SOURCE_DIR) + "/docs/protocol.md");
  const std::string document((std::istreambuf_iterator<char>(document_file)), std::istreambuf_iterator<char>());
  int tables = 0;
  for (const char* part : {"rendezvous", "tunnel"}) {
    for (const auto& [table, rows] : schema.at(part).items()) {
      if (!rows.is_object()) continue;
      std::string text =
          "<!-- table " + std::string(part) + "." + table + " -->\n| name | value | meaning |\n| --- | --- | --- |\n";
      for (const auto& [name, row] : rows.items())
        text += "| `" + name + "` | " + row.at("value").dump() + " | " + row.at("text").get<std::string>() + " |\n";
      EXPECT_NE(document.find(text + "<!-- end -->"), document.npos)
          << part << "." << table << ": run node protocol/generate.mjs --markdown docs/protocol.md";
      ++tables;
    }
  }
  EXPECT_EQ(tables, 6);
}

}  // namespace
}  // namespace owndir::tunnel
