#include "http/byte_socket.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>

namespace owndir::http {
namespace {

using asio::ip::tcp;

std::pair<tcp::socket, tcp::socket> connected(asio::io_context& one, asio::io_context& other) {
  tcp::acceptor acceptor(other, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket client(one);
  client.connect(acceptor.local_endpoint());
  return {std::move(client), acceptor.accept()};
}

Awaitable<void> relay_both(ByteSocket& one, ByteSocket& other) {
  co_await exchange::relay(one, other);
}

/// A client and a server on threads of their own, and between them a relay of two sockets.
class ByteSocketTest : public ::testing::Test {
 protected:
  /// Returns the close codes that the relay has seen.
  std::pair<int, int> run(void (*client)(tcp::socket), void (*server)(tcp::socket)) {
    asio::io_context blocking, io;
    auto [near, near_end] = connected(blocking, io);
    auto [far, far_end] = connected(blocking, io);
    std::thread asks(client, std::move(near)), answers(server, std::move(far));
    ByteSocket one(std::move(near_end)), other(std::move(far_end), 1000);
    asio::co_spawn(io, relay_both(one, other), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run_for(std::chrono::seconds(60));
    const std::pair<int, int> codes(one.close_code(), other.close_code());
    asks.join();
    answers.join();
    return codes;
  }
};

std::string read_to_end(tcp::socket& socket, boost::system::error_code& error) {
  std::string text;
  asio::read(socket, asio::dynamic_buffer(text), error);
  return text;
}

TEST_F(ByteSocketTest, CarriesBytesBothWaysAndTheEndOfEachDirection) {
  const auto client = +[](tcp::socket socket) {
    boost::system::error_code error;
    asio::write(socket, asio::buffer(std::string(3'000'000, 'q')));
    socket.shutdown(tcp::socket::shutdown_send);
    EXPECT_EQ(read_to_end(socket, error), "3000000 received");
    EXPECT_EQ(error, asio::error::eof);
  };
  const auto server = +[](tcp::socket socket) {
    boost::system::error_code error;
    const std::string asked = read_to_end(socket, error);
    EXPECT_EQ(error, asio::error::eof);
    asio::write(socket, asio::buffer(std::to_string(asked.size()) + " received"));
  };
  EXPECT_EQ(run(client, server), std::pair(1000, 1000));
}

TEST_F(ByteSocketTest, AResetAtOneEndIsAResetAtTheOther) {
  const auto client = +[](tcp::socket socket) {
    asio::write(socket, asio::buffer(std::string("half")));
    char answer[1];
    asio::read(socket, asio::buffer(answer));
    socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
  };
  const auto server = +[](tcp::socket socket) {
    char asked[4];
    asio::read(socket, asio::buffer(asked));
    asio::write(socket, asio::buffer(std::string("x")));
    boost::system::error_code error;
    read_to_end(socket, error);
    EXPECT_EQ(error, asio::error::connection_reset);
  };
  const auto codes = run(client, server);
  EXPECT_EQ(codes.first, 1006);
}

TEST_F(ByteSocketTest, RefusesText) {
  asio::io_context io;
  auto [near, far] = connected(io, io);
  ByteSocket bytes(std::move(near));
  auto answer = asio::co_spawn(io, bytes.send({true, to_bytes("text")}), asio::use_future);
  io.run();
  EXPECT_TRUE(answer.get().error().is(Errc::malformed));
}

}  // namespace
}  // namespace owndir::http
