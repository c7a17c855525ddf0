#include "rendezvous/server.hpp"

#include <sys/file.h>

#include <atomic>
#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"
#include "rendezvous/driver.hpp"
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
  FileDescriptor lock;
  ServerState state;
  std::vector<Report> reports;
};

Result<void> make_directory(const RootedFolder& root, Store& store) {
  const auto whole = RootedPath::parse(kDirectory);
  RootedPath part;
  for (const std::string& segment : whole->segments()) {
    part = *part.child(segment);
    if (auto made = root.make_directory(part); !made) return made;
  }
  auto directory = root.subfolder(part);
  if (!directory) return fail(std::move(directory.error()));
  // A name that no tool takes for a handshake; says now what a write would say later.
  const std::string probe = ".owndir-" + system_random().hex(8) + ".probe";
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

Result<Prepared> prepare(const SharedFolder& root, const std::string& state_directory, Store& store) {
  Prepared prepared;
  prepared.root = root;
  if (auto made = make_directory(*root, store); !made)
    return fail(made.error().code, "handshake directory " + root->path() + "/" + std::string(kDirectory) + ": " +
                                       made.error().context + " (" + write_advice(made.error(), root->path()) + ")");
  auto state_folder = RootedFolder::open(state_directory);
  if (!state_folder) return fail(state_folder.error().code, "state directory " + state_folder.error().context);
  prepared.state_folder = std::make_shared<const RootedFolder>(std::move(*state_folder));
  auto lock = prepared.state_folder->open(*RootedPath::parse("rendezvous.lock"), O_RDWR | O_CREAT, 0600);
  if (!lock) return fail(lock.error().code, "state directory " + state_directory);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) < 0)
    return fail(Errc::conflict, "another owndir uses the state directory " + state_directory + "; stop it first");
  prepared.lock = std::move(*lock);
  auto state = load_state(*prepared.state_folder, prepared.reports);
  if (!state) return fail(state.error().code, "state in " + state_directory + ": " + state.error().context);
  prepared.state = std::move(*state);
  if (auto ignored = read_file(*root, *RootedPath::parse(".stignore"), kStignoreBytes))
    for (std::string& line : stignore_warnings(*ignored))
      prepared.reports.push_back({Report::Level::warn, std::move(line)});
  return prepared;
}

class ServerDriver final : public Server {
 public:
  ServerDriver(const asio::any_io_executor& network, asio::thread_pool& files, Answerer& answerer,
               ServerOptions options, Prepared prepared, std::shared_ptr<Store> store)
      : answerer_(answerer),
        options_(std::move(options)),
        clock_(*options_.clock),
        store_(std::move(store)),
        state_folder_(std::move(prepared.state_folder)),
        lock_(std::move(prepared.lock)),
        machine_(machine_options(), std::move(prepared.state), now()),
        tasks_(network),
        progress_(network),
        timer_(network),
        limit_(network),
        jobs_(network, files),
        directory_(jobs_, clock_, std::move(prepared.root), store_, options_.polling, watch_options(), watch_events()) {
  }

  const std::string& id() const override { return machine_.id(); }
  void connected(std::uint64_t key) override { feed(ServerMachine::Connected{key}); }
  void failed(std::uint64_t key) override { feed(ServerMachine::Failed{key}); }
  std::size_t pending() const override { return machine_.pending(); }

  /// Until presence is in place, a few seconds at most: later trouble is tried again anyway.
  Awaitable<void> started() {
    limit(kStartWait);
    while (!machine_.present() && !timed_out_) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
    limit_.cancel();
  }

  Awaitable<void> stop() override {
    feed(ServerMachine::Stop{});
    co_await tasks_.stop();
    limit(kStopWait);
    while (!machine_.finished() && !timed_out_) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
    if (!machine_.finished()) log("rendezvous").warn("the handshake directory hangs; not everything was cleaned up");
    stopped_ = true;
    directory_.stop();
    jobs_.close();
    timer_.cancel();
    // After this the pool may be joined: nothing of ours runs there any more.
    while (jobs_.running() > 0 && !timed_out_) {
      const bool woken = co_await jobs_.wait();
      if (!woken) break;
    }
    limit_.cancel();
  }

