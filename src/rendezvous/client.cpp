#include "rendezvous/client.hpp"

#include <nlohmann/json.hpp>

#include "base/leftovers.hpp"
#include "rendezvous/client_impl.hpp"
#include "rendezvous/client_machine.hpp"
#include "rendezvous/machine_driver.hpp"
#include "rendezvous/run_job.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::chrono::seconds kStartWait{5};
constexpr std::chrono::seconds kSpentWait{5};
constexpr const char* kStateFile = "client.json";
constexpr std::size_t kStateBytes = 4096;

/// The id of this device, kept.
Result<std::string> client_id(const RootedFolder& state, Random& random) {
  if (const auto text = read_file(state, *RootedPath::parse(kStateFile), kStateBytes)) {
    const auto object = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    const auto id = object.is_object() ? object.find("client") : object.end();
    if (object.is_object() && id != object.end() && id->is_string() && is_id(id->get_ref<const std::string&>()))
      return id->get<std::string>();
    write_report({Report::Level::warn, state.path() + "/" + kStateFile + " is unusable; this device gets a new id"});
  }
  std::string fresh = random.hex(8);
  const nlohmann::ordered_json object = {{"v", 1}, {"client", fresh}};
  if (auto written = write_file_atomically(state, kStateFile, object.dump(), 0600); !written)
    return fail(written.error().code, "state in " + state.path() + ": " + written.error().context);
  return fresh;
}

/// What the pool prepares before the machine begins: the id.
Result<std::string> prepare(const RootedFolder& root, const std::string& state_directory, Random& random,
                            WallTime now) {
  const auto directory = root.subfolder(*RootedPath::parse(kDirectory));
  if (!directory) {
    if (directory.error().code == std::errc::no_such_file_or_directory)
      return fail(Errc::not_found, std::string(kDirectory));
    return fail(directory.error());
  }
  remove_leftovers(*directory, now);
  auto state = RootedFolder::open(state_directory);
  if (!state) return fail(state.error().code, "state directory " + state_directory);
  remove_leftovers(*state, now);
  return client_id(*state, random);
}

class ClientDriver final : public Client, private MachineDriver<ClientMachine, ClientDriver> {
  using Base = MachineDriver<ClientMachine, ClientDriver>;
  friend Base;

 public:
  ClientDriver(const asio::any_io_executor& network, asio::thread_pool& files, SharedFolder root,
               const ClientOptions& options, std::string client, std::shared_ptr<Store> store)
      : Base({.network = network,
              .files = files,
              .clock = *options.clock,
              .root = std::move(root),
              .store = std::move(store),
              .limits = options.limits,
              .polling = options.polling,
              .poll_interval = options.poll_interval},
             ClientMachine({std::move(client), display_name(options.name, options.limits), options.server,
                            options.limits, options.random})) {}

  Awaitable<void> started() {
    const auto settled = [this] { return machine().settled(); };
    co_await wait_until(settled, wait_end(kStartWait));
  }

  std::vector<ServerSeen> servers() const override {
    std::vector<ServerSeen> seen;
    for (Presence& presence : machine().servers()) seen.push_back({std::move(presence)});
    return seen;
  }

  Awaitable<Result<Answer>> exchange(std::string sdp, std::function<void(int)> progress) override {
    if (stopped()) co_return fail(Errc::closed, "stopped");
    // Cancelled or not, nobody waits for this exchange after the end of this coroutine.
    const GiveUp give_up{*this, alive()};
    on_progress_ = std::move(progress);
    completed_.reset();
    feed(ClientMachine::Exchange{std::move(sdp)});
    const auto over = [this] { return completed_ || stopped(); };
    co_await wait_until(over, SteadyTime::max());
    if (!completed_) co_return fail(Errc::cancelled, "waiting for the answer");
    co_return std::move(*completed_);
  }

  Awaitable<void> spent() override { co_await spent_by(wait_end(kSpentWait)); }

  Awaitable<void> stop() override {
    const SteadyTime end = wait_end(kSpentWait);
    co_await spent_by(end);
    co_await close(end);
  }

 private:
  struct GiveUp {
    ClientDriver& client;
    std::weak_ptr<const char> alive;
    ~GiveUp() {
      if (alive.expired()) return;
      client.on_progress_ = nullptr;
      if (client.machine().exchanging()) client.feed(ClientMachine::Spent{});
    }
  };

  Awaitable<void> spent_by(SteadyTime end) {
    feed(ClientMachine::Spent{});
    const auto removed = [this] { return stopped() || machine().idle() || !has_directory(); };
    co_await wait_until(removed, end);
  }

  using Base::perform;
  void perform(ClientMachine::Completed&& action) { completed_ = std::move(action.result); }
  void perform(ClientMachine::Progress&& action) {
    if (on_progress_) on_progress_(action.seconds);
  }

  std::optional<Result<Answer>> completed_;
  std::function<void(int)> on_progress_;
};

}  // namespace

Awaitable<Result<std::unique_ptr<Client>>> start_client(const RootedFolder& folder, asio::thread_pool& files,
                                                        ClientOptions options, std::shared_ptr<Store> store) {
  const asio::any_io_executor network = co_await asio::this_coro::executor;
  if (options.clock == nullptr) options.clock = &system_clock();
  if (options.random == nullptr) options.random = &system_random();
  auto root = folder.subfolder(RootedPath());
  if (!root) co_return fail(std::move(root.error()));
  auto shared_root = std::make_shared<const RootedFolder>(std::move(*root));
  auto job = [shared_root, state_directory = options.state_directory, random = options.random,
              now = options.clock->wall()] { return prepare(*shared_root, state_directory, *random, now); };
  Result<std::string> id = co_await run_job<Result<std::string>>(files, std::move(job));
  if (!id) co_return fail(std::move(id.error()));
  auto client =
      std::make_unique<ClientDriver>(network, files, std::move(shared_root), options, std::move(*id), std::move(store));
  co_await client->started();
  co_return std::unique_ptr<Client>(std::move(client));
}

Awaitable<Result<std::unique_ptr<Client>>> Client::start(const RootedFolder& folder, asio::thread_pool& files,
                                                         ClientOptions options) {
  return start_client(folder, files, std::move(options), std::make_shared<Store>());
}

}  // namespace owndir::rendezvous
