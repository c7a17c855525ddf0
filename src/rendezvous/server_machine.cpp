#include "rendezvous/server_machine.hpp"

#include <algorithm>
#include <utility>

namespace owndir::rendezvous {
namespace {

constexpr std::size_t kRemovalsAtOnce = 32;
constexpr std::chrono::seconds kSaveInterval{1};
constexpr int kRemovalAttempts = 10;

std::chrono::milliseconds elapsed(std::int64_t first_seen_ms, std::int64_t saved_ms, std::int64_t now_ms) {
  // A clock that went backwards since the save makes nothing younger.
  return std::chrono::milliseconds(std::max<std::int64_t>(0, saved_ms - first_seen_ms) +
                                   std::max<std::int64_t>(0, now_ms - saved_ms));
}

}  // namespace

ServerMachine::ServerMachine(ServerMachineOptions options, ServerState state, Now now)
    : options_(std::move(options)),
      server_(state.server),
      now_(now),
      memory_(options_.limits.nonces_remembered),
      answers_(options_.limits.answers_per_second, now.steady),
      last_n_(state.last_n) {
  // Ages beyond this make no difference, and keep the arithmetic of nanoseconds in its range.
  constexpr std::chrono::milliseconds kOldest = std::chrono::hours(24 * 365);
  const std::int64_t now_ms = to_unix_ms(now.wall);
  const auto seen_at = [&](std::int64_t first_seen_ms) {
    return now.steady - std::min(kOldest, elapsed(first_seen_ms, state.saved_ms, now_ms));
  };
  for (auto& [name, time] : state.first_seen)
    if (remembered_.size() < options_.limits.directory_entries) remembered_.emplace(std::move(name), seen_at(time));
  for (auto& offer : state.offers)
    memory_.add({std::move(offer.nonce), std::move(offer.offer), std::move(offer.name), std::move(offer.digest),
                 seen_at(offer.first_seen_ms), offer.spent});
  need_saved(state_generation_);
}

ServerMachine::Actions ServerMachine::handle(Event event, Now now) {
  now_ = now;
  out_.clear();
  std::visit([this](auto& value) { on(std::move(value)); }, event);
  settle();
  return std::exchange(out_, {});
}

void ServerMachine::settle() {
  while (!timers_.empty() && timers_.begin()->first <= now_.steady) {
    Entry* entry = find(timers_.begin()->second);
    timers_.erase(timers_.begin());
    if (entry == nullptr) continue;
    entry->timer = SteadyTime::max();
    on_timer(*entry);
  }
  if (directory_ && !stopping_) {
    if (!presence_due_ || *presence_due_ <= now_.steady) write_presence(true);
    check_own();
    start_answers();
    start_reads();
  }
  start_save();
  start_writes();
  start_removals();
  if (const auto held_back = reports_.take_held_back(now_.steady))
    report(Report::Level::warn, std::to_string(held_back) + " more records were refused within a second");
}

SteadyTime ServerMachine::deadline() const {
  SteadyTime next = SteadyTime::max();
  const auto at = [&](SteadyTime time) { next = std::min(next, time); };
  if (!timers_.empty()) at(timers_.begin()->first);
  if (state_generation_ > saved_generation_ && !saving_) at(save_not_before_);
  if (const auto due = reports_.due()) at(*due);
  if (!directory_) return next;
  if (!stopping_ && presence_due_) at(*presence_due_);
  if (!stopping_ && !waiting_.empty()) at(answers_.next());
  for (const auto& [name, record] : own_) {
    if (record.phase == OwnRecord::Phase::queued && saved(record.generation)) at(record.not_before);
    if (record.check_at && !stopping_) at(*record.check_at);
  }
  std::size_t running = 0;
  SteadyTime removal = SteadyTime::max();
  for (const auto& [name, waiting] : removals_) {
    if (waiting.running)
      ++running;
    else
      removal = std::min(removal, waiting.not_before);
  }
  if (running < kRemovalsAtOnce) at(removal);
  return next;
}

bool ServerMachine::present() const {
  const auto found = own_.find(presence_);
  return found != own_.end() && found->second.phase == OwnRecord::Phase::placed;
}

bool ServerMachine::finished() const {
  if (!stopping_ || saving_ || state_generation_ > saved_generation_) return false;
  if (!directory_) return true;
  const bool writing =
      std::ranges::any_of(own_, [](const auto& own) { return own.second.phase != OwnRecord::Phase::placed; });
  return !writing && removals_.empty();
}

// --- our records -----------------------------------------------------------------------------------------------------

std::uint64_t ServerMachine::next_n() {
  const auto now_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(1, to_unix_ms(now_.wall)));
  last_n_ = std::max(now_ms, last_n_ + 1);
  changed_state();
  return last_n_;
}

