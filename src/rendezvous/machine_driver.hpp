#pragma once
// What the server's and the client's driver have in common: feeds events to an I/O-free machine, carries out the file
// actions that both machines know, keeps its timer, and waits with a limit. `Driver` derives from it and adds a
// `perform` for each action of its own. Network thread; file work on the pool.

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>
#include <variant>

#include "rendezvous/driver.hpp"
#include "rendezvous/examine.hpp"
#include "rendezvous/report.hpp"

namespace owndir::rendezvous {

/// The end of a wait that begins now.
inline SteadyTime wait_end(std::chrono::seconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

/// `Machine` has handle, deadline, the events Seen … Tick and the actions ReadFile, CheckFile, WriteFile, RemoveFile.
template <class Machine, class Driver>
class MachineDriver {
 protected:
  struct Setup {
    const asio::any_io_executor& network;
    asio::thread_pool& files;
    const Clock& clock;
    SharedFolder root;
    std::shared_ptr<Store> store;
    Limits limits;
    bool polling = false;
    bool create = false;  ///< makes the directory where it is missing
    std::chrono::milliseconds poll_interval{1000};
  };

 private:
  friend Driver;  // nothing else can be made from it
  MachineDriver(Setup setup, Machine machine)
      : clock_(setup.clock),
        store_(std::move(setup.store)),
        limits_(setup.limits),
        machine_(std::move(machine)),
        progress_(setup.network),
        timer_(setup.network),
        jobs_(setup.network, setup.files),
        directory_(jobs_, clock_, std::move(setup.root), store_, setup.polling, watch_options(setup), watch_events()) {}
  ~MachineDriver() = default;

 protected:
  /// Nothing happens once `stopped`.
  void feed(typename Machine::Event event) {
    if (stopped_) return;
    typename Machine::Actions actions = machine_.handle(std::move(event), {clock_.steady(), clock_.wall()});
    for (auto& action : actions)
      std::visit([this](auto& value) { static_cast<Driver*>(this)->perform(std::move(value)); }, action);
    arm();
    progress_.notify();
  }

  /// Until `done`, which is looked at after each event; or until `end`, or until the coroutine is cancelled.
  template <class Done>
  Awaitable<void> wait_until(Done done, SteadyTime end) {
    asio::steady_timer alarm(jobs_.network());
    wake_at(alarm, end);
    while (!done() && std::chrono::steady_clock::now() < end) {
      const bool woken = co_await progress_.wait();
      if (!woken) break;
    }
  }

  /// No more events. After this the pool may be joined: nothing of ours runs there any more, unless `end` came first.
  Awaitable<void> close(SteadyTime end) {
    stopped_ = true;
    progress_.notify();
    directory_.stop();
    jobs_.close();
    timer_.cancel();
    asio::steady_timer alarm(jobs_.network());
    wake_at(alarm, end);
    while (jobs_.running() > 0 && std::chrono::steady_clock::now() < end) {
      const bool woken = co_await jobs_.wait();
      if (!woken) break;
    }
  }

  void perform(typename Machine::ReadFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, limits = limits_] {
          return examine(name, store->read(*folder, name, limits.record_bytes), limits);
        },
        [this, name = action.name](Examined examined) { feed(typename Machine::FileRead{name, std::move(examined)}); });
  }
  void perform(typename Machine::CheckFile&& action) { directory_.check(std::move(action.name)); }
  void perform(typename Machine::WriteFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name, bytes = std::move(action.bytes)] {
          return store->write(*folder, name, bytes);
        },
        [this, name = action.name](Result<void> result) { feed(typename Machine::Written{name, std::move(result)}); });
  }
  void perform(typename Machine::RemoveFile&& action) {
    jobs_.run(
        [store = store_, folder = directory_.directory(), name = action.name] { return store->remove(*folder, name); },
        [this, name = action.name](Result<void> result) { feed(typename Machine::Removed{name, std::move(result)}); });
  }
  void perform(Report&& report) { write_report(report); }

  Machine& machine() { return machine_; }
  const Machine& machine() const { return machine_; }
  FileJobs& jobs() { return jobs_; }
  bool has_directory() const { return directory_.directory() != nullptr; }
  bool stopped() const { return stopped_; }
  /// Expires with the driver.
  std::weak_ptr<const char> alive() const { return alive_; }

 private:
  static WatchOptions watch_options(const Setup& setup) {
    WatchOptions watch;
    watch.path = std::string(kDirectory);
    watch.create = setup.create;
    watch.entries = setup.limits.directory_entries;
    watch.poll_interval = setup.poll_interval;
    return watch;
  }
  DirectoryDriver::Events watch_events() {
    DirectoryDriver::Events events;
    events.seen = [this](FileInfo file, SteadyTime hinted) {
      typename Machine::Seen seen{std::move(file)};
      if constexpr (requires { seen.hinted; }) seen.hinted = hinted;
      feed(std::move(seen));
    };
    events.gone = [this](std::string name) { feed(typename Machine::Gone{std::move(name)}); };
    events.listed = [this](Listing listing) { feed(typename Machine::Listed{std::move(listing)}); };
    events.lost = [this](const Error& error) {
      write_report({Report::Level::warn,
                    "the handshake directory is gone (" + error.to_string() + "); waiting for it to come back"});
      feed(typename Machine::DirectoryLost{});
    };
    events.back = [this] { feed(typename Machine::DirectoryBack{}); };
    return events;
  }

  void arm() {
    const SteadyTime due = machine_.deadline();
    if (due == SteadyTime::max()) {
      timer_.cancel();
      return;
    }
    timer_.expires_after(
        std::clamp<SteadyTime::duration>(due - clock_.steady(), std::chrono::milliseconds(0), std::chrono::hours(1)));
    timer_.async_wait([this, alive = alive()](const boost::system::error_code& error) {
      if (!error && !alive.expired()) feed(typename Machine::Tick{});
    });
  }

  void wake_at(asio::steady_timer& alarm, SteadyTime end) {
    alarm.expires_at(end);
    alarm.async_wait([this, alive = alive()](const boost::system::error_code& error) {
      if (error || alive.expired()) return;
      progress_.notify();
      jobs_.wake();
    });
  }

  const Clock& clock_;
  std::shared_ptr<Store> store_;
  const Limits limits_;
  Machine machine_;
  Notifier progress_;
  asio::steady_timer timer_;
  bool stopped_ = false;
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  FileJobs jobs_;
  DirectoryDriver directory_;
};

}  // namespace owndir::rendezvous
