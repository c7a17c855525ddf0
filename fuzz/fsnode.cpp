// A client of the folder: first byte 0: the rest is one text message, 1: one path; otherwise the rest is a list of
// messages (kind:u8 size:u16 bytes) for a session on a small folder, whose network thread this is. It may not crash or
// hang, nor touch what lies beside the folder; whatever was said, the session ends when the client goes.
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>

#include "fsnode/session.hpp"
#include "fsnode/wire.hpp"

using namespace owndir;
using namespace owndir::fsnode;
namespace fs = std::filesystem;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Gives the messages one after the other, then leaves; takes whatever comes.
class Input final : public exchange::WebSocket {
 public:
  explicit Input(std::deque<exchange::SocketMessage> messages) : messages_(std::move(messages)) {}
  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override {
    if (messages_.empty()) co_return std::nullopt;
    exchange::SocketMessage message = std::move(messages_.front());
    messages_.pop_front();
    // Now and then the calls get on before the next message.
    if (message.data.size() % 3 == 0) co_await sleep_for(std::chrono::microseconds(100));
    co_return message;
  }
  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    require(!message.text || Limits().message_out >= message.data.size());
    co_return Result<void>();
  }
  Awaitable<void> close(std::uint16_t, std::string) override { co_return; }
  std::uint16_t close_code() const override { return exchange::close_code::kBroken; }
  std::string close_reason() const override { return {}; }

 private:
  std::deque<exchange::SocketMessage> messages_;
};

/// One folder for all runs, with something beside it; emptied before each.
struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "owndir-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr);
    root = name;
    fs::create_directory(root / "outside");
    std::ofstream(root / "outside/secret") << "secret";
  }
  ~World() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  void fill() const {
    const fs::path folder = root / "folder";
    fs::remove_all(folder);
    fs::create_directories(folder / "d/e");
    fs::create_directories(folder / ".owndir");
    std::ofstream(folder / "a") << "0123456789";
    std::ofstream(folder / "d/e/f") << "f";
    std::ofstream(folder / ".owndir/index.js") << "code";
    fs::create_symlink("../outside", folder / "out");
    fs::create_symlink("d", folder / "l");
  }
  void check() const {
    std::ifstream secret(root / "outside/secret"), code(root / "folder/.owndir/index.js");
    require(std::string((std::istreambuf_iterator<char>(secret)), {}) == "secret");
    require(std::string((std::istreambuf_iterator<char>(code)), {}) == "code");
    require(std::distance(fs::directory_iterator(root / "outside"), fs::directory_iterator()) == 1);
  }
  fs::path root;
};

void check_session(std::deque<exchange::SocketMessage> messages) {
  static const World world;
  world.fill();
  asio::io_context io;
  asio::thread_pool files(1);
  EngineOptions options;
  options.settle = std::chrono::milliseconds(0);
  auto folder = RootedFolder::open((world.root / "folder").string());
  require(folder.has_value());
  Engine engine(std::move(*folder), files, options);
  Input input(std::move(messages));
  const auto session = make_session(engine);
  {
    TaskGroup tasks(io.get_executor());
    tasks.spawn("session", session->run(input));
    io.run();
    require(tasks.size() == 0);
  }
  files.join();
  world.check();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const char mode = input.front();
  input.remove_prefix(1);
  if (mode == 0) {
    const auto message = parse_text(input);
    if (message) require(std::visit([](const auto& any) { return any.id; }, *message) > 0);
    return 0;
  }
  if (mode == 1) {
    if (const auto path = decode_path(input)) require(encode_path(*path) == input);
    return 0;
  }
  std::deque<exchange::SocketMessage> messages;
  while (input.size() >= 3 && messages.size() < 64) {
    const bool text = input[0] % 2 == 0;
    const auto length =
        static_cast<std::size_t>(static_cast<unsigned char>(input[1]) << 8 | static_cast<unsigned char>(input[2]));
    input.remove_prefix(3);
    messages.push_back({text, to_bytes(input.substr(0, length))});
    input.remove_prefix(std::min(length, input.size()));
  }
  check_session(std::move(messages));
  return 0;
}
