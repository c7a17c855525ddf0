#include "rendezvous/offer_memory.hpp"

namespace owndir::rendezvous {

OfferMemory::Match OfferMemory::match(const Offer& offer, const std::string& name, const std::string& digest) {
  const auto nonce = by_nonce_.find(offer.nonce);
  const auto id = by_offer_.find(offer.offer);
  if (nonce == by_nonce_.end() && id == by_offer_.end()) return {Verdict::fresh, nullptr};
  if (nonce == by_nonce_.end() || id == by_offer_.end() || nonce->second != id->second)
    return {Verdict::replay, nullptr};
  SeenOffer& seen = *nonce->second;
  if (seen.name != name || seen.digest != digest) return {Verdict::replay, nullptr};
  return {Verdict::known, &seen};
}

void OfferMemory::add(SeenOffer seen) {
  if (limit_ == 0 || by_nonce_.contains(seen.nonce) || by_offer_.contains(seen.offer)) return;
  while (order_.size() >= limit_) forget_oldest();
  const auto added = order_.insert(order_.end(), std::move(seen));
  by_nonce_.emplace(added->nonce, added);
  by_offer_.emplace(added->offer, added);
}

SeenOffer* OfferMemory::find(const std::string& nonce) {
  const auto found = by_nonce_.find(nonce);
  return found == by_nonce_.end() ? nullptr : &*found->second;
}

void OfferMemory::forget_oldest() {
  by_nonce_.erase(order_.front().nonce);
  by_offer_.erase(order_.front().offer);
  order_.pop_front();
}

}  // namespace owndir::rendezvous
