#include "rendezvous/server.hpp"

#include <atomic>
#include <boost/asio/this_coro.hpp>

#include "base/leftovers.hpp"
#include "base/log.hpp"
#include "rendezvous/machine_driver.hpp"
#include "rendezvous/run_job.hpp"
#include "rendezvous/server_impl.hpp"
#include "rendezvous/server_machine.hpp"
#include "rendezvous/stignore.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::chrono::seconds kStartWait{5};
constexpr std::chrono::seconds kStopWait{5};
constexpr std::size_t kStignoreBytes = 256 * 1024;

std::uint64_t next_key() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// What the pool prepares before the machine begins.
struct Prepared {
  SharedFolder root;
  SharedFolder state_folder;
  ServerState state;
  std::vector<Report> reports;
};

/// Leaves nothing in it that a killed process was writing a day ago.
Result<void> make_directory(const RootedFolder& root, Store& store, WallTime now) {
  const auto whole = RootedPath::parse(kDirectory);
  RootedPath part;
  for (const std::string& segment : whole->segments()) {
    part = *part.child(segment);
    if (auto made = root.make_directory(part); !made) return made;
  }
  auto directory = root.subfolder(part);
  if (!directory) return fail(std::move(directory.error()));
  remove_leftovers(*directory, now);
  // A name that no tool takes for a handshake; says now what a write would say later.
  const std::string probe = momentary_name(kProbe);
  if (auto written = store.write(*directory, probe, "owndir\n"); !written) return written;
  return store.remove(*directory, probe);
}

Result<ServerState> load_state(const RootedFolder& folder, std::vector<Report>& reports) {
  const auto path = RootedPath::parse(kServerStateFile);
  auto text = read_file(folder, *path, kServerStateBytes);
  if (!text && text.error().code == std::errc::no_such_file_or_directory) return ServerState{};
  if (!text && !text.error().is(Errc::too_large)) return fail(std::move(text.error()));
  Result<ServerState> state = text ? parse_server_state(*text) : fail(text.error());
  if (state) return state;
  const std::string aside = std::string(kServerStateFile) + ".broken-" + system_random().hex(4);
  if (::renameat(folder.fd(), kServerStateFile, folder.fd(), aside.c_str()) < 0) return fail_errno(kServerStateFile);
  reports.push_back({Report::Level::warn, "The state in " + folder.path() + "/" + kServerStateFile + " is unusable (" +
                                              state.error().to_string() + "); kept as " + aside + ", starting afresh"});
  return ServerState{};
}

Result<Prepared> prepare(const SharedFolder& root, const std::string& state_directory, Store& store, WallTime now) {
  Prepared prepared;
  prepared.root = root;
  if (auto made = make_directory(*root, store, now); !made)
    return fail(made.error().code, "handshake directory " + root->path() + "/" + std::string(kDirectory) + ": " +
                                       made.error().context + " (" + write_advice(made.error(), root->path()) + ")");
  auto state_folder = RootedFolder::open(state_directory);
  if (!state_folder) return fail(state_folder.error().code, "state directory " + state_folder.error().context);
  prepared.state_folder = std::make_shared<const RootedFolder>(std::move(*state_folder));
  remove_leftovers(*prepared.state_folder, now);
  auto state = load_state(*prepared.state_folder, prepared.reports);
  if (!state) return fail(state.error().code, "state in " + state_directory + ": " + state.error().context);
  prepared.state = std::move(*state);
  if (auto ignored = read_file(*root, *RootedPath::parse(".stignore"), kStignoreBytes))
    for (std::string& line : stignore_warnings(*ignored))
      prepared.reports.push_back({Report::Level::warn, std::move(line)});
  return prepared;
}

class ServerDriver final : public Server, private MachineDriver<ServerMachine, ServerDriver> {
  using Base = MachineDriver<ServerMachine, ServerDriver>;
  friend Base;

