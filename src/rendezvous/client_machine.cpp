#include "rendezvous/client_machine.hpp"

#include <algorithm>
#include <utility>

namespace owndir::rendezvous {
namespace {

constexpr std::size_t kCandidates = 1024;
constexpr std::chrono::seconds kAnswerGrace{60};  ///< after the offer's validity (docs/protocol.md)
constexpr int kRemovalAttempts = 5;

}  // namespace

ClientMachine::Actions ClientMachine::handle(Event event, Now now) {
  now_ = now;
  out_.clear();
  std::visit([this](auto& value) { on(std::move(value)); }, event);
  settle();
  return std::exchange(out_, {});
}

void ClientMachine::settle() {
  if (directory_) {
    // Newest first: a directory full of old records does not hold up the answer.
    for (auto at = candidates_.rbegin(); at != candidates_.rend() && reads_ < kReadsAtOnce; ++at) {
      Candidate& candidate = at->second;
      const bool due = candidate.phase == Candidate::Phase::unread ||
                       (candidate.phase == Candidate::Phase::half_written && candidate.look_again <= now_.steady);
      if (!due || (candidate.look_again && *candidate.look_again > now_.steady)) continue;
      candidate.phase = Candidate::Phase::reading;
      candidate.look_again.reset();
      ++reads_;
      out_.push_back(ReadFile{at->first});
    }
  }
  if (exchange_) settle_exchange();
  if (!directory_) return;
  for (auto& [name, removal] : removals_) {
    if (removal.running || removal.not_before > now_.steady) continue;
    removal.running = true;
    out_.push_back(RemoveFile{name});
  }
}

void ClientMachine::settle_exchange() {
  Current& current = *exchange_;
  if (directory_ && !current.spent && current.phase == Current::Phase::to_write) {
    current.phase = Current::Phase::writing;
    out_.push_back(WriteFile{current.name, current.bytes});
  }
  if (current.over) return;
  if (current.check_at && *current.check_at <= now_.steady) {
    current.check_at = now_.steady + kGoneGrace;
    out_.push_back(CheckFile{current.name});
  }
  if (current.expires <= now_.steady)
    return complete(fail(Errc::timeout, "no server answered; is it running, and does the sync carry the files?"));
  decide();
  if (current.over || current.next_progress > now_.steady) return;
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now_.steady - current.started);
  out_.push_back(Progress{static_cast<int>(waited.count())});
  current.next_progress = current.started + waited + std::chrono::seconds(1);
}

SteadyTime ClientMachine::deadline() const {
  SteadyTime next = SteadyTime::max();
  const auto at = [&](SteadyTime time) { next = std::min(next, time); };
  if (exchanging()) {
    at(std::min(exchange_->expires, exchange_->next_progress));
    if (exchange_->check_at) at(*exchange_->check_at);
  }
  if (!directory_) return next;
  for (const auto& [name, candidate] : candidates_)
    if (candidate.look_again && reads_ < kReadsAtOnce) at(*candidate.look_again);
  for (const auto& [name, removal] : removals_)
    if (!removal.running) at(removal.not_before);
  return next;
}

std::vector<Presence> ClientMachine::servers() const {
  std::map<std::string, Presence> newest;
  for (const auto& [name, candidate] : candidates_) {
    if (candidate.phase != Candidate::Phase::valid) continue;
    const auto* presence = std::get_if<Presence>(&*candidate.record);
    if (presence == nullptr) continue;
    const auto [found, added] = newest.emplace(presence->server, *presence);
    if (!added && found->second.n < presence->n) found->second = *presence;
  }
  std::vector<Presence> all;
  all.reserve(newest.size());
  for (auto& [server, presence] : newest) all.push_back(std::move(presence));
  std::ranges::sort(all, [](const Presence& a, const Presence& b) { return a.n > b.n; });
  return all;
}

bool ClientMachine::settled() const {
  return listed_ && reads_ == 0 && std::ranges::none_of(candidates_, [](const auto& item) {
           return item.second.phase == Candidate::Phase::unread;
         });
}

bool ClientMachine::idle() const {
  const bool writing = exchange_ && exchange_->phase == Current::Phase::writing;
  return !writing && removals_.empty();
}

// --- files -----------------------------------------------------------------------------------------------------------

bool ClientMachine::concerns_us(const RecordName& name) const {
  if (name.kind == RecordName::Kind::presence) return true;
  return name.kind == RecordName::Kind::answer && exchanging() && name.client == options_.client &&
         name.offer == exchange_->offer.offer;
}

