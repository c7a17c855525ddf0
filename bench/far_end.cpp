// The native end that bench/chromium.mjs measures against, once as bare data channels and once as a tunnel:
//   far_end raw | tunnel     reads one line with an offer (a JSON string), writes one with the answer, ends with the
//   peer
// raw: on channel 1, "get BYTES PIECE" makes it send so many bytes in messages of PIECE; "put BYTES" makes it wait for
// so many and then say "done". tunnel: GET /BYTES, and POST / whose body is counted.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rtc/peer.hpp"
#include "tunnel/connection.hpp"

namespace {

using namespace owndir;

constexpr std::size_t kLow = 256 * 1024;

class RawEnd {
 public:
  explicit RawEnd(std::shared_ptr<exchange::MessageChannel> channel) : channel_(std::move(channel)) {
    exchange::MessageChannel::Events events;
    events.on_message = [this](Bytes message) { take(message); };
    events.on_buffered_low = [this] { send_more(); };
    channel_->set_buffered_low_threshold(kLow);
    channel_->set_events(std::move(events));
  }

 private:
  void take(const Bytes& message) {
    if (awaited_ > 0) {
      awaited_ -= std::min(awaited_, message.size());
      if (awaited_ == 0) (void)channel_->send(as_bytes(std::string_view("done")));
      return;
    }
    std::istringstream command{std::string(as_text(message))};
    std::string verb;
    std::size_t bytes = 0, piece = 0;
    command >> verb >> bytes >> piece;
    if (verb == "put") awaited_ = bytes;
    if (verb != "get") return;
    left_ = bytes;
    piece_.assign(piece, std::byte{7});
    send_more();
  }
  void send_more() {
    while (left_ > 0) {
      const std::size_t size = std::min(left_, piece_.size());
      if (!channel_->send(ByteView(piece_).first(size))) return;
      left_ -= size;
    }
  }

  std::shared_ptr<exchange::MessageChannel> channel_;
  Bytes piece_;
  std::size_t left_ = 0, awaited_ = 0;
};

class Filler final : public exchange::BodySource {
 public:
  explicit Filler(std::uint64_t length) : length_(length), left_(length) {}
  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, limit));
    left_ -= size;
    co_return Bytes(size, std::byte{7});
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::uint64_t length_, left_;
};

class BulkHandler final : public exchange::Handler {
 public:
  Awaitable<Result<exchange::Response>> handle(exchange::Request request) override {
    std::uint64_t taken = 0;
    while (request.body) {
      Result<Bytes> piece = co_await request.body->read(64 * 1024);
      if (!piece) co_return fail(std::move(piece.error()));
      if (piece->empty()) break;
      taken += piece->size();
    }
    if (request.head.method == "POST") co_return exchange::text_response(200, std::to_string(taken));
    std::uint64_t length = 0;
    const std::string& target = request.head.target;
    std::from_chars(target.data() + 1, target.data() + target.size(), length);
    exchange::Response response;
    response.head.reason = "OK";
    response.head.fields.add("Content-Length", std::to_string(length));
    response.body = std::make_unique<Filler>(length);
    co_return response;
  }
};

Awaitable<void> serve(asio::any_io_executor executor, rtc::Engine& engine, bool tunnel, std::string offer) {
  rtc::PeerOptions options;
  auto created = rtc::Peer::create(engine, std::move(options));
  if (!created) throw std::runtime_error(created.error().to_string());
  std::shared_ptr<rtc::Peer> peer = *created;
  auto answer = co_await peer->accept_offer(std::move(offer));
  if (!answer) throw std::runtime_error(answer.error().to_string());
  BulkHandler handler;
  std::shared_ptr<tunnel::Connection> connection;
  std::unique_ptr<RawEnd> raw;
  if (tunnel) {
    tunnel::ConnectionOptions connection_options;
    connection_options.role = tunnel::Role::server;
    connection_options.handler = &handler;
    connection = tunnel::Connection::start(executor, peer->channels(), connection_options);
  } else {
    raw = std::make_unique<RawEnd>(peer->channels().at(1));
  }
  std::cout << nlohmann::json(*answer).dump() << std::endl;
  while (peer->state() != rtc::PeerState::failed && peer->state() != rtc::PeerState::closed &&
         peer->state() != rtc::PeerState::disconnected)
    co_await sleep_for(std::chrono::milliseconds(200));
  if (connection) {
    connection->close(Error{Errc::closed, "over"});
    (void)co_await connection->closed();
  }
  peer->channels().at(1)->set_events({});
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