void ServerMachine::write_presence(bool up) {
  Presence presence;
  presence.server = server_;
  presence.n = next_n();
  presence.name = options_.name;
  presence.up = up;
  presence.created_ms = std::max<std::int64_t>(0, to_unix_ms(now_.wall));
  presence.every_s = static_cast<std::uint32_t>(options_.limits.presence_every_s);
  presence.ice_servers = options_.ice_servers;
  // One that is not in place yet is overtaken.
  if (const auto current = own_.find(presence_);
      current != own_.end() && current->second.phase != OwnRecord::Phase::placed)
    discard(presence_);
  presence_ = name_of(presence);
  OwnRecord& record = own_[presence_];
  record.bytes = serialize(presence);
  record.generation = state_generation_;
  need_saved(record.generation);
  presence_due_ = now_.steady + std::chrono::seconds(options_.limits.presence_every_s);
}

void ServerMachine::discard(const std::string& name) {
  const auto found = own_.find(name);
  if (found == own_.end()) return;
  if (found->second.phase == OwnRecord::Phase::writing) {
    found->second.unwanted = true;
    return;
  }
  if (found->second.phase == OwnRecord::Phase::placed) removals_.try_emplace(name);
  own_.erase(found);
}

/// The same record under a new N: a name is written once only.
void ServerMachine::renumber(const std::string& name) {
  const auto found = own_.find(name);
  if (found == own_.end()) return;
  OwnRecord record = std::move(found->second);
  own_.erase(found);
  record.phase = OwnRecord::Phase::queued;
  record.gone_since.reset();
  record.check_at.reset();
  RecordName parts = *parse_name(name);
  const std::uint64_t n = next_n();
  record.generation = state_generation_;
  need_saved(record.generation);
  std::string fresh;
  if (record.key) {
    Answer answer;
    answer.client = parts.client;
    answer.offer = parts.offer;
    answer.server = parts.server;
    answer.n = n;
    fresh = name_of(answer);
    if (const auto pending = pending_.find(*record.key); pending != pending_.end()) pending->second.answer = fresh;
  } else {
    Presence presence;
    presence.server = parts.server;
    presence.n = n;
    presence_ = fresh = name_of(presence);
  }
  own_.emplace(std::move(fresh), std::move(record));
}

void ServerMachine::own_gone(const std::string& name, OwnRecord& record) {
  if (record.phase != OwnRecord::Phase::placed || stopping_) return;
  if (!record.gone_since) {
    record.gone_since = now_.steady;
    record.check_at = now_.steady + kGoneGrace;
    return;
  }
  if (now_.steady < *record.gone_since + kGoneGrace) return;
  if (++record.lost > kRewrites) {
    report(Report::Level::warn, name + " was removed by somebody else again and again; it is not written any more");
    record.gone_since.reset();
    record.check_at.reset();
    return;
  }
  report(Report::Level::info, name + " was removed by somebody else; writing it again");
  record.not_before = now_.steady + retry_delay(record.lost) - std::chrono::seconds(1);
  renumber(name);
}

void ServerMachine::check_own() {
  for (auto& [name, record] : own_) {
    if (!record.check_at || *record.check_at > now_.steady) continue;
    record.check_at = now_.steady + kGoneGrace;
    out_.push_back(CheckFile{name});
  }
}

bool ServerMachine::can_write(const OwnRecord& record) const {
  return directory_ && record.phase == OwnRecord::Phase::queued && record.not_before <= now_.steady &&
         saved(record.generation);
}

void ServerMachine::start_writes() {
  for (auto& [name, record] : own_) {
    if (!can_write(record)) continue;
    record.phase = OwnRecord::Phase::writing;
    out_.push_back(WriteFile{name, record.bytes});
  }
}

void ServerMachine::on(Written&& event) {
  const auto found = own_.find(event.name);
  if (found == own_.end()) return;
  OwnRecord& record = found->second;
  if (!event.result) return write_failed(event.name, record, event.result.error());
  record.phase = OwnRecord::Phase::placed;
  record.failures = 0;
  if (record.unwanted) return discard(event.name);
  if (record.key) {
    const auto pending = pending_.find(*record.key);
    if (pending == pending_.end()) return discard(event.name);
    if (Entry* entry = find(pending->second.file)) {
      entry->phase = Entry::Phase::answered;
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now_.steady - entry->first_seen);
      report(Report::Level::info, pending->second.file + " answered, " + std::to_string(took.count()) +
                                      " ms after it was first seen; waiting for the device to connect");
    }
    return;
  }
  // Its predecessors go, now that it is in place.
  std::vector<std::string> previous(stale_presences_.begin(), stale_presences_.end());
  stale_presences_.clear();
  for (const std::string& name : previous) removals_.try_emplace(name);
  previous.clear();
  for (const auto& [name, other] : own_)
    if (!other.key && name != event.name && other.phase == OwnRecord::Phase::placed) previous.push_back(name);
  for (const std::string& name : previous) discard(name);
}

