#include "rendezvous/server_state.hpp"

#include <nlohmann/json.hpp>

#include "rendezvous/record.hpp"

namespace owndir::rendezvous {
namespace {

using nlohmann::json;
constexpr int kStateVersion = 1;
/// Times are within this, so that differences of two never overflow.
constexpr std::int64_t kMaxMilliseconds = 9'007'199'254'740'991;
/// Leaves room below the 15 digits of a counter.
constexpr std::uint64_t kMaxLastN = 900'000'000'000'000;

bool is_time(std::int64_t milliseconds) {
  return milliseconds >= -kMaxMilliseconds && milliseconds <= kMaxMilliseconds;
}

template <class T>
bool take(const json& object, const char* key, T& out) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string()) return false;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!found->is_boolean()) return false;
  } else {
    if (!found->is_number_integer()) return false;
  }
  out = found->get<T>();
  return true;
}

bool take_offer(const json& value, ServerState::KnownOffer& offer) {
  return value.is_object() && take(value, "nonce", offer.nonce) && take(value, "offer", offer.offer) &&
         take(value, "name", offer.name) && take(value, "digest", offer.digest) &&
         take(value, "seen", offer.first_seen_ms) && take(value, "spent", offer.spent) && is_id(offer.nonce) &&
         is_id(offer.offer) && is_time(offer.first_seen_ms) && parse_name(offer.name);
}

}  // namespace

std::string serialize(const ServerState& state) {
  nlohmann::ordered_json out;
  out["v"] = kStateVersion;
  out["server"] = state.server;
  out["n"] = state.last_n;
  out["saved"] = state.saved_ms;
  auto& seen = out["first_seen"] = nlohmann::ordered_json::array();
  for (const auto& [name, time] : state.first_seen) seen.push_back({name, time});
  auto& offers = out["offers"] = nlohmann::ordered_json::array();
  for (const auto& offer : state.offers)
    offers.push_back({{"nonce", offer.nonce},
                      {"offer", offer.offer},
                      {"name", offer.name},
                      {"digest", offer.digest},
                      {"seen", offer.first_seen_ms},
                      {"spent", offer.spent}});
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<ServerState> parse_server_state(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  int version = 0;
  if (!object.is_object() || !take(object, "v", version)) return fail(Errc::malformed, "not a state file");
  if (version != kStateVersion) return fail(Errc::unsupported, "version " + std::to_string(version));
  ServerState state;
  if (!take(object, "server", state.server) || !is_id(state.server) || !take(object, "n", state.last_n) ||
      state.last_n > kMaxLastN || !take(object, "saved", state.saved_ms) || !is_time(state.saved_ms))
    return fail(Errc::malformed, "server id or counter");
  const auto seen = object.find("first_seen"), offers = object.find("offers");
  if (seen == object.end() || !seen->is_array() || offers == object.end() || !offers->is_array())
    return fail(Errc::malformed, "lists");
  for (const json& pair : *seen) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_integer() ||
        !is_time(pair[1].get<std::int64_t>()))
      return fail(Errc::malformed, "first-seen time");
    state.first_seen.emplace_back(pair[0].get<std::string>(), pair[1].get<std::int64_t>());
  }
  for (const json& value : *offers) {
    ServerState::KnownOffer offer;
    if (!take_offer(value, offer)) return fail(Errc::malformed, "offer");
    state.offers.push_back(std::move(offer));
  }
  return state;
}

}  // namespace owndir::rendezvous
