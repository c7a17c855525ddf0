// The part of the machine that follows the files of others: first seen, read, half-written, refused, gone, old.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "rendezvous/server_machine.hpp"

namespace owndir::rendezvous {

ServerMachine::Entry* ServerMachine::find(const std::string& name) {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

bool ServerMachine::is_live(const Entry& entry) const {
  return entry.phase == Entry::Phase::answering || entry.phase == Entry::Phase::answered;
}

void ServerMachine::on(Listed&& event) {
  if (!directory_ || stopping_) return;
  if (!event.listing.complete && !std::exchange(too_many_, true))
    report(Report::Level::warn,
           "The handshake directory has more than " + std::to_string(options_.limits.directory_entries) +
               " entries; the rest are seen only when they change. Empty it when nobody is connecting");
  if (event.listing.complete) {
    too_many_ = false;
    std::unordered_set<std::string> present;
    for (const FileInfo& file : event.listing.files) present.insert(file.name);
    for (auto& [name, entry] : entries_)
      if (!present.contains(name) && !entry.gone_since) gone(entry);
    for (auto& [name, record] : own_)
      if (!present.contains(name) && !record.gone_since) own_gone(name, record);
  }
  for (FileInfo& file : event.listing.files) see(std::move(file), /*from_listing=*/true, now_.steady);
  if (event.listing.complete) remembered_.clear();
}

void ServerMachine::on(Seen&& event) {
  if (!stopping_)
    see(std::move(event.file), /*from_listing=*/false, std::min(now_.steady, event.hinted.value_or(now_.steady)));
}

void ServerMachine::on(Gone&& event) {
  if (!directory_ || stopping_) return;
  if (const auto own = own_.find(event.name); own != own_.end()) return own_gone(event.name, own->second);
  stale_presences_.erase(event.name);
  if (Entry* entry = find(event.name)) gone(*entry);
}

void ServerMachine::see(FileInfo file, bool from_listing, SteadyTime since) {
  const auto name = parse_name(file.name);
  if (!name) return;
  if (name->kind != RecordName::Kind::offer && name->server == server_) return see_own(*name, file);
  Entry* entry = find(file.name);
  if (entry == nullptr) {
    entry = add_entry(*name, std::move(file), from_listing, since);
    if (entry == nullptr) return;
    queue_read(*entry);
  } else {
    entry->gone_since.reset();
    entry->check_at.reset();
    if (entry->file != file)
      changed(*entry, std::move(file));
    else if (entry->phase == Entry::Phase::unread && !entry->look_again)
      queue_read(*entry);
  }
  set_timer(*entry);
}

/// A record under our id is one of this run, or left over from an earlier one: those are dead.
void ServerMachine::see_own(const RecordName& name, const FileInfo& file) {
  if (const auto own = own_.find(file.name); own != own_.end()) {
    own->second.gone_since.reset();
    own->second.check_at.reset();
  } else if (!removals_.contains(file.name)) {
    const auto current = own_.find(presence_);
    const bool in_place = current != own_.end() && current->second.phase == OwnRecord::Phase::placed;
    if (name.kind == RecordName::Kind::answer || in_place)
      removals_.try_emplace(file.name);
    else if (stale_presences_.size() < options_.limits.directory_entries)
      stale_presences_.insert(file.name);
  }
}

ServerMachine::Entry* ServerMachine::add_entry(const RecordName& name, FileInfo file, bool from_listing,
                                               SteadyTime since) {
  if (entries_.size() >= options_.limits.directory_entries) {
    if (from_listing) return nullptr;
    const auto oldest =
        std::find_if(ages_.rbegin(), ages_.rend(), [&](const Order& order) { return !is_live(*find(order.name)); });
    if (oldest == ages_.rend()) return nullptr;
    forget(*find(std::string(oldest->name)));
  }
  Entry entry;
  entry.name = name;
  entry.phase = name.kind == RecordName::Kind::offer ? Entry::Phase::unread : Entry::Phase::other;
  const auto remembered = remembered_.find(file.name);
  entry.first_seen = remembered == remembered_.end() ? since : remembered->second;
  entry.stable_since = now_.steady;
  const std::string key = file.name;
  entry.file = std::move(file);
  ages_.insert(age_of(entry));
  changed_state();
  return &entries_.emplace(key, std::move(entry)).first->second;
}

void ServerMachine::changed(Entry& entry, FileInfo file) {
  entry.file = std::move(file);
  entry.stable_since = now_.steady;
  if (entry.phase == Entry::Phase::other) return;
  if (entry.phase == Entry::Phase::refused) entry.phase = Entry::Phase::unread;
  if (entry.reading) {
    entry.read_again = true;
  } else if (now_.steady < entry.last_read + kReadAgainAfter) {
    entry.look_again = entry.last_read + kReadAgainAfter;
  } else {
    unqueue_read(entry);
    queue_read(entry);
  }
}

void ServerMachine::forget(Entry& entry) {
  if (is_live(entry) || entry.phase == Entry::Phase::waiting) end_offer(entry, /*abandon=*/true, /*spent=*/false);
  unqueue_read(entry);
  ages_.erase(age_of(entry));
  if (entry.timer != SteadyTime::max()) timers_.erase({entry.timer, entry.file.name});
  if (const auto removal = removals_.find(entry.file.name); removal != removals_.end() && !removal->second.running)
    removals_.erase(removal);
  changed_state();
  entries_.erase(std::string(entry.file.name));
}

ServerMachine::Order ServerMachine::order_of(const Entry& entry, bool again) {
  return {again, entry.file.ctime_ns, entry.first_seen, entry.file.mtime_ns, entry.file.name};
}

void ServerMachine::queue_read(Entry& entry) {
  if (entry.name.kind != RecordName::Kind::offer || entry.read_queued || entry.reading) return;
  const bool examined = entry.phase != Entry::Phase::unread && entry.phase != Entry::Phase::half_written;
  if (!entry.file.regular || entry.file.size > options_.limits.record_bytes) {
    if (examined) return;
    if (!entry.file.regular) return refuse(entry, Error{Errc::unsupported, "not a regular file"});
    return refuse(entry,
                  Error{Errc::too_large, "more than " + std::to_string(options_.limits.record_bytes) + " bytes"});
  }
  entry.read_queued = order_of(entry, entry.phase != Entry::Phase::unread);
  to_read_.insert(*entry.read_queued);
}

void ServerMachine::unqueue_read(Entry& entry) {
  if (entry.read_queued) to_read_.erase(*entry.read_queued);
  entry.read_queued.reset();
}

void ServerMachine::start_reads() {
  while (reads_ < kReadsAtOnce && !to_read_.empty()) {
    Entry& entry = *find(to_read_.begin()->name);
    unqueue_read(entry);
    entry.reading = true;
    ++reads_;
    out_.push_back(ReadFile{entry.file.name});
  }
}

void ServerMachine::on(FileRead&& event) {
  --reads_;
  Entry* found = find(event.name);
  if (found == nullptr || !found->reading || stopping_) return;
  Entry& entry = *found;
  entry.reading = false;
  entry.last_read = now_.steady;
  if (std::exchange(entry.read_again, false)) entry.look_again = now_.steady + kReadAgainAfter;
  Result<Record>& record = event.examined.record;
  if (!record && !directory_) {
    queue_read(entry);
  } else if (!record && record.error().code == std::errc::no_such_file_or_directory) {
    if (!entry.gone_since) gone(entry);
  } else if (entry.phase != Entry::Phase::unread && entry.phase != Entry::Phase::half_written) {
    compare_again(entry, event.examined);
  } else if (record) {
    take_offer(entry, std::move(std::get<Offer>(*record)), std::move(event.examined.digest));
  } else if (is_final(record.error())) {
    refuse(entry, record.error());
  } else {
    half_written(entry, record.error());
  }
  set_timer(entry);
}

void ServerMachine::half_written(Entry& entry, const Error& error) {
  const SteadyTime stable = entry.stable_since + kHalfWrittenWait;
  if (now_.steady >= stable) return refuse(entry, error);
  entry.phase = Entry::Phase::half_written;
  entry.look_again = entry.look_again ? std::min(*entry.look_again, stable) : stable;
}

void ServerMachine::refuse(Entry& entry, const Error& error) {
  entry.phase = Entry::Phase::refused;
  if (reports_.pass(now_.steady))
    report(error.is(Errc::expired) ? Report::Level::info : Report::Level::warn,
           entry.file.name + " is refused: " + error.to_string());
}

/// The file is not there. An overwrite shows the same for a moment, so what matters is looked at once more.
void ServerMachine::gone(Entry& entry) {
  if (!entry.gone_since) {
    entry.gone_since = now_.steady;
    entry.check_at = now_.steady + kGoneGrace;
    return set_timer(entry);
  }
  if (now_.steady < *entry.gone_since + kGoneGrace) return;
  if (is_live(entry)) report(Report::Level::info, entry.file.name + " was withdrawn by its device");
  forget(entry);
}

void ServerMachine::on_timer(Entry& entry) {
  if (entry.check_at && *entry.check_at <= now_.steady) {
    if (!is_live(entry) && entry.phase != Entry::Phase::waiting && entry.phase != Entry::Phase::done)
      return forget(entry);
    entry.check_at = now_.steady + kGoneGrace;
    out_.push_back(CheckFile{entry.file.name});
  }
  if (entry.look_again && *entry.look_again <= now_.steady) {
    entry.look_again.reset();
    if (!stopping_) queue_read(entry);
  }
  if (entry.expires && *entry.expires <= now_.steady) {
    report(Report::Level::info, entry.file.name + " expired before its device connected");
    end_offer(entry, /*abandon=*/true, /*spent=*/false);
  }
  const auto removed_after = std::chrono::seconds(options_.limits.record_removed_after_s);
  if (!entry.removing && entry.first_seen + removed_after <= now_.steady) {
    entry.removing = true;
    if (!stopping_) removals_.try_emplace(entry.file.name);
  }
  set_timer(entry);
}

void ServerMachine::set_timer(Entry& entry) {
  SteadyTime next = SteadyTime::max();
  if (entry.check_at) next = std::min(next, *entry.check_at);
  if (entry.look_again) next = std::min(next, *entry.look_again);
  if (entry.expires) next = std::min(next, *entry.expires);
  if (!entry.removing)
    next = std::min(next, entry.first_seen + std::chrono::seconds(options_.limits.record_removed_after_s));
  if (next == entry.timer) return;
  if (entry.timer != SteadyTime::max()) timers_.erase({entry.timer, entry.file.name});
  entry.timer = next;
  if (next != SteadyTime::max()) timers_.insert({next, entry.file.name});
}

}  // namespace owndir::rendezvous