void ClientMachine::on(Listed&& event) {
  if (!directory_) return;
  listed_ = true;
  if (event.listing.complete) {
    std::set<std::string> present;
    for (const FileInfo& file : event.listing.files) present.insert(file.name);
    std::vector<std::string> missing;
    for (const auto& [name, candidate] : candidates_)
      if (!present.contains(name)) missing.push_back(name);
    for (const std::string& name : missing) gone(name);
    if (exchange_ && !present.contains(exchange_->name) && !exchange_->gone_since) own_gone();
  }
  for (FileInfo& file : event.listing.files) see(std::move(file));
}

void ClientMachine::on(Seen&& event) {
  see(std::move(event.file));
}

void ClientMachine::see(FileInfo file) {
  const auto name = parse_name(file.name);
  if (!name) return;
  if (name->kind == RecordName::Kind::offer) {
    if (name->client != options_.client) return;
    if (exchange_ && exchange_->name == file.name) {
      exchange_->gone_since.reset();
      exchange_->check_at.reset();
    } else {
      // Left over from an earlier run.
      removals_.try_emplace(file.name);
    }
    return;
  }
  if (!concerns_us(*name)) return;
  const auto found = candidates_.find(file.name);
  if (found == candidates_.end()) return add(*name, std::move(file));
  Candidate& candidate = found->second;
  if (candidate.file == file) return;
  candidate.file = std::move(file);
  candidate.stable_since = now_.steady;
  if (candidate.phase == Candidate::Phase::reading) {
    candidate.read_again = true;
  } else if (candidate.phase != Candidate::Phase::valid) {
    candidate.phase = Candidate::Phase::unread;
    candidate.look_again.reset();
  }
}

void ClientMachine::add(const RecordName& name, FileInfo file) {
  if (candidates_.size() >= kCandidates) {
    // The oldest presence gives way, an answer never.
    const auto oldest = std::ranges::min_element(candidates_, {}, [](const auto& item) {
      const Candidate& candidate = item.second;
      return candidate.name.kind == RecordName::Kind::presence ? candidate.name.n : ~std::uint64_t{0};
    });
    if (oldest->second.name.kind != RecordName::Kind::presence) return;
    if (name.kind == RecordName::Kind::presence && name.n <= oldest->second.name.n) return;
    candidates_.erase(oldest);
  }
  Candidate candidate;
  candidate.name = name;
  candidate.stable_since = now_.steady;
  std::string key = file.name;
  candidate.file = std::move(file);
  const auto added = candidates_.emplace(std::move(key), std::move(candidate)).first;
  if (!added->second.file.regular) refuse(added->second, Error{Errc::unsupported, "not a regular file"});
}

void ClientMachine::on(Gone&& event) {
  gone(event.name);
}

void ClientMachine::gone(const std::string& name) {
  if (!directory_) return;
  if (exchange_ && exchange_->name == name) return own_gone();
  candidates_.erase(name);
}

/// Our offer is not there: an overwrite by the sync, or somebody removed it. It is written again, under its name with
/// its bytes, which a server takes for the same offer.
void ClientMachine::own_gone() {
  Current& current = *exchange_;
  if (current.over || current.phase != Current::Phase::written) return;
  if (!current.gone_since) {
    current.gone_since = now_.steady;
    current.check_at = now_.steady + kGoneGrace;
    return;
  }
  if (now_.steady < *current.gone_since + kGoneGrace) return;
  current.gone_since.reset();
  current.check_at.reset();
  if (++current.lost > kRewrites) return complete(fail(Errc::conflict, "somebody removes our offer again and again"));
  out_.push_back(Report{Report::Level::info, current.name + " was removed by somebody else; writing it again"});
  current.phase = Current::Phase::to_write;
}

void ClientMachine::on(FileRead&& event) {
  --reads_;
  const auto found = candidates_.find(event.name);
  if (found == candidates_.end() || found->second.phase != Candidate::Phase::reading) return;
  Candidate& candidate = found->second;
  Result<Record>& record = event.examined.record;
  const SteadyTime again = now_.steady + kReadAgainAfter;
  if (record) {
    if (const auto why = objection(*record)) return refuse(candidate, *why);
    candidate.phase = Candidate::Phase::valid;
    candidate.record = std::move(*record);
  } else if (!directory_ || std::exchange(candidate.read_again, false)) {
    candidate.phase = Candidate::Phase::unread;
    candidate.look_again = again;
  } else if (record.error().code == std::errc::no_such_file_or_directory) {
    candidates_.erase(found);
  } else if (is_final(record.error()) || now_.steady >= candidate.stable_since + kHalfWrittenWait) {
    refuse(candidate, record.error());
  } else {
    candidate.phase = Candidate::Phase::half_written;
    candidate.look_again = candidate.stable_since + kHalfWrittenWait;
  }
}

