#include "rendezvous/client.hpp"

#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "rendezvous/client_impl.hpp"
#include "rendezvous/client_machine.hpp"
#include "rendezvous/driver.hpp"
#include "rendezvous/run_job.hpp"

namespace owndir::rendezvous {
namespace {

constexpr std::chrono::seconds kStartWait{5};
constexpr std::chrono::seconds kSpentWait{5};
constexpr const char* kStateFile = "client.json";
constexpr std::size_t kStateBytes = 4096;

struct Prepared {
  FileDescriptor lock;
  std::string client;
};

/// The id of this device, kept; a process beside another one of the same state takes one for itself.
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

Result<Prepared> prepare(const RootedFolder& root, const std::string& state_directory, Random& random) {
  if (auto directory = root.subfolder(*RootedPath::parse(kDirectory)); !directory) {
    if (directory.error().code == std::errc::no_such_file_or_directory)
      return fail(Errc::not_found, std::string(kDirectory));
    return fail(std::move(directory.error()));
  }
  auto state = RootedFolder::open(state_directory);
  if (!state) return fail(state.error().code, "state directory " + state_directory);
  auto lock = state->open(*RootedPath::parse("client.lock"), O_RDWR | O_CREAT, 0600);
  if (!lock) return fail(lock.error().code, "state directory " + state_directory);
  Prepared prepared;
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) < 0) {
    prepared.client = random.hex(8);
    return prepared;
  }
  auto id = client_id(*state, random);
  if (!id) return fail(std::move(id.error()));
  prepared.client = std::move(*id);
  prepared.lock = std::move(*lock);
  return prepared;
}

class ClientDriver final : public Client {
 public:
  ClientDriver(const asio::any_io_executor& network, asio::thread_pool& files, SharedFolder root, ClientOptions options,
               Prepared prepared, std::shared_ptr<Store> store)
      : options_(std::move(options)),
        clock_(*options_.clock),
        store_(std::move(store)),
        lock_(std::move(prepared.lock)),
        machine_({prepared.client, display_name(options_.name, options_.limits), options_.server, options_.limits,
                  options_.random}),
        progress_(network),
        timer_(network),
        limit_(network),
        jobs_(network, files),
        directory_(jobs_, clock_, std::move(root), store_, options_.polling, watch_options(), watch_events()) {}

  Awaitable<void> started() {
    limit(kStartWait);
    while (!machine_.settled() && !timed_out_) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
    limit_.cancel();
  }

  std::vector<ServerSeen> servers() const override {
    std::vector<ServerSeen> seen;
    for (Presence& presence : machine_.servers()) seen.push_back({std::move(presence)});
    return seen;
  }

  Awaitable<Result<Answer>> exchange(std::string sdp, std::function<void(int)> progress) override {
    if (stopped_) co_return fail(Errc::closed, "stopped");
    // Cancelled or not, nobody waits for this exchange after the end of this coroutine.
    const GiveUp give_up{*this, alive_};
    on_progress_ = std::move(progress);
    completed_.reset();
    feed(ClientMachine::Exchange{std::move(sdp)});
    while (!completed_ && !stopped_) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
    if (!completed_) co_return fail(Errc::cancelled, "waiting for the answer");
    co_return std::move(*completed_);
  }

  Awaitable<void> spent() override {
    feed(ClientMachine::Spent{});
    limit(kSpentWait);
    while (!stopped_ && !machine_.idle() && directory_.directory() && !timed_out_) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
    limit_.cancel();
  }

  Awaitable<void> stop() override {
    co_await spent();
    stopped_ = true;
    progress_.notify();
    directory_.stop();
    jobs_.close();
    timer_.cancel();
    limit(kSpentWait);
    while (jobs_.running() > 0 && !timed_out_) {
      const bool woken = co_await jobs_.wait();
      if (!woken) break;
    }
    limit_.cancel();
  }