void ServerMachine::write_failed(const std::string& name, OwnRecord& record, const Error& error) {
  if (record.unwanted || stopping_) {
    if (stopping_) report(Report::Level::warn, "Could not write " + name + ": " + error.to_string());
    own_.erase(name);
    return;
  }
  record.phase = OwnRecord::Phase::queued;
  ++record.failures;
  if (error.code == std::errc::file_exists) return renumber(name);
  record.not_before = now_.steady + retry_delay(record.failures);
  // A directory that has just been removed is the watcher's business.
  const bool vanished = error.code == std::errc::no_such_file_or_directory;
  if (record.failures == (vanished ? 3 : 1))
    report(Report::Level::error, "Could not write " + name + ": " + error.to_string() + ". " +
                                     write_advice(error, "the synced folder") + "; trying again until then");
}

void ServerMachine::start_removals() {
  if (!directory_) return;
  std::size_t running = static_cast<std::size_t>(
      std::ranges::count_if(removals_, [](const auto& removal) { return removal.second.running; }));
  for (auto& [name, removal] : removals_) {
    if (running >= kRemovalsAtOnce) return;
    if (removal.running || removal.not_before > now_.steady) continue;
    removal.running = true;
    ++running;
    out_.push_back(RemoveFile{name});
  }
}

void ServerMachine::on(Removed&& event) {
  const auto found = removals_.find(event.name);
  if (found == removals_.end()) return;
  Removal& removal = found->second;
  removal.running = false;
  if (event.result) {
    removals_.erase(found);
    if (Entry* entry = find(event.name)) forget(*entry);
    return;
  }
  if (++removal.failures == 1)
    report(Report::Level::warn, "Could not remove " + event.name + ": " + event.result.error().to_string() + ". " +
                                    write_advice(event.result.error(), "the synced folder"));
  removal.not_before = now_.steady + retry_delay(removal.failures);
  const bool hopeless = event.result.error().code == std::errc::is_a_directory;
  if (hopeless || stopping_ || removal.failures >= kRemovalAttempts) removals_.erase(found);
}

// --- the state -------------------------------------------------------------------------------------------------------

void ServerMachine::need_saved(std::uint64_t generation) {
  needed_generation_ = std::max(needed_generation_, generation);
}

void ServerMachine::start_save() {
  if (saving_ || state_generation_ <= saved_generation_) return;
  const bool urgent = needed_generation_ > saved_generation_ || stopping_;
  if ((!urgent || save_failed_) && now_.steady < save_not_before_) return;
  saving_ = true;
  out_.push_back(SaveState{state_generation_, snapshot()});
}

void ServerMachine::on(Saved&& event) {
  saving_ = false;
  save_not_before_ = now_.steady + kSaveInterval;
  if (!event.result && !save_failed_)
    report(Report::Level::error, "Could not save the state: " + event.result.error().to_string() + ". " +
                                     write_advice(event.result.error(), "the state directory") +
                                     "; no offer is answered until then");
  if (event.result && save_failed_) report(Report::Level::info, "The state could be saved again");
  save_failed_ = !event.result;
  // At the end a state that cannot be saved must not hold up the rest.
  if (event.result || stopping_) saved_generation_ = event.generation;
}

ServerState ServerMachine::snapshot() const {
  ServerState state;
  state.server = server_;
  state.last_n = last_n_;
  state.saved_ms = to_unix_ms(now_.wall);
  const auto wall_ms = [&](SteadyTime first_seen) {
    return state.saved_ms - std::chrono::duration_cast<std::chrono::milliseconds>(now_.steady - first_seen).count();
  };
  state.first_seen.reserve(entries_.size() + remembered_.size());
  for (const auto& [name, entry] : entries_) state.first_seen.emplace_back(name, wall_ms(entry.first_seen));
  for (const auto& [name, time] : remembered_)
    if (!entries_.contains(name)) state.first_seen.emplace_back(name, wall_ms(time));
  state.offers.reserve(memory_.all().size());
  for (const SeenOffer& seen : memory_.all())
    state.offers.push_back({seen.nonce, seen.offer, seen.name, seen.digest, wall_ms(seen.first_seen), seen.spent});
  return state;
}

// --- beginning and end -----------------------------------------------------------------------------------------------

void ServerMachine::on(DirectoryLost&&) {
  directory_ = false;
  for (auto& [name, entry] : entries_) {
    entry.gone_since.reset();
    entry.check_at.reset();
    set_timer(entry);
  }
  for (auto& [name, record] : own_) {
    record.gone_since.reset();
    record.check_at.reset();
  }
}

void ServerMachine::on(DirectoryBack&&) {
  directory_ = true;
}

void ServerMachine::on(Stop&&) {
  stopping_ = true;
  std::erase_if(removals_,
                [&](const auto& removal) { return !removal.second.running && entries_.contains(removal.first); });
  while (!pending_.empty()) {
    Entry* entry = find(pending_.begin()->second.file);
    end_offer(*entry, /*abandon=*/true, /*spent=*/false);
  }
  waiting_.clear();
  to_read_.clear();
  if (directory_ && presence_due_) write_presence(false);
  changed_state();
}

void ServerMachine::report(Report::Level level, std::string text) {
  out_.push_back(Report{level, std::move(text)});
}

}  // namespace owndir::rendezvous
