#include "exchange/web_socket.hpp"

#include <gtest/gtest.h>

namespace owndir::exchange {
namespace {

TEST(WebSockets, OfferProtocolsInTheOrderOfTheClient) {
  const Fields fields = {
      {"Sec-WebSocket-Protocol", " owndir.fs.1 ,,\tchat"}, {"Host", "a"}, {"sec-websocket-protocol", "x"}};
  EXPECT_EQ(offered_protocols(fields), (std::vector<std::string>{"owndir.fs.1", "chat", "x"}));
  EXPECT_TRUE(offered_protocols({}).empty());
}

TEST(WebSockets, KeepOnlyTheProtocolOfAHandshake) {
  Fields fields = {{"Sec-WebSocket-Key", "k"},      {"A", "b"},
                   {"sec-websocket-version", "13"}, {"Sec-WebSocket-Extensions", "x"},
                   {"Sec-WebSocket-Protocol", "p"}, {"Sec-WebSocket-Accept", "y"}};
  remove_handshake_fields(fields);
  EXPECT_EQ(fields, (Fields{{"A", "b"}, {"Sec-WebSocket-Protocol", "p"}}));
}

TEST(WebSockets, SendNoCodeThatIsOnlyForLocalUse) {
  for (const int code : {1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999})
    EXPECT_TRUE(may_be_sent(static_cast<std::uint16_t>(code))) << code;
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535})
    EXPECT_FALSE(may_be_sent(static_cast<std::uint16_t>(code))) << code;
}

}  // namespace
}  // namespace owndir::exchange