std::optional<Error> ClientMachine::objection(const Record& record) const {
  const auto* answer = std::get_if<Answer>(&record);
  if (answer == nullptr) return std::nullopt;
  if (!exchanging()) return Error{Errc::expired, "nobody waits for it"};
  if (answer->offer_digest != exchange_->digest) return Error{Errc::foreign, "it answers other bytes than we wrote"};
  if (options_.server && answer->server != *options_.server)
    return Error{Errc::foreign, "another server's than the one asked"};
  return std::nullopt;
}

void ClientMachine::refuse(Candidate& candidate, const Error& error) {
  candidate.phase = Candidate::Phase::refused;
  out_.push_back(Report{Report::Level::debug, candidate.file.name + " is ignored: " + error.to_string()});
}

void ClientMachine::on(Written&& event) {
  if (!exchange_ || exchange_->name != event.name) {
    // Of an exchange that was given up meanwhile.
    if (event.result) removals_.try_emplace(event.name);
    return;
  }
  Current& current = *exchange_;
  current.phase = Current::Phase::written;
  // The same offer, written again over one that came back.
  const bool there = !event.result && current.lost > 0 && event.result.error().code == std::errc::file_exists;
  if (!event.result && !there) {
    const Error error = event.result.error();
    complete(fail(error.code,
                  "could not write the offer (" + write_advice(error, "the synced folder") + "): " + error.context));
    exchange_.reset();
    return;
  }
  if (!current.spent) return;
  removals_.try_emplace(current.name);
  exchange_.reset();
}

void ClientMachine::on(Removed&& event) {
  const auto found = removals_.find(event.name);
  if (found == removals_.end()) return;
  Removal& removal = found->second;
  removal.running = false;
  if (!event.result && ++removal.failures < kRemovalAttempts) {
    removal.not_before = now_.steady + retry_delay(removal.failures);
    return;
  }
  if (!event.result)
    out_.push_back(
        Report{Report::Level::warn, "Could not remove " + event.name + ": " + event.result.error().to_string()});
  removals_.erase(found);
}

// --- the exchange ----------------------------------------------------------------------------------------------------

void ClientMachine::on(Exchange&& event) {
  if (exchange_) on(Spent{});
  Current current;
  current.offer.client = options_.client;
  current.offer.offer = options_.random->hex(8);
  current.offer.nonce = options_.random->hex(8);
  current.offer.created_ms = std::max<std::int64_t>(0, to_unix_ms(now_.wall));
  current.offer.valid_s = static_cast<std::uint32_t>(options_.limits.offer_valid_s);
  current.offer.name = options_.name;
  current.offer.to = options_.server;
  current.offer.sdp = std::move(event.sdp);
  current.bytes = serialize(current.offer);
  current.name = name_of(current.offer);
  current.digest = digest(current.bytes);
  current.started = now_.steady;
  current.next_progress = now_.steady;
  current.expires = now_.steady + std::chrono::seconds(options_.limits.offer_valid_s) + kAnswerGrace;
  const bool too_large = current.bytes.size() > options_.limits.record_bytes;
  exchange_ = std::move(current);
  if (!too_large) return;
  complete(fail(Errc::too_large, "the offer has too many candidates; use fewer network interfaces"));
  exchange_.reset();
}

/// The answer with the largest N counts, so one that is still being read is waited for if it is larger.
void ClientMachine::decide() {
  const Candidate* best = nullptr;
  std::uint64_t undecided = 0;
  for (const auto& [name, candidate] : candidates_) {
    if (candidate.name.kind != RecordName::Kind::answer || candidate.phase == Candidate::Phase::refused) continue;
    if (candidate.phase != Candidate::Phase::valid)
      undecided = std::max(undecided, candidate.name.n);
    else if (best == nullptr || best->name.n < candidate.name.n)
      best = &candidate;
  }
  if (best == nullptr || undecided > best->name.n) return;
  complete(std::get<Answer>(*best->record));
}

void ClientMachine::complete(Result<Answer> result) {
  if (exchange_->over) return;
  exchange_->over = true;
  exchange_->check_at.reset();
  out_.push_back(Completed{std::move(result)});
  forget_answers();
}

void ClientMachine::forget_answers() {
  std::erase_if(candidates_, [](const auto& item) { return item.second.name.kind == RecordName::Kind::answer; });
}

void ClientMachine::on(Spent&&) {
  if (!exchange_) return;
  if (!exchange_->over) complete(fail(Errc::cancelled, "the exchange was given up"));
  exchange_->spent = true;
  if (exchange_->phase == Current::Phase::writing) return;
  if (exchange_->phase == Current::Phase::written) removals_.try_emplace(exchange_->name);
  exchange_.reset();
}

void ClientMachine::on(DirectoryLost&&) {
  directory_ = false;
  if (!exchange_) return;
  exchange_->gone_since.reset();
  exchange_->check_at.reset();
}

}  // namespace owndir::rendezvous
