#include "fsnode/wire.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/percent.hpp"
#include "base/utf8.hpp"

namespace owndir::fsnode {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxId = 0x7fffffff;
constexpr std::uint64_t kMaxInteger = (std::uint64_t{1} << 53) - 1;
constexpr Limits kLimits;

struct OpName {
  std::string_view name;
  Op op;
};
constexpr auto kOps = std::to_array<OpName>({{"info", Op::info},
                                             {"children", Op::children},
                                             {"read", Op::read},
                                             {"write", Op::write},
                                             {"upload", Op::upload},
                                             {"move", Op::move},
                                             {"delete", Op::remove},
                                             {"makeDir", Op::make_directory},
                                             {"touch", Op::touch},
                                             {"sub", Op::sub}});

struct EventName {
  std::string_view name;
  unsigned bits;
};
constexpr auto kEvents = std::to_array<EventName>({{"add", event::kAdd},
                                                   {"addDir", event::kAddDir},
                                                   {"change", event::kChange},
                                                   {"unlink", event::kUnlink},
                                                   {"unlinkDir", event::kUnlinkDir},
                                                   {"all", event::kAll},
                                                   {"raw", event::kRaw},
                                                   {"error", event::kError},
                                                   {"ready", event::kReady}});

struct FlagName {
  std::string_view name;
  WriteFlags flags;
};
constexpr auto kFlags = std::to_array<FlagName>({{"w", {}},
                                                 {"w+", {}},
                                                 {"wx", {.exclusive = true}},
                                                 {"wx+", {.exclusive = true}},
                                                 {"a", {.append = true}},
                                                 {"a+", {.append = true}},
                                                 {"ax", {.exclusive = true, .append = true}},
                                                 {"ax+", {.exclusive = true, .append = true}},
                                                 {"r+", {.must_exist = true}}});

/// Reads the members of one call; the first that is wrong decides.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  const std::optional<Error>& error() const { return error_; }
  void refuse(Error error) {
    if (!error_) error_ = std::move(error);
  }
  void refuse(std::string text) { refuse(Error{make_error_code(Errc::malformed), std::move(text)}); }

  std::optional<std::uint64_t> integer(const char* name, std::uint64_t limit) {
    const Json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > limit) {
      refuse(std::string(name) + " is not a whole number from 0 to " + std::to_string(limit));
      return std::nullopt;
    }
    return value->get<std::uint64_t>();
  }
  bool boolean(const char* name, bool otherwise) {
    const Json* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) {
      refuse(std::string(name) + " is neither true nor false");
      return otherwise;
    }
    return value->get<bool>();
  }
  std::string text(const char* name, std::string_view otherwise) {
    const Json* value = find(name);
    if (value == nullptr) return std::string(otherwise);
    if (!value->is_string()) {
      refuse(std::string(name) + " is not a string");
      return std::string(otherwise);
    }
    return value->get<std::string>();
  }
  RootedPath path(const char* name) {
    if (find(name) == nullptr) {
      refuse(std::string("there is no ") + name);
      return {};
    }
    return take(decode_path(text(name, "")));
  }
  const Json* list(const char* name, std::size_t limit) {
    const Json* value = find(name);
    if (value == nullptr) return nullptr;
    const bool good = value->is_array() && value->size() <= limit &&
                      std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); });
    if (!good) refuse(std::string(name) + " is not a list of at most " + std::to_string(limit) + " strings");
    return good ? value : nullptr;
  }
  RootedPath take(Result<RootedPath> path) {
    if (path) return std::move(*path);
    refuse(path.error());
    return {};
  }

 private:
  /// Null counts as absent.
  const Json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const Json& object_;
  std::optional<Error> error_;
};

void read_range(Members& members, Call& call) {
  call.start = members.integer("start", kMaxInteger).value_or(0);
  call.end = members.integer("end", kMaxInteger);
  call.credit = members.integer("credit", kLimits.read_window_max).value_or(kLimits.read_window);
  if (call.end && *call.end < call.start) members.refuse("the range ends before it starts");
}

