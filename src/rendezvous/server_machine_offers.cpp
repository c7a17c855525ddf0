// The part of the machine that answers offers: replay, order, the bounds on how many and how fast, and their end.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "rendezvous/server_machine.hpp"

namespace owndir::rendezvous {
namespace {

/// Offers that wait for their turn with their content in memory, as a multiple of those pending.
constexpr std::size_t kWaitingFactor = 4;

std::string from_device(const Offer& offer) {
  return "offer of \"" + printable(offer.name) + "\"";
}

}  // namespace

void ServerMachine::take_offer(Entry& entry, Offer offer, std::string digest) {
  if (offer.to && *offer.to != server_) {
    entry.phase = Entry::Phase::refused;
    return report(Report::Level::debug, entry.file.name + " is for another server");
  }
  const auto match = memory_.match(offer, entry.file.name, digest);
  if (match.verdict == OfferMemory::Verdict::replay)
    return refuse(entry, Error{Errc::replay, "its nonce or id was seen under another name or with other bytes"});
  if (match.verdict == OfferMemory::Verdict::known) {
    if (match.seen->first_seen < entry.first_seen) {
      ages_.erase(age_of(entry));
      entry.first_seen = match.seen->first_seen;
      ages_.insert(age_of(entry));
    }
    if (match.seen->spent) {
      entry.phase = Entry::Phase::done;
      return;
    }
  } else {
    memory_.add({offer.nonce, offer.offer, entry.file.name, digest, entry.first_seen});
    changed_state();
  }
  const auto valid = std::chrono::seconds(std::min<std::uint64_t>(offer.valid_s, options_.limits.offer_valid_max_s));
  const SteadyTime expires = entry.first_seen + valid;
  if (expires <= now_.steady)
    return refuse(entry,
                  Error{Errc::expired, from_device(offer) + ", valid for " + std::to_string(valid.count()) + " s"});
  entry.expires = expires;
  entry.offer = std::move(offer);
  entry.digest = std::move(digest);
  entry.phase = Entry::Phase::waiting;
  entry.wait_queued = order_of(entry, /*again=*/false);
  waiting_.insert(*entry.wait_queued);
  if (waiting_.size() > kWaitingFactor * std::max<std::uint64_t>(1, options_.limits.pending_total))
    give_way(*find(std::string(waiting_.rbegin()->name)));
}

/// An accepted offer's file changed. What was accepted stays; other bytes are somebody's mistake or worse.
void ServerMachine::compare_again(Entry& entry, const Examined& examined) {
  if (!examined.record || entry.digest.empty() || examined.digest == entry.digest) return;
  if (reports_.pass(now_.steady))
    report(Report::Level::warn, entry.file.name + " changed after it was seen; the change is refused as a replay");
}

const ServerMachine::Pending* ServerMachine::oldest_pending(const std::string* client) const {
  const Pending* oldest = nullptr;
  for (const auto& [key, pending] : pending_)
    if ((client == nullptr || pending.client == *client) && (oldest == nullptr || oldest->order < pending.order))
      oldest = &pending;
  return oldest;
}

void ServerMachine::start_answers() {
  while (!waiting_.empty()) {
    Entry& entry = *find(waiting_.begin()->name);
    const Order order = *entry.wait_queued;
    const std::string& client = entry.name.client;
    const auto of_client =
        std::ranges::count_if(pending_, [&](const auto& item) { return item.second.client == client; });
    const bool client_full = static_cast<std::uint64_t>(of_client) >= options_.limits.pending_per_client;
    const bool full = pending_.size() >= options_.limits.pending_total;
    const Pending* oldest = client_full ? oldest_pending(&client) : full ? oldest_pending(nullptr) : nullptr;
    // Order is newest first: what is not before the oldest is the oldest itself.
    if ((client_full || full) && (oldest == nullptr || !(order < oldest->order))) {
      give_way(entry);
      continue;
    }
    if (!answers_.take(now_.steady)) return;
    if (oldest != nullptr) give_way(*find(std::string(oldest->file)));
    start_answer(entry);
  }
}

void ServerMachine::start_answer(Entry& entry) {
  waiting_.erase(*entry.wait_queued);
  Pending pending;
  pending.file = entry.file.name;
  pending.client = entry.name.client;
  pending.order = *entry.wait_queued;
  pending.n = next_n();
  pending.generation = state_generation_;
  need_saved(pending.generation);
  const std::uint64_t key = options_.next_key();
  entry.key = key;
  entry.phase = Entry::Phase::answering;
  entry.wait_queued.reset();
  pending_.emplace(key, std::move(pending));
  report(Report::Level::info, entry.file.name + ": " + from_device(*entry.offer) + ", answering");
  out_.push_back(MakeAnswer{key, *entry.offer});
}

void ServerMachine::on(AnswerMade&& event) {
  const auto found = pending_.find(event.key);
  if (found == pending_.end()) return;
  Entry& entry = *find(found->second.file);
  if (!event.sdp) {
    end_offer(entry, /*abandon=*/false, /*spent=*/true);
    return refuse(entry, event.sdp.error());
  }
  write_answer(entry, found->second, *event.sdp);
}

void ServerMachine::write_answer(Entry& entry, Pending& pending, const std::string& sdp) {
  Answer answer;
  answer.client = entry.offer->client;
  answer.offer = entry.offer->offer;
  answer.server = server_;
  answer.n = pending.n;
  answer.nonce = options_.random->hex(8);
  answer.created_ms = std::max<std::int64_t>(0, to_unix_ms(now_.wall));
  const auto left = std::chrono::ceil<std::chrono::seconds>(*entry.expires - now_.steady).count();
  answer.valid_s = static_cast<std::uint32_t>(std::max<std::int64_t>(1, left));
  answer.name = options_.name;
  answer.offer_digest = entry.digest;
  answer.sdp = sdp;
  OwnRecord record;
  record.bytes = serialize(answer);
  if (record.bytes.size() > options_.limits.record_bytes) {
    end_offer(entry, /*abandon=*/true, /*spent=*/true);
    return refuse(entry, Error{Errc::too_large, "its answer has too many candidates; use fewer network interfaces"});
  }
  record.key = entry.key;
  record.generation = pending.generation;
  pending.answer = name_of(answer);
  own_.insert_or_assign(pending.answer, std::move(record));
}

void ServerMachine::on(Connected&& event) {
  const auto found = pending_.find(event.key);
  if (found == pending_.end()) return;
  Entry& entry = *find(found->second.file);
  report(Report::Level::info, entry.file.name + ": its device is connected");
  end_offer(entry, /*abandon=*/false, /*spent=*/true);
}

void ServerMachine::on(Failed&& event) {
  const auto found = pending_.find(event.key);
  if (found == pending_.end()) return;
  Entry& entry = *find(found->second.file);
  report(Report::Level::info, entry.file.name + ": its device could not be reached");
  end_offer(entry, /*abandon=*/false, /*spent=*/true);
}

void ServerMachine::give_way(Entry& entry) {
  if (reports_.pass(now_.steady))
    report(Report::Level::warn, entry.file.name + " gives way to newer offers: too many at once");
  end_offer(entry, /*abandon=*/true, /*spent=*/true);
}

/// Frees what the offer holds; the entry is `done`.
void ServerMachine::end_offer(Entry& entry, bool abandon, bool spent) {
  if (spent) mark_spent(entry);
  if (entry.wait_queued) waiting_.erase(*entry.wait_queued);
  entry.wait_queued.reset();
  if (entry.key) {
    if (abandon) out_.push_back(Abandon{*entry.key});
    const auto pending = pending_.find(*entry.key);
    const std::string answer = pending->second.answer;
    pending_.erase(pending);
    if (!answer.empty()) discard(answer);
  }
  entry.key.reset();
  entry.offer.reset();
  entry.expires.reset();
  entry.phase = Entry::Phase::done;
  set_timer(entry);
}

void ServerMachine::mark_spent(Entry& entry) {
  if (!entry.offer) return;
  if (SeenOffer* seen = memory_.find(entry.offer->nonce)) seen->spent = true;
  changed_state();
}

}  // namespace owndir::rendezvous
