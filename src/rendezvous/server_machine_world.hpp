#pragma once
// The server's machine with a world around it that does at once what the actions say, unless a test holds it back: no
// file, no timer, no thread. Tests only.

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "rendezvous/server_machine.hpp"
#include "rendezvous/test_support.hpp"

namespace owndir::rendezvous::test {

using M = ServerMachine;

class ServerMachineTest : public testing::Test {
 protected:
  ServerMachineTest() { restart({}); }

  void restart(ServerState state) {
    if (state.server.empty()) state.server = id_of(0x5e);
    ServerMachineOptions options;
    options.name = "home";
    options.limits = limits_;
    options.random = &random_;
    options.next_key = [this] { return ++last_key_; };
    machine_.emplace(options, std::move(state), now());
    written_.clear();
    abandoned_.clear();
    asked_.clear();
  }
  /// Directory there, listed, presence in place.
  void begin() {
    feed(M::DirectoryBack{});
    list();
  }

  Now now() const { return {clock_.steady(), clock_.wall()}; }

  void feed(M::Event event) {
    for (auto& action : machine_->handle(std::move(event), now())) queue_.push_back(std::move(action));
    while (!queue_.empty()) {
      M::Action action = std::move(queue_.front());
      queue_.pop_front();
      std::visit([this](auto& value) { perform(std::move(value)); }, action);
    }
  }
  void follow(M::Event event) {
    for (auto& action : machine_->handle(std::move(event), now())) queue_.push_back(std::move(action));
  }

  void perform(M::ReadFile&& action) {
    ++reads_;
    if (hold_reads_) return;
    const auto file = files_.find(action.name);
    Result<std::string> bytes = fail(std::make_error_code(std::errc::no_such_file_or_directory), action.name);
    if (file != files_.end()) bytes = file->second;
    follow(M::FileRead{action.name, examine(action.name, std::move(bytes), limits_)});
  }
  void perform(M::CheckFile&& action) {
    if (files_.contains(action.name))
      follow(M::Seen{info(action.name)});
    else
      follow(M::Gone{action.name});
  }
  void perform(M::WriteFile&& action) {
    write_log_.push_back(action.name);
    if (write_error_ != std::errc()) {
      follow(M::Written{action.name, fail(std::make_error_code(write_error_), action.name)});
      return;
    }
    files_[action.name] = action.bytes;
    written_[action.name] = action.bytes;
    saved_when_written_ = saved_;
    follow(M::Written{action.name, {}});
  }
  void perform(M::RemoveFile&& action) {
    if (remove_error_ != std::errc()) {
      follow(M::Removed{action.name, fail(std::make_error_code(remove_error_), action.name)});
      return;
    }
    files_.erase(action.name);
    removed_.insert(action.name);
    follow(M::Removed{action.name, {}});
  }
  void perform(M::MakeAnswer&& action) {
    asked_.push_back(action.offer.offer);
    keys_[action.offer.offer] = action.key;
    if (!hold_answers_) follow(M::AnswerMade{action.key, "sdp of the answer"});
  }
  void perform(M::Abandon&& action) { abandoned_.push_back(action.key); }
  void perform(M::SaveState&& action) {
    ++saves_;
    if (hold_saves_) {
      held_save_ = std::move(action);
      return;
    }
    if (save_error_ != std::errc()) {
      follow(M::Saved{action.generation, fail(std::make_error_code(save_error_), "state")});
      return;
    }
    saved_ = std::move(action.state);
    follow(M::Saved{action.generation, {}});
  }
  void perform(Report&& report) { reports_.push_back(std::move(report)); }

  /// Time passes in the steps that the machine asks for.
  void pass(std::chrono::steady_clock::duration time) {
    const SteadyTime end = clock_.steady() + time;
    for (int ticks = 0;; ++ticks) {
      ASSERT_LT(ticks, 100000) << "the machine asks for ticks without end";
      const SteadyTime due = std::min(machine_->deadline(), end);
      if (due > clock_.steady()) clock_.pass(due - clock_.steady());
      feed(M::Tick{});
      if (clock_.steady() >= end) return;
    }
  }

  FileInfo info(const std::string& name) {
    FileInfo file;
    file.name = name;
    file.size = files_[name].size();
    file.mtime_ns = mtimes_.contains(name) ? mtimes_[name] : 0;
    file.inode = versions_[name];
    return file;
  }
  void put_file(const std::string& name, const std::string& bytes) {
    files_[name] = bytes;
    ++versions_[name];
  }
  void arrive(const std::string& name, const std::string& bytes) {
    put_file(name, bytes);
    feed(M::Seen{info(name)});
  }
  std::string arrive(const Offer& offer) {
    arrive(name_of(offer), serialize(offer));
    return name_of(offer);
  }
  void vanish(const std::string& name) {
    files_.erase(name);
    feed(M::Gone{name});
  }
  void list() {
    Listing listing;
    for (const auto& [name, bytes] : files_) listing.files.push_back(info(name));
    feed(M::Listed{std::move(listing)});
  }
  std::vector<std::string> answers(const Offer& offer) const {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) {
      const auto parsed = parse_name(name);
      if (parsed && parsed->kind == RecordName::Kind::answer && parsed->client == offer.client &&
          parsed->offer == offer.offer)
        names.push_back(name);
    }
    return names;
  }
  std::vector<Presence> presences() const {
    std::vector<Presence> all;
    for (const auto& [name, bytes] : files_)
      if (const auto parsed = parse_name(name); parsed && parsed->kind == RecordName::Kind::presence)
        if (const auto record = parse_record(*parsed, bytes)) all.push_back(std::get<Presence>(*record));
    return all;
  }
  bool said(const std::string& text) const {
    return std::ranges::any_of(reports_,
                               [&](const Report& report) { return report.text.find(text) != std::string::npos; });
  }

  Limits limits_;
  FakeClock clock_;
  CountingRandom random_;
  std::optional<ServerMachine> machine_;
  std::deque<M::Action> queue_;
  std::map<std::string, std::string> files_, written_;
  std::map<std::string, std::uint64_t> versions_;
  std::map<std::string, std::int64_t> mtimes_;
  std::set<std::string> removed_;
  std::vector<std::string> asked_, write_log_;
  std::vector<std::uint64_t> abandoned_;
  std::map<std::string, std::uint64_t> keys_;
  std::vector<Report> reports_;
  std::optional<ServerState> saved_, saved_when_written_;
  std::optional<M::SaveState> held_save_;
  bool hold_reads_ = false, hold_answers_ = false, hold_saves_ = false;
  std::errc write_error_{}, remove_error_{}, save_error_{};
  int reads_ = 0, saves_ = 0;
  std::uint64_t last_key_ = 0;
};

}  // namespace owndir::rendezvous::test
