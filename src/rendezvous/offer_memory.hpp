#pragma once
// The offers that a server has seen, by nonce and by id, against replay (docs/protocol.md, section 1, Validity).
// Bounded: the oldest are forgotten. No I/O; network thread.

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "rendezvous/record.hpp"

namespace owndir::rendezvous {

struct SeenOffer {
  std::string nonce, offer;  ///< of the record
  std::string name;          ///< of the file
  std::string digest;        ///< of its bytes
  SteadyTime first_seen;
  bool spent = false;  ///< connected, failed or gave way: never answered again
};

class OfferMemory {
 public:
  explicit OfferMemory(std::size_t limit) : limit_(limit) {}

  enum class Verdict { fresh, known, replay };
  struct Match {
    Verdict verdict;
    SeenOffer* seen;  ///< when known
  };
  /// Whether this nonce and this id were seen, and only under this name with these bytes.
  Match match(const Offer& offer, const std::string& name, const std::string& digest);

  /// Both nonce and id must be fresh; forgets the oldest beyond the limit.
  void add(SeenOffer seen);
  SeenOffer* find(const std::string& nonce);
  const std::list<SeenOffer>& all() const { return order_; }  ///< oldest first

 private:
  void forget_oldest();

  std::size_t limit_;
  std::list<SeenOffer> order_;
  std::unordered_map<std::string, std::list<SeenOffer>::iterator> by_nonce_, by_offer_;
};

}  // namespace owndir::rendezvous
