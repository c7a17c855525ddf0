#pragma once
// The rules of the server's half (docs/protocol.md, section 1) without I/O: event -> actions. server.cpp drives it;
// README.md has its diagram. Owned by the driver, network thread. Everything that others can make grow is bounded by
// Limits.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "rendezvous/examine.hpp"
#include "rendezvous/offer_memory.hpp"
#include "rendezvous/own_records.hpp"
#include "rendezvous/record.hpp"
#include "rendezvous/report.hpp"
#include "rendezvous/server_state.hpp"
#include "rendezvous/store.hpp"

namespace owndir::rendezvous {

struct ServerMachineOptions {
  std::string name;
  std::vector<std::string> ice_servers;
  Limits limits;
  Random* random = nullptr;
  std::function<std::uint64_t()> next_key;
};

class ServerMachine {
 public:
  // Events. Tick only lets time pass.
  struct Listed {
    Listing listing;
  };
  struct Seen {
    FileInfo file;
    std::optional<SteadyTime> hinted = std::nullopt;  ///< when the watcher told of it
  };
  struct Gone {
    std::string name;
  };
  struct FileRead {
    std::string name;
    Examined examined;
  };
  struct AnswerMade {
    std::uint64_t key;
    Result<std::string> sdp;
  };
  struct Connected {
    std::uint64_t key;
  };
  struct Failed {
    std::uint64_t key;
  };
  struct Written {
    std::string name;
    Result<void> result;
  };
  struct Removed {
    std::string name;
    Result<void> result;
  };
  struct Saved {
    std::uint64_t generation;
    Result<void> result;
  };
  struct DirectoryLost {};
  struct DirectoryBack {};  ///< also the first time; a Listed follows
  struct Tick {};
  struct Stop {};
  using Event = std::variant<Listed, Seen, Gone, FileRead, AnswerMade, Connected, Failed, Written, Removed, Saved,
                             DirectoryLost, DirectoryBack, Tick, Stop>;

  // Actions. The driver answers ReadFile, WriteFile, RemoveFile, SaveState and MakeAnswer with their event, CheckFile
  // with Seen or Gone.
  struct ReadFile {
    std::string name;
  };
  struct CheckFile {
    std::string name;
  };
  struct WriteFile {
    std::string name, bytes;
  };
  struct RemoveFile {
    std::string name;
  };
  struct MakeAnswer {
    std::uint64_t key;
    Offer offer;
  };
  struct Abandon {
    std::uint64_t key;
  };
  struct SaveState {
    std::uint64_t generation;
    ServerState state;
  };
  using Action = std::variant<ReadFile, CheckFile, WriteFile, RemoveFile, MakeAnswer, Abandon, SaveState, Report>;
  using Actions = std::vector<Action>;

  /// `state.server` is an id already.
  ServerMachine(ServerMachineOptions options, ServerState state, Now now);

  Actions handle(Event event, Now now);
  /// When to send a Tick at the latest; far away when nothing waits.
  SteadyTime deadline() const;

  const std::string& id() const { return server_; }
  std::size_t pending() const { return pending_.size(); }
  /// Presence of this run is in place.
  bool present() const;
  /// After Stop: nothing of ours is left to be written, removed or saved.
  bool finished() const;

 private:
  /// Newest first. The change time is when a file arrived here by this machine's clock, which the sync cannot carry; it
  /// orders files that were found together, and those that a flood of others kept from being looked at.
  struct Order {
    bool again = false;  ///< to be read once more: after those that have not been read
    std::int64_t ctime_ns = 0;
    SteadyTime first_seen;
    std::int64_t mtime_ns = 0;
    std::string name;
    bool operator<(const Order& other) const {
      if (again != other.again) return other.again;
      if (ctime_ns != other.ctime_ns) return ctime_ns > other.ctime_ns;
      if (first_seen != other.first_seen) return first_seen > other.first_seen;
      if (mtime_ns != other.mtime_ns) return mtime_ns > other.mtime_ns;
      return name < other.name;
    }
  };
  /// A file of somebody else. Only offers leave `other`.
  struct Entry {
    enum class Phase { other, unread, half_written, refused, waiting, answering, answered, done };
    RecordName name;
    FileInfo file;
    SteadyTime first_seen;
    SteadyTime stable_since;  ///< last change of the file
    SteadyTime last_read;
    Phase phase = Phase::other;
    bool reading = false;     ///< a ReadFile is out
    bool read_again = false;  ///< the file changed meanwhile
    std::optional<Order> read_queued;
    std::optional<SteadyTime> look_again;
    std::optional<SteadyTime> gone_since;
    std::optional<SteadyTime> check_at;
    std::optional<SteadyTime> expires;
    std::optional<Order> wait_queued;
    std::optional<std::uint64_t> key;
    std::optional<Offer> offer;
    std::string digest;
    bool removing = false;
    SteadyTime timer = SteadyTime::max();  ///< as it stands in timers_
  };
  /// An offer being answered or waiting to connect.
  struct Pending {
    std::string file, client;
    Order order;
    std::uint64_t n = 0;           ///< of its answer
    std::uint64_t generation = 0;  ///< of the state that holds it
    std::string answer;            ///< file name, once made
  };

