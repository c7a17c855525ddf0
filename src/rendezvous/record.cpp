#include "rendezvous/record.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/utf8.hpp"

namespace owndir::rendezvous {
namespace {

using nlohmann::json;

constexpr std::size_t kIdChars = 16;
constexpr std::size_t kDigestChars = 64;
constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxCounterDigits = 15;
/// Largest integer that both languages hold exactly (Number.MAX_SAFE_INTEGER).
constexpr std::uint64_t kMaxInteger = 9007199254740991;

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// Nesting bounded, and no NUL, which the JSON parser would take for the end of its input.
bool is_shallow(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') return false;
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return false;
    } else if (c == ']' || c == '}') {
      if (depth-- == 0) return false;
    }
  }
  return true;
}

/// One character of a display name: C0, DEL and C1 are controls.
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

/// Takes members out of a record; the first that is missing or wrong is kept as the problem.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  const json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  std::string text(const char* key) {
    const json* value = find(key);
    if (value == nullptr || !value->is_string()) return wrong(key, "is not a string"), std::string();
    return value->get_ref<const std::string&>();
  }
  std::string hex(const char* key, std::size_t size) {
    std::string value = text(key);
    if (!is_hex(value, size)) wrong(key, "is not " + std::to_string(size) + " lower-case hexadecimal digits");
    return value;
  }
  std::string id(const char* key) { return hex(key, kIdChars); }
  std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most) {
    const json* value = find(key);
    std::uint64_t number = 0;
    bool integral = false;
    if (value != nullptr && value->is_number_unsigned()) {
      number = value->get<std::uint64_t>();
      integral = true;
    } else if (value != nullptr && value->is_number_float()) {
      // 1.0 and 1e3 are integers to JavaScript.
      const double real = value->get<double>();
      integral = real >= 0 && real <= static_cast<double>(kMaxInteger) && std::floor(real) == real;
      if (integral) number = static_cast<std::uint64_t>(real);
    }
    if (!integral || number < least || number > most) wrong(key, "is not an integer in its range");
    return number;
  }
  std::string display(const char* key, const Limits& limits) {
    std::string value = text(key);
    if (value != display_name(value, limits)) wrong(key, "is too long or has control characters");
    return value;
  }
  std::string sdp() {
    std::string value = text("sdp");
    if (value.empty()) wrong("sdp", "is empty");
    return value;
  }
  std::vector<std::string> ice_servers() {
    const json* value = find("ice_servers");
    if (value == nullptr || !value->is_array() || value->size() > kIceServers)
      return wrong("ice_servers", "is not a short list"), std::vector<std::string>();
    std::vector<std::string> urls;
    for (const json& item : *value) {
      if (!item.is_string()) return wrong("ice_servers", "holds something else than strings"), urls;
      urls.push_back(item.get_ref<const std::string&>());
      const bool visible = std::ranges::all_of(urls.back(), [](char c) { return c > ' ' && c < 0x7f; });
      if (urls.back().empty() || urls.back().size() > kIceServerBytes || !visible)
        wrong("ice_servers", "holds something that is no URL");
    }
    return urls;
  }
  void wrong(const char* key, const std::string& how) {
    if (problem_.empty()) problem_ = "member \"" + std::string(key) + "\" " + how;
  }
  const std::string& problem() const { return problem_; }

 private:
  const json& object_;
  std::string problem_;
};

constexpr std::uint64_t kMaxSeconds = std::numeric_limits<std::uint32_t>::max();

Offer read_offer(Members& members, const Limits& limits) {
  Offer offer;
  offer.client = members.id("client");
  offer.offer = members.id("offer");
  offer.nonce = members.id("nonce");
  offer.created_ms = static_cast<std::int64_t>(members.number("created", 0, kMaxInteger));
  offer.valid_s = static_cast<std::uint32_t>(members.number("valid_s", 1, kMaxSeconds));
  offer.name = members.display("name", limits);
  if (members.find("to") != nullptr) offer.to = members.id("to");
  offer.sdp = members.sdp();
  return offer;
}

Answer read_answer(Members& members, const RecordName& name, const Limits& limits) {
  Answer answer;
  answer.client = members.id("client");
  answer.offer = members.id("offer");
  answer.server = members.id("server");
  answer.nonce = members.id("nonce");
  answer.n = name.n;
  answer.created_ms = static_cast<std::int64_t>(members.number("created", 0, kMaxInteger));
  answer.valid_s = static_cast<std::uint32_t>(members.number("valid_s", 1, kMaxSeconds));
  answer.name = members.display("name", limits);
  answer.offer_digest = members.hex("offer_digest", kDigestChars);
  answer.sdp = members.sdp();
  return answer;
}

Presence read_presence(Members& members, const RecordName& name, const Limits& limits) {
  Presence presence;
  presence.server = members.id("server");
  presence.n = name.n;
  presence.name = members.display("name", limits);
  const std::string state = members.text("state");
  if (state != "up" && state != "down") members.wrong("state", "is neither up nor down");
  presence.up = state == "up";
  presence.created_ms = static_cast<std::int64_t>(members.number("created", 0, kMaxInteger));
  presence.every_s = static_cast<std::uint32_t>(members.number("every_s", 1, kMaxSeconds));
  presence.ice_servers = members.ice_servers();
  return presence;
}

const char* type_of(RecordName::Kind kind) {
  switch (kind) {
    case RecordName::Kind::offer: return "offer";
    case RecordName::Kind::answer: return "answer";
    case RecordName::Kind::presence: return "presence";
  }
  return "";
}

bool has_ids_of(const Offer& offer, const RecordName& name) {
  return offer.client == name.client && offer.offer == name.offer;
}
bool has_ids_of(const Answer& answer, const RecordName& name) {
  return answer.client == name.client && answer.offer == name.offer && answer.server == name.server;
}
bool has_ids_of(const Presence& presence, const RecordName& name) {
  return presence.server == name.server;
}