 private:
  struct GiveUp {
    ClientDriver& client;
    std::weak_ptr<char> alive;
    ~GiveUp() {
      if (alive.expired()) return;
      client.on_progress_ = nullptr;
      if (client.machine_.exchanging()) client.feed(ClientMachine::Spent{});
    }
  };

  WatchOptions watch_options() const {
    WatchOptions watch;
    watch.path = std::string(kDirectory);
    watch.entries = options_.limits.directory_entries;
    watch.poll_interval = options_.poll_interval;
    return watch;
  }
  DirectoryDriver::Events watch_events() {
    DirectoryDriver::Events events;
    events.seen = [this](FileInfo file, SteadyTime) { feed(ClientMachine::Seen{std::move(file)}); };
    events.gone = [this](std::string name) { feed(ClientMachine::Gone{std::move(name)}); };
    events.listed = [this](Listing listing) { feed(ClientMachine::Listed{std::move(listing)}); };
    events.lost = [this](const Error& error) {
      write_report({Report::Level::warn,
                    "the handshake directory is gone (" + error.to_string() + "); waiting for it to come back"});
      feed(ClientMachine::DirectoryLost{});
    };
    events.back = [this] { feed(ClientMachine::DirectoryBack{}); };
    return events;
  }

  void feed(ClientMachine::Event event) {
    if (stopped_) return;
    ClientMachine::Actions actions = machine_.handle(std::move(event), {clock_.steady(), clock_.wall()});
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
    timer_.expires_after(
        std::clamp<SteadyTime::duration>(due - clock_.steady(), std::chrono::milliseconds(0), std::chrono::hours(1)));
    timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
      if (!error && !alive.expired()) feed(ClientMachine::Tick{});
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

  void perform(ClientMachine::ReadFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, limits = options_.limits] {
          return examine(name, store->read(*folder, name, limits.record_bytes), limits);
        },
        [this, name = action.name](Examined examined) { feed(ClientMachine::FileRead{name, std::move(examined)}); });
  }
  void perform(ClientMachine::CheckFile&& action) { directory_.check(std::move(action.name)); }
  void perform(ClientMachine::WriteFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, bytes = std::move(action.bytes)] {
          return store->write(*folder, name, bytes);
        },
        [this, name = action.name](Result<void> result) { feed(ClientMachine::Written{name, std::move(result)}); });
  }
  void perform(ClientMachine::RemoveFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name] { return store->remove(*folder, name); },
        [this, name = action.name](Result<void> result) { feed(ClientMachine::Removed{name, std::move(result)}); });
  }
  void perform(ClientMachine::Completed&& action) { completed_ = std::move(action.result); }
  void perform(ClientMachine::Progress&& action) {
    if (on_progress_) on_progress_(action.seconds);
  }
  void perform(Report&& report) { write_report(report); }

  const ClientOptions options_;
  const Clock& clock_;
  std::shared_ptr<Store> store_;
  FileDescriptor lock_;
  ClientMachine machine_;
  Notifier progress_;
  asio::steady_timer timer_;
  asio::steady_timer limit_;
  std::optional<Result<Answer>> completed_;
  std::function<void(int)> on_progress_;
  bool timed_out_ = false;
  bool stopped_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  FileJobs jobs_;
  DirectoryDriver directory_;
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
  auto job = [shared_root, state_directory = options.state_directory, random = options.random] {
    return prepare(*shared_root, state_directory, *random);
  };
  Result<Prepared> prepared = co_await run_job<Result<Prepared>>(files, std::move(job));
  if (!prepared) co_return fail(std::move(prepared.error()));
  auto client = std::make_unique<ClientDriver>(network, files, std::move(shared_root), std::move(options),
                                               std::move(*prepared), std::move(store));
  co_await client->started();
  co_return std::unique_ptr<Client>(std::move(client));
}

Awaitable<Result<std::unique_ptr<Client>>> Client::start(const RootedFolder& folder, asio::thread_pool& files,
                                                         ClientOptions options) {
  return start_client(folder, files, std::move(options), std::make_shared<Store>());
}

}  // namespace owndir::rendezvous