  void on(Listed&& event);
  void on(Seen&& event);
  void on(Gone&& event);
  void on(FileRead&& event);
  void on(AnswerMade&& event);
  void on(Connected&& event);
  void on(Failed&& event);
  void on(Written&& event);
  void on(Removed&& event);
  void on(Saved&& event);
  void on(DirectoryLost&& event);
  void on(DirectoryBack&& event);
  void on(Tick&&) {}
  void on(Stop&& event);

  // Entries (server_machine_files.cpp)
  void see(FileInfo file, bool from_listing, SteadyTime since);
  void see_own(const RecordName& name, const FileInfo& file);
  Entry* add_entry(const RecordName& name, FileInfo file, bool from_listing, SteadyTime since);
  void changed(Entry& entry, FileInfo file);
  void forget(Entry& entry);
  static Order order_of(const Entry& entry, bool again);
  static Order age_of(const Entry& entry) { return {false, 0, entry.first_seen, 0, entry.file.name}; }
  void queue_read(Entry& entry);
  void unqueue_read(Entry& entry);
  void half_written(Entry& entry, const Error& error);
  void refuse(Entry& entry, const Error& error);
  void on_timer(Entry& entry);
  void set_timer(Entry& entry);
  void gone(Entry& entry);
  bool is_live(const Entry& entry) const;
  Entry* find(const std::string& name);

  // Offers (server_machine_offers.cpp)
  void take_offer(Entry& entry, Offer offer, std::string digest);
  void compare_again(Entry& entry, const Examined& examined);
  void start_answers();
  void start_answer(Entry& entry);
  const Pending* oldest_pending(const std::string* client) const;
  void give_way(Entry& entry);
  void end_offer(Entry& entry, bool abandon, bool spent);
  void mark_spent(Entry& entry);
  void write_answer(Entry& entry, Pending& pending, const std::string& sdp);

  // Our records and the state (server_machine.cpp)
  void write_presence(bool up);
  std::uint64_t next_n();
  void settle();
  void start_reads();
  void start_writes();
  void start_removals();
  void start_save();
  void discard(const std::string& name);
  void renumber(const std::string& name);
  void own_gone(const std::string& name, OwnRecord& record);
  void write_failed(const std::string& name, OwnRecord& record, const Error& error);
  void check_own();
  bool can_write(const OwnRecord& record) const;
  ServerState snapshot() const;
  std::uint64_t changed_state() { return ++state_generation_; }
  void need_saved(std::uint64_t generation);
  bool saved(std::uint64_t generation) const { return saved_generation_ >= generation; }
  void report(Report::Level level, std::string text);

  ServerMachineOptions options_;
  const std::string server_;
  Now now_;
  Actions out_;
  bool directory_ = false;
  bool stopping_ = false;

  std::unordered_map<std::string, Entry> entries_;
  std::set<Order> ages_;  ///< of all entries, to give up the oldest
  std::set<std::pair<SteadyTime, std::string>> timers_;
  std::unordered_map<std::string, SteadyTime>
      remembered_;  ///< first-seen times of the last run, until the first listing
  std::set<Order> to_read_;
  std::size_t reads_ = 0;

  OfferMemory memory_;
  std::set<Order> waiting_;
  std::map<std::uint64_t, Pending> pending_;
  TokenBucket answers_;

  OwnRecords own_;
  Removals removals_;
  std::set<std::string> stale_presences_;
  std::string presence_;  ///< name of the current one
  std::optional<SteadyTime> presence_due_;
  std::uint64_t last_n_;

  std::uint64_t state_generation_ = 1, saved_generation_ = 0, needed_generation_ = 0;
  bool saving_ = false;
  bool save_failed_ = false;
  bool too_many_ = false;  ///< the directory has more entries than are looked at
  SteadyTime save_not_before_;

  ReportLimiter reports_;
};

}  // namespace owndir::rendezvous
