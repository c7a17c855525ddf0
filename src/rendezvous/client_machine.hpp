#pragma once
// The rules of the client's half (docs/protocol.md, section 1) without I/O: event -> actions. client.cpp drives it.
// Owned by the driver, network thread. Bounded: a limited number of presence records and of answers to the one offer is
// looked at.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "rendezvous/examine.hpp"
#include "rendezvous/own_records.hpp"
#include "rendezvous/record.hpp"
#include "rendezvous/report.hpp"
#include "rendezvous/store.hpp"

namespace owndir::rendezvous {

struct ClientMachineOptions {
  std::string client;  ///< our id
  std::string name;
  std::optional<std::string> server;
  Limits limits;
  Random* random = nullptr;
};

class ClientMachine {
 public:
  // Events. Tick only lets time pass.
  struct Listed {
    Listing listing;
  };
  struct Seen {
    FileInfo file;
  };
  struct Gone {
    std::string name;
  };
  struct FileRead {
    std::string name;
    Examined examined;
  };
  struct Written {
    std::string name;
    Result<void> result;
  };
  struct Removed {
    std::string name;
    Result<void> result;
  };
  struct Exchange {
    std::string sdp;
  };
  struct Spent {};  ///< of an exchange that is over, or shall be
  struct DirectoryLost {};
  struct DirectoryBack {};
  struct Tick {};
  using Event =
      std::variant<Listed, Seen, Gone, FileRead, Written, Removed, Exchange, Spent, DirectoryLost, DirectoryBack, Tick>;

  // Actions, answered as those of ServerMachine; Completed ends an exchange.
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
  struct Completed {
    Result<Answer> result;
  };
  struct Progress {
    int seconds;
  };
  using Action = std::variant<ReadFile, CheckFile, WriteFile, RemoveFile, Completed, Progress, Report>;
  using Actions = std::vector<Action>;

  explicit ClientMachine(ClientMachineOptions options) : options_(std::move(options)) {}

  Actions handle(Event event, Now now);
  SteadyTime deadline() const;

  /// The newest readable presence of each server, newest first.
  std::vector<Presence> servers() const;
  bool exchanging() const { return exchange_.has_value() && !exchange_->over; }
  /// The directory was listed, and what it holds was read.
  bool settled() const;
  /// Nothing of ours is being written or removed.
  bool idle() const;

 private:
  /// An answer to our offer, or a presence record.
  struct Candidate {
    enum class Phase { unread, reading, half_written, refused, valid };
    RecordName name;
    FileInfo file;
    Phase phase = Phase::unread;
    SteadyTime stable_since;
    std::optional<SteadyTime> look_again;
    bool read_again = false;
    std::optional<Record> record;
  };
  struct Current {
    Offer offer;
    std::string name, bytes, digest;
    SteadyTime started, expires, next_progress;
    enum class Phase { to_write, writing, written } phase = Phase::to_write;
    bool over = false;   ///< completed; the file is still to be removed
    bool spent = false;  ///< to be removed as soon as it is written
    int lost = 0;
    std::optional<SteadyTime> gone_since, check_at;
  };

  void on(Listed&& event);
  void on(Seen&& event);
  void on(Gone&& event);
  void on(FileRead&& event);
  void on(Written&& event);
  void on(Removed&& event);
  void on(Exchange&& event);
  void on(Spent&&);
  void on(DirectoryLost&&);
  void on(DirectoryBack&&) { directory_ = true; }
  void on(Tick&&) {}

  void see(FileInfo file);
  void add(const RecordName& name, FileInfo file);
  bool concerns_us(const RecordName& name) const;
  void gone(const std::string& name);
  void own_gone();
  std::optional<Error> objection(const Record& record) const;
  void refuse(Candidate& candidate, const Error& error);
  void decide();
  void settle();
  void settle_exchange();
  void complete(Result<Answer> result);
  void forget_answers();

  ClientMachineOptions options_;
  Now now_{};
  Actions out_;
  bool directory_ = false;
  bool listed_ = false;
  std::size_t reads_ = 0;
  std::map<std::string, Candidate> candidates_;
  std::optional<Current> exchange_;
  Removals removals_;
};

}  // namespace owndir::rendezvous
