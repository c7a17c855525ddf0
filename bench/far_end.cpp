// The native end that bench/tunnel.mjs and bench/chromium.mjs measure against, once as bare data channels and once as a
// tunnel:
//   far_end raw | tunnel     reads one line with an offer (a JSON string), writes one with the answer, ends with the
//   peer
// raw: the commands of bench::RawEcho on channel 1. tunnel: GET /BYTES, and POST / whose body is counted.
#include <boost/asio/io_context.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bulk.hpp"
#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace {

using namespace owndir;

constexpr std::size_t kLow = 256 * 1024;
constexpr std::size_t kPiece = 64 * 1024;

Awaitable<void> serve(asio::any_io_executor executor, rtc::Engine& engine, bool tunnel, std::string offer) {
  rtc::PeerOptions options;
  auto created = rtc::Peer::create(engine, std::move(options));
  if (!created) throw std::runtime_error(created.error().to_string());
  std::shared_ptr<rtc::Peer> peer = *created;
  auto answer = co_await peer->accept_offer(std::move(offer));
  if (!answer) throw std::runtime_error(answer.error().to_string());
  bench::BulkHandler handler(kPiece);
  std::shared_ptr<tunnel::Connection> connection;
  std::unique_ptr<bench::RawEcho> raw;
  if (tunnel) {
    tunnel::ConnectionOptions connection_options;
    connection_options.role = tunnel::Role::server;
    connection_options.handler = &handler;
    connection = tunnel::Connection::start(executor, peer->channels(), connection_options);
  } else {
    // As much as the channel takes: the bare end may be as fast as it can.
    raw = std::make_unique<bench::RawEcho>(peer->channels().at(1), SIZE_MAX, kLow);
  }
  std::cout << nlohmann::json(*answer).dump() << std::endl;
  while (peer->state() != rtc::PeerState::failed && peer->state() != rtc::PeerState::closed &&
         peer->state() != rtc::PeerState::disconnected)
    co_await sleep_for(std::chrono::milliseconds(200));
  if (connection) {
    connection->close(Error{Errc::closed, "over"});
    (void)co_await connection->closed();
  }
  raw.reset();
  co_await peer->close();
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view mode = count == 2 ? arguments[1] : "";
  if (mode != "raw" && mode != "tunnel") {
    std::cerr << "usage: far_end raw|tunnel\n";
    return 2;
  }
  std::string line;
  std::getline(std::cin, line);
  asio::io_context context(1);
  auto engine = rtc::Engine::create(context.get_executor());
  if (!engine) return 1;
  TaskGroup tasks(context.get_executor());
  std::string offer = nlohmann::json::parse(line).get<std::string>();
  tasks.spawn("far end", serve(context.get_executor(), **engine, mode == "tunnel", std::move(offer)));
  // libwebrtc's posts keep the context busy; poll until the one task has ended.
  while (tasks.size() > 0) context.run_one();
  return 0;
}