 public:
  ServerDriver(const asio::any_io_executor& network, asio::thread_pool& files, Answerer& answerer,
               const ServerOptions& options, Prepared prepared, std::shared_ptr<Store> store)
      : Base({.network = network,
              .files = files,
              .clock = *options.clock,
              .root = std::move(prepared.root),
              .store = std::move(store),
              .limits = options.limits,
              .polling = options.polling,
              .create = true,
              .poll_interval = options.poll_interval},
             ServerMachine({display_name(options.name, options.limits), options.ice_servers, options.limits,
                            options.random, next_key},
                           std::move(prepared.state), {options.clock->steady(), options.clock->wall()})),
        answerer_(answerer),
        state_folder_(std::move(prepared.state_folder)),
        tasks_(network) {}

  const std::string& id() const override { return machine().id(); }
  void connected(std::uint64_t key) override { feed(ServerMachine::Connected{key}); }
  void failed(std::uint64_t key) override { feed(ServerMachine::Failed{key}); }
  std::size_t pending() const override { return machine().pending(); }

  /// Until presence is in place, a few seconds at most: later trouble is tried again anyway.
  Awaitable<void> started() {
    const auto present = [this] { return machine().present(); };
    co_await wait_until(present, wait_end(kStartWait));
  }

  Awaitable<void> stop() override {
    feed(ServerMachine::Stop{});
    co_await tasks_.stop();
    const SteadyTime end = wait_end(kStopWait);
    const auto finished = [this] { return machine().finished(); };
    co_await wait_until(finished, end);
    if (!finished()) log("rendezvous").warn("the handshake directory hangs; not everything was cleaned up");
    co_await close(end);
  }

 private:
  using Base::perform;
  void perform(ServerMachine::SaveState&& action) {
    jobs().run(
        [folder = state_folder_, state = std::move(action.state)] {
          return write_file_atomically(*folder, kServerStateFile, serialize(state), 0600);
        },
        [this, generation = action.generation](Result<void> result) {
          feed(ServerMachine::Saved{generation, std::move(result)});
        });
  }
  void perform(ServerMachine::MakeAnswer&& action) {
    tasks_.spawn("answer", make_answer(action.key, std::move(action.offer)));
  }
  void perform(ServerMachine::Abandon&& action) { answerer_.abandon(action.key); }

  Awaitable<void> make_answer(std::uint64_t key, Offer offer) {
    Result<std::string> sdp = co_await answerer_.answer(offer, key);
    feed(ServerMachine::AnswerMade{key, std::move(sdp)});
  }

  Answerer& answerer_;
  SharedFolder state_folder_;
  TaskGroup tasks_;
};

}  // namespace

Awaitable<Result<std::unique_ptr<Server>>> start_server(const RootedFolder& folder, asio::thread_pool& files,
                                                        Answerer& answerer, ServerOptions options,
                                                        std::shared_ptr<Store> store) {
  const asio::any_io_executor network = co_await asio::this_coro::executor;
  if (options.clock == nullptr) options.clock = &system_clock();
  if (options.random == nullptr) options.random = &system_random();
  auto root = folder.subfolder(RootedPath());
  if (!root) co_return fail(std::move(root.error()));
  auto shared_root = std::make_shared<const RootedFolder>(std::move(*root));
  auto job = [shared_root, state_directory = options.state_directory, store, now = options.clock->wall()] {
    return prepare(shared_root, state_directory, *store, now);
  };
  Result<Prepared> prepared = co_await run_job<Result<Prepared>>(files, std::move(job));
  if (!prepared) co_return fail(std::move(prepared.error()));
  for (const Report& report : prepared->reports) write_report(report);
  if (prepared->state.server.empty()) prepared->state.server = options.random->hex(8);
  auto server = std::make_unique<ServerDriver>(network, files, answerer, options, std::move(*prepared), store);
  co_await server->started();
  co_return std::unique_ptr<Server>(std::move(server));
}

Awaitable<Result<std::unique_ptr<Server>>> Server::start(const RootedFolder& folder, asio::thread_pool& files,
                                                         Answerer& answerer, ServerOptions options) {
  return start_server(folder, files, answerer, std::move(options), std::make_shared<Store>());
}

}  // namespace owndir::rendezvous
