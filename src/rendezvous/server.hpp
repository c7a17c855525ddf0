#pragma once
// The server's half of the handshake directory (docs/protocol.md, section 1): watches it, answers offers, keeps
// presence. The rules are the I/O-free machine in server_machine.hpp; this drives it with a watcher, timers and the
// file system. Network thread only; file work runs on `files`. The Answerer must outlive `stop`.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/rooted_path.hpp"
#include "owndir/protocol.hpp"
#include "rendezvous/record.hpp"

namespace owndir::rendezvous {

/// Makes peers. `key` names one answering: it is unique over the process.
class Answerer {
 public:
  virtual ~Answerer() = default;
  /// The answer's SDP for this offer. An error refuses the offer, its text goes to the log. May take seconds; several
  /// run at once.
  virtual Awaitable<Result<std::string>> answer(const Offer& offer, std::uint64_t key) = 0;
  /// The offer expired, was withdrawn, or gave way to another before anything connected: free the peer. Also called for
  /// what is still pending at stop. It may come while `answer` still runs, whose result is dropped then. Not called
  /// after `connected`, `failed` or an error of `answer`.
  virtual void abandon(std::uint64_t key) = 0;
};

struct ServerOptions {
  std::string name;  ///< shown to people
  /// Exists, outside the folder; holds the server id, first-seen times and nonces. No other process uses it: the caller
  /// holds its lock.
  std::string state_directory;
  std::vector<std::string> ice_servers;
  Limits limits;
  bool polling = false;  ///< the polling watcher even where there is inotify
  std::chrono::milliseconds poll_interval{1000};
  const Clock* clock = nullptr;  ///< null: system_clock()
  Random* random = nullptr;      ///< null: system_random()
};

class Server {
 public:
  /// Makes `.owndir/.wrtc-proxy` where it is missing, reads the state, writes presence "up", starts watching. A
  /// directory that cannot be written is an error here; one that becomes so later is logged and tried again.
  static Awaitable<Result<std::unique_ptr<Server>>> start(const RootedFolder& folder, asio::thread_pool& files,
                                                          Answerer& answerer, ServerOptions options);
  virtual ~Server() = default;

  virtual const std::string& id() const = 0;
  /// The peer of this answering said hello: its answer file is spent.
  virtual void connected(std::uint64_t key) = 0;
  /// The peer of this answering failed for good before it connected.
  virtual void failed(std::uint64_t key) = 0;
  /// Offers being answered or waiting to connect.
  virtual std::size_t pending() const = 0;
  /// Abandons what is pending, removes our answers, writes presence "down", ends the watcher. Once. A file system that
  /// hangs holds it up for a few seconds only; nothing of ours runs on the pool after it otherwise.
  virtual Awaitable<void> stop() = 0;
};

}  // namespace owndir::rendezvous
