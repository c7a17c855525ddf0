#pragma once
// One run of the Node program that serves the folder's server code: started, asked on a Unix socket, pinged, and ended
// when it falls silent. ModuleHost makes the next one. Shared by the tasks that read its streams; network thread only.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/child_process.hpp"
#include "http/client.hpp"
#include "modules/host_message.hpp"
#include "modules/module_host.hpp"

namespace owndir::modules {

class HostChild : public std::enable_shared_from_this<HostChild> {
 public:
  /// Starts it and waits until it listens. `tasks` owns what reads its streams. An error says why it does not listen,
  /// with the last that it wrote.
  static Awaitable<Result<std::shared_ptr<HostChild>>> launch(asio::any_io_executor executor, TaskGroup& tasks,
                                                              const HostOptions& options, std::string socket_path);
  ~HostChild();

  bool running() const { return process_ && process_->running(); }
  bool fell_silent() const { return silent_; }
  bool has_middleware() const { return middleware_; }
  pid_t pid() const { return process_->pid(); }
  http::Client& client() { return client_; }

  /// Requests that wait for their response's head, by number.
  std::set<std::uint64_t>& waiting() { return waiting_; }
  /// After the end: what may have ended it. One of those that waited, or the one that is known to have been at work
  /// when it fell silent.
  bool is_suspect(std::uint64_t request) const;
  std::size_t suspects() const;
  /// The module that is known to have had this request, "" when none is.
  std::string module_of(std::uint64_t request) const;

  /// Returns when it has ended; false when it still runs after `limit`.
  static Awaitable<bool> ended_within(std::shared_ptr<HostChild> self, std::chrono::milliseconds limit);
  static Awaitable<ChildExit> wait(std::shared_ptr<HostChild> self);
  static Awaitable<void> stop(std::shared_ptr<HostChild> self, std::chrono::milliseconds grace);

 private:
  HostChild(asio::any_io_executor executor, const HostOptions& options, std::string socket_path);

  static Awaitable<void> read_messages(std::shared_ptr<HostChild> self);
  static Awaitable<void> read_errors(std::shared_ptr<HostChild> self);
  static Awaitable<void> keep_alive(std::shared_ptr<HostChild> self);
  void take(const message::Log& log);
  void take(const message::Failed& failed);
  void take(const message::Busy& busy);
  void take_line(const std::string& line);
  bool may_log();

  const HostOptions options_;
  std::string socket_path_;
  http::Client client_;
  std::unique_ptr<ChildProcess> process_;
  Notifier changed_;
  bool listening_ = false;
  bool output_ended_ = false;
  bool ended_ = false;
  bool silent_ = false;
  bool middleware_ = true;
  std::uint64_t pings_ = 0;
  SteadyTime heard_;
  std::set<std::uint64_t> waiting_;
  std::set<std::uint64_t> waiting_at_end_;
  std::map<std::uint64_t, std::string> module_of_;
  std::uint64_t busy_with_ = 0;
  std::string last_words_;  ///< of its standard error
  SteadyTime log_second_{};
  int logged_ = 0;
  int dropped_ = 0;
};

}  // namespace owndir::modules
