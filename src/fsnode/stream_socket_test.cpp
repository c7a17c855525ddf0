#include "fsnode/stream_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <optional>

namespace owndir::fsnode {
namespace {

using exchange::SocketMessage;
using namespace std::chrono_literals;

class Stream : public ::testing::Test {
 protected:
  Stream() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    socket_ = make_stream_socket(io_.get_executor(), FileDescriptor(ends[0]));
    far_ = FileDescriptor(ends[1]);
  }
  void raw(std::string_view bytes) {
    ASSERT_EQ(::write(far_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  Result<std::optional<SocketMessage>> receive() {
    Result<std::optional<SocketMessage>> got = fail(Errc::timeout, "nothing arrived");
    tasks_.spawn("receive",
                 [](exchange::WebSocket& socket, Result<std::optional<SocketMessage>>& out) -> Awaitable<void> {
                   out = co_await socket.receive();
                 }(*socket_, got));
    run();
    return got;
  }
  Result<void> send(SocketMessage message) {
    Result<void> sent = fail(Errc::timeout, "not sent");
    tasks_.spawn("send", [](exchange::WebSocket& socket, SocketMessage text, Result<void>& out) -> Awaitable<void> {
      out = co_await socket.send(std::move(text));
    }(*socket_, std::move(message), sent));
    run();
    return sent;
  }
  void run() {
    io_.restart();
    while (tasks_.size() > 0 && io_.run_one_for(30s) > 0) {
    }
  }

  asio::io_context io_;
  FileDescriptor far_;
  std::unique_ptr<exchange::WebSocket> socket_;
  TaskGroup tasks_{io_.get_executor()};
};

TEST_F(Stream, CarriesWholeMessagesOfBothKinds) {
  raw(std::string("\x02\0\0\0\0hi\x01\0\0\0\x01\xff", 13));
  EXPECT_EQ(receive(), (SocketMessage{true, to_bytes("hi")}));
  EXPECT_EQ(receive(), (SocketMessage{false, to_bytes("\xff")}));
  EXPECT_TRUE(send({true, to_bytes("hello")}));
  std::array<char, 32> buffer{};
  EXPECT_EQ(::read(far_.get(), buffer.data(), buffer.size()), 10);
  EXPECT_EQ(std::string_view(buffer.data(), 10), std::string_view("\x05\0\0\0\0hello", 10));
}

TEST_F(Stream, TellsMessagesApartThatCameTogether) {
  const std::string large(100'000, 'l');
  std::string bytes("\x02\0\0\0\0hi", 7);
  bytes.append("\xa0\x86\x01\0\1", 5).append(large);
  for (int i = 0; i < 5000; ++i) bytes.append("\x02\0\0\0\0yo", 7);
  raw(bytes);
  far_.reset();
  EXPECT_EQ(receive(), (SocketMessage{true, to_bytes("hi")}));
  EXPECT_EQ(receive(), (SocketMessage{false, to_bytes(large)}));
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(receive(), (SocketMessage{true, to_bytes("yo")})) << i;
  EXPECT_EQ(receive(), std::nullopt);
}

TEST_F(Stream, EndsWithTheStream) {
  far_.reset();
  EXPECT_EQ(receive(), std::nullopt);
  EXPECT_FALSE(send({true, to_bytes("x")}));
}

TEST_F(Stream, BreaksOnAMessageThatIsCut) {
  raw(std::string("\x02\0\0\0\0h", 6));
  far_.reset();
  EXPECT_FALSE(receive());
}

TEST_F(Stream, BreaksOnAHeaderThatIsCut) {
  raw(std::string("\x02\0", 2));
  far_.reset();
  EXPECT_FALSE(receive());
}

TEST_F(Stream, BreaksOnWhatIsNoMessage) {
  const std::vector<std::string> all = {std::string("\x01\0\x10\0\x01", 5), std::string("\xff\xff\xff\xff\0", 5),
                                        std::string("\x01\0\0\0\x02x", 6), std::string("\x01\0\0\0\0\xff", 6)};
  for (const std::string& bytes : all) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    socket_ = make_stream_socket(io_.get_executor(), FileDescriptor(ends[0]));
    far_ = FileDescriptor(ends[1]);
    raw(bytes);
    EXPECT_FALSE(receive()) << ::testing::PrintToString(bytes);
  }
}

TEST_F(Stream, RefusesToSendWhatTheOtherEndWouldNotTake) {
  EXPECT_TRUE(send({false, Bytes(100)}));
  const auto large = send({false, Bytes((1 << 20) + 1)});
  ASSERT_FALSE(large);
  EXPECT_TRUE(large.error().is(Errc::too_large));
  const auto bad = send({true, to_bytes("\xff")});
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().is(Errc::malformed));
  EXPECT_TRUE(send({true, to_bytes("still open")}));
}

}  // namespace
}  // namespace owndir::fsnode