void read_write(Members& members, Call& call) {
  const std::string flags = members.text("flags", "w+");
  const auto* found =
      std::find_if(kFlags.begin(), kFlags.end(), [&](const FlagName& flag) { return flag.name == flags; });
  if (found == kFlags.end()) return members.refuse("flags are none of w, w+, wx, wx+, a, a+, ax, ax+, r+");
  call.flags = found->flags;
  call.start = members.integer("start", kMaxInteger).value_or(0);
  if (const auto mode = members.integer("mode", 0777)) call.mode = static_cast<std::uint32_t>(*mode);
  call.size = members.integer("size", kMaxInteger);
  call.overwrite = members.boolean("overwrite", true);
  if (call.flags.append && call.start != 0) members.refuse("what is appended has no start");
  if (!call.overwrite) call.flags.exclusive = true;
}

void read_upload(Members& members, Call& call) {
  call.upload = members.text("upload", "");
  call.size = members.integer("size", kMaxInteger);
  call.overwrite = members.boolean("overwrite", true);
  const bool good = call.upload.size() >= 16 && call.upload.size() <= 64 &&
                    std::all_of(call.upload.begin(), call.upload.end(),
                                [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  if (!good) members.refuse("upload is not 16 to 64 characters a-z and 0-9");
  if (!call.size) members.refuse("there is no size");
}

void read_sub(Members& members, Call& call) {
  if (const Json* paths = members.list("paths", kLimits.sub_paths)) {
    for (const Json& item : *paths) {
      const RootedPath below = members.take(decode_path(item.get_ref<const std::string&>()));
      auto whole = RootedPath::parse(call.path.str() + "/" + below.str());
      if (!whole) return members.refuse("one of paths is too long");
      call.paths.push_back(std::move(*whole));
    }
  } else {
    call.paths.push_back(call.path);
  }
  call.events = 0;
  const Json* events = members.list("events", kEvents.size());
  if (events == nullptr) call.events = event::kAll;
  for (const Json& item : events == nullptr ? Json::array() : *events) {
    const auto& name = item.get_ref<const std::string&>();
    const auto* found =
        std::find_if(kEvents.begin(), kEvents.end(), [&](const EventName& one) { return one.name == name; });
    if (found == kEvents.end()) return members.refuse("events names what is no event");
    call.events |= found->bits;
  }
  call.ignore_initial = members.boolean("ignoreInitial", false);
  if (const auto depth = members.integer("depth", kLimits.path)) call.depth = static_cast<std::uint32_t>(*depth);
}

ClientMessage read_call(std::uint32_t id, const Json& object) {
  Members members(object);
  Call call;
  call.id = id;
  const std::string name = members.text("op", "");
  const auto* found = std::find_if(kOps.begin(), kOps.end(), [&](const OpName& one) { return one.name == name; });
  if (found == kOps.end()) {
    members.refuse("there is no such op");
    return Nonsense{id, true, *members.error()};
  }
  call.op = found->op;
  call.path = members.path("path");
  if (!members.error()) {
    switch (call.op) {
      case Op::children: call.info = members.boolean("info", false); break;
      case Op::read: read_range(members, call); break;
      case Op::write: read_write(members, call); break;
      case Op::upload: read_upload(members, call); break;
      case Op::move:
        call.to = members.path("to");
        call.overwrite = members.boolean("overwrite", false);
        break;
      case Op::sub: read_sub(members, call); break;
      case Op::info:
      case Op::remove:
      case Op::make_directory:
      case Op::touch: break;
    }
  }
  if (members.error()) return Nonsense{id, true, *members.error()};
  return call;
}

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

ClientMessage read_rest(std::uint32_t id, const Json& object) {
  Members members(object);
  if (object.contains("cancel") && members.boolean("cancel", false)) return Cancel{id};
  if (object.contains("end") && members.boolean("end", false)) {
    End end{id, members.text("sha256", "")};
    if (!end.sha256.empty() && !is_digest(end.sha256)) members.refuse("sha256 is not 64 digits 0-9 and a-f");
    if (!members.error()) return end;
  } else if (const auto credit = members.integer("credit", kLimits.read_window_max)) {
    if (*credit > 0) return Credit{id, *credit};
    members.refuse("credit of nothing");
  }
  members.refuse("the message says nothing: it has none of op, credit, end, cancel");
  return Nonsense{id, false, *members.error()};
}

}  // namespace

std::string encode_path(const RootedPath& path) {
  std::string wire;
  for (const std::string& segment : path.segments()) {
    if (!wire.empty()) wire += '/';
    wire += percent_encode(segment);
  }
  return wire;
}

Result<RootedPath> decode_path(std::string_view wire) {
  const auto malformed = [](const char* what) { return fail(Errc::malformed, std::string("the path ") + what); };
  if (wire.empty()) return RootedPath();
  std::string whole;
  for (std::size_t at = 0; at <= wire.size();) {
    const std::size_t slash = std::min(wire.find('/', at), wire.size());
    const std::string_view segment = wire.substr(at, slash - at);
    at = slash + 1;
    const auto name = percent_decode(segment);
    if (!name || percent_encode(*name) != segment) return malformed("is not percent-encoded as it must be");
    if (name->empty()) return malformed("has an empty name");
    if (*name == ".") return malformed("has a name '.'");
    if (*name == "..") return fail(Errc::forbidden, "Out of Bounds");
    if (name->find('/') != name->npos) return malformed("has an encoded '/'");
    if (!whole.empty()) whole += '/';
    whole += *name;
  }
  auto path = RootedPath::parse(whole);
  if (!path) return malformed("is too long, or has a NUL");
  return path;
}

Result<ClientMessage> parse_text(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(Errc::malformed, "a text message is one JSON object");
  const auto id = object.find("id");
  if (id == object.end() || !id->is_number_unsigned() || *id < 1 || *id > kMaxId)
    return fail(Errc::malformed, "a message has an id from 1 to 2147483647");
  const auto number = id->get<std::uint32_t>();
  return object.contains("op") ? read_call(number, object) : read_rest(number, object);
}

Result<ClientData> parse_binary(ByteView message) {
  if (message.size() < 5) return fail(Errc::malformed, "a binary message has an id and data");
  std::uint32_t id = 0;
  for (const std::byte byte : message.first(4)) id = (id << 8) | std::to_integer<std::uint32_t>(byte);
  return ClientData{id, message.subspan(4)};
}

std::string message(std::uint32_t id, std::string_view key, std::string_view value) {
  std::string text = R"({"id":)" + std::to_string(id) + ",\"";
  return text.append(key).append("\":").append(value).append("}");
}

std::string hello_message(std::string_view name, std::string_view root, bool writable) {
  nlohmann::ordered_json hello;
  hello["hello"] = kVersion;
  hello["name"] = to_utf8(name);
  hello["root"] = to_utf8(root);
  hello["writable"] = writable;
  return hello.dump();
}

std::string quoted(const RootedPath& path) {
  return "\"" + encode_path(path) + "\"";
}

std::string part_message(std::uint32_t id, const std::vector<Entry>& entries) {
  std::string list = "[";
  for (const Entry& entry : entries) {
    list.append(list.size() > 1 ? ",[\"" : "[\"").append(percent_encode(entry.name)).append("\",");
    append_json(list, entry.info);
    list += ']';
  }
  list += ']';
  return message(id, "part", list);
}

void put_id(std::span<std::byte> message, std::uint32_t id) {
  for (std::size_t i = 0; i < 4; ++i) message[i] = static_cast<std::byte>(id >> (24 - 8 * i));
}

}  // namespace owndir::fsnode