 private:
  ServerMachineOptions machine_options() const {
    return {display_name(options_.name, options_.limits), options_.ice_servers, options_.limits, options_.random,
            next_key};
  }
  WatchOptions watch_options() const {
    WatchOptions watch;
    watch.path = std::string(kDirectory);
    watch.create = true;
    watch.entries = options_.limits.directory_entries;
    watch.poll_interval = options_.poll_interval;
    return watch;
  }
  DirectoryDriver::Events watch_events() {
    DirectoryDriver::Events events;
    events.seen = [this](FileInfo file, SteadyTime hinted) { feed(ServerMachine::Seen{std::move(file), hinted}); };
    events.gone = [this](std::string name) { feed(ServerMachine::Gone{std::move(name)}); };
    events.listed = [this](Listing listing) { feed(ServerMachine::Listed{std::move(listing)}); };
    events.lost = [this](const Error& error) {
      log("rendezvous").warn("the handshake directory is gone ({}); waiting for it to come back", error.to_string());
      feed(ServerMachine::DirectoryLost{});
    };
    events.back = [this] { feed(ServerMachine::DirectoryBack{}); };
    return events;
  }

  Now now() const { return {clock_.steady(), clock_.wall()}; }

  void feed(ServerMachine::Event event) {
    if (stopped_) return;
    ServerMachine::Actions actions = machine_.handle(std::move(event), now());
    for (auto& action : actions) std::visit([this](auto&& value) { perform(std::move(value)); }, std::move(action));
    arm();
    progress_.notify();
  }

  void arm() {
    const SteadyTime due = machine_.deadline();
    if (due == SteadyTime::max()) {
      timer_.cancel();
      return;
    }
    const auto wait =
        std::clamp<SteadyTime::duration>(due - clock_.steady(), std::chrono::milliseconds(0), std::chrono::hours(1));
    timer_.expires_after(wait);
    timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
      if (!error && !alive.expired()) feed(ServerMachine::Tick{});
    });
  }

  void limit(std::chrono::seconds wait) {
    timed_out_ = false;
    limit_.expires_after(wait);
    limit_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
      if (error || alive.expired()) return;
      timed_out_ = true;
      progress_.notify();
      jobs_.wake();
    });
  }

  void perform(ServerMachine::ReadFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, limits = options_.limits] {
          return examine(name, store->read(*folder, name, limits.record_bytes), limits);
        },
        [this, name = action.name](Examined examined) { feed(ServerMachine::FileRead{name, std::move(examined)}); });
  }
  void perform(ServerMachine::CheckFile&& action) { directory_.check(std::move(action.name)); }
  void perform(ServerMachine::WriteFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, bytes = std::move(action.bytes)] {
          return store->write(*folder, name, bytes);
        },
        [this, name = action.name](Result<void> result) { feed(ServerMachine::Written{name, std::move(result)}); });
  }
  void perform(ServerMachine::RemoveFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name] { return store->remove(*folder, name); },
        [this, name = action.name](Result<void> result) { feed(ServerMachine::Removed{name, std::move(result)}); });
  }
  void perform(ServerMachine::SaveState&& action) {
    jobs_.run(
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
  void perform(Report&& report) { write_report(report); }

  Awaitable<void> make_answer(std::uint64_t key, Offer offer) {
    Result<std::string> sdp = co_await answerer_.answer(offer, key);
    feed(ServerMachine::AnswerMade{key, std::move(sdp)});
  }

  Answerer& answerer_;
  const ServerOptions options_;
  const Clock& clock_;
  std::shared_ptr<Store> store_;
  SharedFolder state_folder_;
  FileDescriptor lock_;
  ServerMachine machine_;
  TaskGroup tasks_;
  Notifier progress_;
  asio::steady_timer timer_;
  asio::steady_timer limit_;
  bool timed_out_ = false;
  bool stopped_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  FileJobs jobs_;
  DirectoryDriver directory_;
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
  auto job = [shared_root, state_directory = options.state_directory, store] {
    return prepare(shared_root, state_directory, *store);
  };
  Result<Prepared> prepared = co_await run_job<Result<Prepared>>(files, std::move(job));
  if (!prepared) co_return fail(std::move(prepared.error()));
  for (const Report& report : prepared->reports) write_report(report);
  if (prepared->state.server.empty()) prepared->state.server = options.random->hex(8);
  auto server =
      std::make_unique<ServerDriver>(network, files, answerer, std::move(options), std::move(*prepared), store);
  co_await server->started();
  co_return std::unique_ptr<Server>(std::move(server));
}

Awaitable<Result<std::unique_ptr<Server>>> Server::start(const RootedFolder& folder, asio::thread_pool& files,
                                                         Answerer& answerer, ServerOptions options) {
  return start_server(folder, files, answerer, std::move(options), std::make_shared<Store>());
}

}  // namespace owndir::rendezvous