/// Takes a fixed text, an id or a counter from the front of what is left of a name.
struct NameCursor {
  std::string_view rest;
  bool ok = true;

  void literal(std::string_view text) {
    ok = ok && rest.starts_with(text);
    if (ok) rest.remove_prefix(text.size());
  }
  std::string id() {
    const std::string_view text = rest.substr(0, kIdChars);
    ok = ok && is_id(text);
    if (!ok) return {};
    rest.remove_prefix(kIdChars);
    return std::string(text);
  }
  std::uint64_t counter() {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    while (ok && digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
      if (digits == kMaxCounterDigits || rest[0] == '0') ok = false;
      value = value * 10 + static_cast<std::uint64_t>(rest[digits++] - '0');
    }
    ok = ok && digits > 0;
    if (ok) rest.remove_prefix(digits);
    return value;
  }
};

}  // namespace

bool is_id(std::string_view text) {
  return is_hex(text, kIdChars);
}

std::optional<RecordName> parse_name(std::string_view name) {
  RecordName parsed{};
  NameCursor cursor{name};
  if (name.starts_with("offer-")) {
    parsed.kind = RecordName::Kind::offer;
    cursor.literal("offer-");
    parsed.client = cursor.id();
    cursor.literal("-");
    parsed.offer = cursor.id();
  } else if (name.starts_with("answer-")) {
    parsed.kind = RecordName::Kind::answer;
    cursor.literal("answer-");
    parsed.client = cursor.id();
    cursor.literal("-");
    parsed.offer = cursor.id();
    cursor.literal("-");
    parsed.server = cursor.id();
    cursor.literal("-");
    parsed.n = cursor.counter();
  } else {
    parsed.kind = RecordName::Kind::presence;
    cursor.literal("server-");
    parsed.server = cursor.id();
    cursor.literal("-");
    parsed.n = cursor.counter();
  }
  cursor.literal(".json");
  if (!cursor.ok || !cursor.rest.empty()) return std::nullopt;
  return parsed;
}

std::string name_of(const Offer& offer) {
  return "offer-" + offer.client + "-" + offer.offer + ".json";
}
std::string name_of(const Answer& answer) {
  return "answer-" + answer.client + "-" + answer.offer + "-" + answer.server + "-" + std::to_string(answer.n) +
         ".json";
}
std::string name_of(const Presence& presence) {
  return "server-" + presence.server + "-" + std::to_string(presence.n) + ".json";
}

Result<Record> parse_record(const RecordName& name, std::string_view bytes, const Limits& limits) {
  if (bytes.size() > limits.record_bytes)
    return fail(Errc::too_large, "more than " + std::to_string(limits.record_bytes) + " bytes");
  if (!is_shallow(bytes)) return fail(Errc::malformed, "not a record");
  const json object = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return fail(Errc::malformed, bytes.empty() ? "empty" : "not a JSON object");
  Members members(object);
  const std::uint64_t version = members.number("v", 1, kMaxInteger);
  if (!members.problem().empty()) return fail(Errc::malformed, members.problem());
  if (version > kVersion)
    return fail(Errc::unsupported, "version " + std::to_string(version) + "; a newer owndir wrote it, update this one");
  if (members.text("type") != type_of(name.kind)) members.wrong("type", "is not what the name says");

  const auto checked = [&](auto record) -> Result<Record> {
    if (!members.problem().empty()) return fail(Errc::malformed, members.problem());
    if (!has_ids_of(record, name)) return fail(Errc::foreign, "its ids are not those of its name");
    return Record(std::move(record));
  };
  switch (name.kind) {
    case RecordName::Kind::offer: return checked(read_offer(members, limits));
    case RecordName::Kind::answer: return checked(read_answer(members, name, limits));
    case RecordName::Kind::presence: return checked(read_presence(members, name, limits));
  }
  return fail(Errc::internal, "record kind");
}

std::string serialize(const Record& record) {
  nlohmann::ordered_json out;
  out["v"] = kVersion;
  if (const auto* offer = std::get_if<Offer>(&record)) {
    out["type"] = "offer";
    out["client"] = offer->client;
    out["offer"] = offer->offer;
    out["nonce"] = offer->nonce;
    out["created"] = offer->created_ms;
    out["valid_s"] = offer->valid_s;
    out["name"] = offer->name;
    if (offer->to) out["to"] = *offer->to;
    out["sdp"] = offer->sdp;
  } else if (const auto* answer = std::get_if<Answer>(&record)) {
    out["type"] = "answer";
    out["client"] = answer->client;
    out["offer"] = answer->offer;
    out["server"] = answer->server;
    out["nonce"] = answer->nonce;
    out["created"] = answer->created_ms;
    out["valid_s"] = answer->valid_s;
    out["name"] = answer->name;
    out["offer_digest"] = answer->offer_digest;
    out["sdp"] = answer->sdp;
  } else if (const auto* presence = std::get_if<Presence>(&record)) {
    out["type"] = "presence";
    out["server"] = presence->server;
    out["name"] = presence->name;
    out["state"] = presence->up ? "up" : "down";
    out["created"] = presence->created_ms;
    out["every_s"] = presence->every_s;
    out["ice_servers"] = presence->ice_servers;
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string digest(std::string_view bytes) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash);
  return to_hex(std::as_bytes(std::span(hash)));
}

std::string display_name(std::string_view text, const Limits& limits) {
  std::string name;
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size > 0 && name.size() + size > limits.name_chars) break;
    if (size > 0 && !is_control(text.substr(0, size))) name += text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return name;
}

}  // namespace owndir::rendezvous
