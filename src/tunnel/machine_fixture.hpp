#pragma once
// Test support: a Machine driven by steps in words, its actions in words.
//   opened K | got K FRAME | after MS | alive MS (in steps, with a pong each) | lost | go away
//   open [METHOD] [length=N] [end] | respond ID STATUS [end] | write ID SIZE [last] | sendable ID
//   socket | accept ID | say ID SIZE [text] [last] | wait ID | close ID [CODE] | taken ID SIZE
//   consume ID N | discard ID | reset ID CODE
// FRAME: hello [MIN-MAX] | ping | pong | goaway CODE LAST | request ID [METHOD] [length=N] [end] |
//   response ID STATUS [length=N] [end] | data ID SIZE [end] | credit ID N | reset ID CODE | raw HEX…
//   socket_open ID | socket_accept ID | socket_message ID SIZE [text] [end] | socket_control ID SIZE [pong]
//   socket_close ID [CODE]

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tunnel/machine.hpp"

namespace owndir::tunnel::testing {

using Lines = std::vector<std::string>;

inline const std::map<std::string, Code>& codes() {
  static const std::map<std::string, Code> all = {
      {"no_error", Code::no_error},       {"cancelled", Code::cancelled}, {"refused", Code::refused},
      {"protocol", Code::protocol},       {"flow", Code::flow},           {"too_large", Code::too_large},
      {"upstream", Code::upstream},       {"internal", Code::internal},   {"timeout", Code::timeout},
      {"unsupported", Code::unsupported}, {"too_fast", Code::too_fast}};
  return all;
}
inline std::string name_of(Code code) {
  for (const auto& [name, value] : codes())
    if (value == code) return name;
  return std::to_string(static_cast<int>(code));
}

class Bench {
 public:
  explicit Bench(Role role, const Limits& limits = {}, std::size_t max_message = 256 * 1024)
      : limits_(limits), max_message_(max_message), machine_(role, limits, 64 * 1024, now_) {}

  Machine& machine() { return machine_; }
  SteadyTime now() const { return now_; }

  Lines step(const std::string& words) {
    lines_.clear();
    std::istringstream in(words);
    std::string verb;
    in >> verb;
    act(verb, in);
    collect();
    return lines_;
  }
  Lines got(std::size_t channel, const Frame& frame) {
    lines_.clear();
    machine_.received(channel, encode_simple(frame, wide()), now_);
    collect();
    return lines_;
  }

 private:
  static Limits wide() {
    Limits limits;
    limits.max_head = limits.reset_text = 1 << 20;
    limits.fields = 1000;
    limits.method = 255;
    limits.field_value = 65535;
    limits.target = 65535;
    return limits;
  }

  void act(const std::string& verb, std::istringstream& in) {
    if (verb == "opened") return machine_.channel_opened(number(in), max_message_, now_);
    if (verb == "got") return receive(in);
    if (verb == "after") return pass(number(in));
    if (verb == "alive") return stay_alive(number(in));
    if (verb == "lost") return machine_.channel_closed(Error{make_error_code(Errc::closed), "channel"});
    if (verb == "go") return machine_.go_away();
    if (verb == "open") return open(in);
    if (verb == "socket") return told(machine_.open_socket({"GET", "/", {}}));
    const auto id = static_cast<ExchangeId>(number(in));
    if (verb == "respond") return respond(id, in);
    if (verb == "write") return write(id, in);
    if (verb == "accept") return told(machine_.accept_socket(id, {101, "", {}}));
    if (verb == "say") return say(id, in);
    if (verb == "wait") return machine_.wait_for_credit(id);
    if (verb == "close") return machine_.close_socket(id, socket_close(in));
    if (verb == "taken") return machine_.consumed_piece(id, number(in));
    if (verb == "sendable") {
      const auto sendable = machine_.sendable(id);
      lines_.push_back("sendable " + (sendable ? std::to_string(*sendable) : "none"));
    } else if (verb == "consume") {
      machine_.consumed(id, number(in));
    } else if (verb == "discard") {
      machine_.discard(id);
    } else if (verb == "reset") {
      std::string code;
      in >> code;
      machine_.reset(id, codes().at(code), "");
    } else {
      ADD_FAILURE() << "no such step: " << verb;
    }
  }

  void pass(std::uint64_t ms) {
    now_ += std::chrono::milliseconds(static_cast<std::int64_t>(ms));
    machine_.tick(now_);
  }
  /// Time passes while the other end is heard; what that alone causes is left out.
  void stay_alive(std::uint64_t ms) {
    while (ms > 0) {
      const std::uint64_t piece = std::min<std::uint64_t>(ms, 5000);
      ms -= piece;
      machine_.received(0, encode_simple(Frame{{FrameType::pong, 0, 0}, Opaque{}}, limits_), now_);
      pass(piece);
    }
  }

  static std::uint64_t number(std::istringstream& in) {
    std::uint64_t value = 0;
    in >> value;
    return value;
  }

  struct Words {
    std::string method = "GET";
    exchange::Fields fields;
    bool end = false;
    bool text = false;
    bool pong = false;
  };
  static Words words(std::istringstream& in) {
    Words result;
    for (std::string word; in >> word;) {
      if (word == "end" || word == "last") {
        result.end = true;
      } else if (word == "text") {
        result.text = true;
      } else if (word == "pong") {
        result.pong = true;
      } else if (word.rfind("length=", 0) == 0) {
        result.fields.add("Content-Length", word.substr(7));
      } else {
        result.method = word;
      }
    }
    return result;
  }

  void open(std::istringstream& in) {
    const Words said = words(in);
    const auto id = machine_.open({said.method, "/", said.fields}, !said.end);
    if (!id) lines_.push_back("error " + id.error().code.message());
  }
  void respond(ExchangeId id, std::istringstream& in) {
    const auto status = static_cast<std::uint16_t>(number(in));
    const Words said = words(in);
    const auto done = machine_.respond(id, {status, "", said.fields}, !said.end);
    if (!done) lines_.push_back("error " + done.error().code.message());
  }
  template <class T>
  void told(const Result<T>& result) {
    if (!result) lines_.push_back("error " + result.error().code.message());
  }
  void say(ExchangeId id, std::istringstream& in) {
    const std::uint64_t size = number(in);
    const Words said = words(in);
    std::array<std::byte, kFrameHeader> header;
    const bool sent = machine_.send_piece(id, size, said.text, said.end, header);
    if (!sent) return lines_.push_back("not sent");
    const auto decoded = decode_header(header);
    EXPECT_TRUE(decoded && decoded->type == FrameType::socket_message && decoded->exchange == id);
    EXPECT_EQ(decoded->has(Flag::text), said.text);
    EXPECT_EQ(decoded->has(Flag::end), said.end);
    lines_.push_back("said " + std::to_string(id) + " " + std::to_string(size));
  }
  static SocketClose socket_close(std::istringstream& in) {
    SocketClose close;
    if (const std::uint64_t code = number(in)) close.code = static_cast<std::uint16_t>(code);
    return close;
  }
  void write(ExchangeId id, std::istringstream& in) {
    const std::uint64_t size = number(in);
    const bool last = words(in).end;
    std::array<std::byte, kFrameHeader> header;
    const bool sent = machine_.send_data(id, size, last, header);
    if (!sent) {
      lines_.push_back("not sent");
      return;
    }
    const auto decoded = decode_header(header);
    EXPECT_TRUE(decoded && decoded->type == FrameType::data && decoded->exchange == id);
    lines_.push_back("sent " + std::to_string(id) + " " + std::to_string(size) +
                     (decoded->has(Flag::end) ? " last" : ""));
  }

  void receive(std::istringstream& in) {
    const std::size_t channel = number(in);
    std::string type;
    in >> type;
    if (type == "raw") {
      std::string hex;
      for (std::string part; in >> part;) hex += part;
      Bytes bytes;
      for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      machine_.received(channel, std::move(bytes), now_);
      return;
    }
    machine_.received(channel, encode_simple(frame(type, in), wide()), now_);
  }

  Frame frame(const std::string& type, std::istringstream& in) {
    const auto end_flag = [](bool end) { return end ? static_cast<std::uint8_t>(Flag::end) : std::uint8_t{0}; };
    if (type == "hello") return hello(in);
    if (type == "ping") return {{FrameType::ping, 0, 0}, Opaque{}};
    if (type == "pong") return {{FrameType::pong, 0, 0}, Opaque{}};
    if (type == "goaway") {
      std::string code;
      in >> code;
      return {{FrameType::goaway, 0, 0}, GoAway{codes().at(code), static_cast<std::uint32_t>(number(in)), ""}};
    }
    const auto id = static_cast<ExchangeId>(number(in));
    if (type == "request") {
      const Words said = words(in);
      return {{FrameType::request, end_flag(said.end), id}, exchange::RequestHead{said.method, "/", said.fields}};
    }
    if (type == "response") {
      const auto status = static_cast<std::uint16_t>(number(in));
      const Words said = words(in);
      return {{FrameType::response, end_flag(said.end), id}, exchange::ResponseHead{status, "", said.fields}};
    }
    if (type == "credit") return {{FrameType::credit, 0, id}, Credit{static_cast<std::uint32_t>(number(in))}};
    if (type == "reset") {
      std::string code;
      in >> code;
      return {{FrameType::reset, 0, id}, Reset{codes().at(code), ""}};
    }
    return type == "data" ? data(id, in) : socket_frame(type, id, in);
  }

  Frame data(ExchangeId id, std::istringstream& in) {
    body_.assign(number(in), std::byte{7});
    const auto flags = words(in).end ? static_cast<std::uint8_t>(Flag::end) : std::uint8_t{0};
    return {{FrameType::data, flags, id}, Payload{body_}};
  }

  Frame socket_frame(const std::string& type, ExchangeId id, std::istringstream& in) {
    if (type == "socket_open") return {{FrameType::socket_open, 0, id}, exchange::RequestHead{"GET", "/", {}}};
    if (type == "socket_accept") return {{FrameType::socket_accept, 0, id}, exchange::ResponseHead{101, "", {}}};
    if (type == "socket_close") return {{FrameType::socket_close, 0, id}, socket_close(in)};
    body_.assign(number(in), std::byte{7});
    const Words said = words(in);
    const unsigned flags = (said.end ? 1U : 0U) | (said.text ? 2U : 0U) | (said.pong ? 4U : 0U);
    const FrameType kind = type == "socket_control" ? FrameType::socket_control : FrameType::socket_message;
    return {{kind, static_cast<std::uint8_t>(flags), id}, Payload{body_}};
  }

  static Frame hello(std::istringstream& in) {
    Hello hello;
    std::string range;
    if (in >> range) {
      hello.version_min = static_cast<std::uint16_t>(std::stoi(range));
      hello.version_max = static_cast<std::uint16_t>(std::stoi(range.substr(range.find('-') + 1)));
    }
    hello.settings = {{Setting::data_piece, 65536}};
    return {{FrameType::hello, 0, 0}, std::move(hello)};
  }

  void collect() {
    std::vector<Action> actions;
    machine_.take_actions(actions);
    for (const Action& action : actions) lines_.push_back(describe(action));
  }

  std::string describe(const Action& action) {
    if (const auto* send = std::get_if<SendFrame>(&action)) return describe_frame(*send);
    if (std::holds_alternative<Ready>(action)) return "ready";
    if (std::holds_alternative<Draining>(action)) return "draining";
    if (const auto* closed = std::get_if<Closed>(&action)) return "closed " + closed->why.code.message();
    if (const auto* opened = std::get_if<Opened>(&action))
      return "opened " + std::to_string(opened->id) + " " + opened->head.method + " " + opened->head.target +
             (opened->has_body ? " body" : "") + (opened->socket ? " socket" : "");
    if (const auto* answered = std::get_if<Answered>(&action))
      return "answered " + std::to_string(answered->id) + " " + std::to_string(answered->head.status) +
             (answered->has_body ? " body" : "");
    if (const auto* received = std::get_if<Received>(&action))
      return "received " + std::to_string(received->id) + " " +
             std::to_string(received->message.size() - kFrameHeader) + (received->last ? " last" : "");
    if (const auto* piece = std::get_if<MessagePiece>(&action)) {
      const auto header = decode_header(piece->message);
      return "piece " + std::to_string(piece->id) + " " + std::to_string(piece->message.size() - kFrameHeader) +
             (header->has(Flag::text) ? " text" : "") + (header->has(Flag::end) ? " end" : "");
    }
    if (const auto* closed = std::get_if<SocketClosed>(&action))
      return "socket closed " + std::to_string(closed->id) + " " + std::to_string(closed->close.code.value_or(0));
    if (const auto* writable = std::get_if<Writable>(&action)) return "writable " + std::to_string(writable->id);
    if (const auto* finished = std::get_if<Finished>(&action)) return "finished " + std::to_string(finished->id);
    const auto& broken = std::get<Broken>(action);
    return "broken " + std::to_string(broken.id) + " " + name_of(broken.code) +
           (broken.by_peer ? " by peer" : " by us");
  }

  std::string describe_frame(const SendFrame& send) {
    static const std::map<FrameType, std::string> names = {{FrameType::hello, "hello"},
                                                           {FrameType::ping, "ping"},
                                                           {FrameType::pong, "pong"},
                                                           {FrameType::goaway, "goaway"},
                                                           {FrameType::request, "request"},
                                                           {FrameType::response, "response"},
                                                           {FrameType::credit, "credit"},
                                                           {FrameType::reset, "reset"},
                                                           {FrameType::socket_open, "socket_open"},
                                                           {FrameType::socket_accept, "socket_accept"},
                                                           {FrameType::socket_control, "socket_control"},
                                                           {FrameType::socket_close, "socket_close"}};
    const Result<Frame> frame = decode(send.bytes, limits_);
    if (!frame) return "an undecodable frame: " + frame.error().to_string();
    const FrameHeader& header = frame->header;
    const auto* goaway = std::get_if<GoAway>(&frame->content);
    std::string line = "send " + std::to_string(send.channel) + " " + names.at(header.type) + " " +
                       std::to_string(goaway ? goaway->last_exchange : header.exchange);
    if (goaway) line += " " + name_of(goaway->code);
    if (header.has(Flag::end)) line += " end";
    if (header.has(Flag::pong)) line += " pong";
    if (const auto* payload = std::get_if<Payload>(&frame->content))
      line += " " + std::to_string(payload->bytes.size());
    if (const auto* close = std::get_if<SocketClose>(&frame->content))
      line += " " + std::to_string(close->code.value_or(0));
    if (const auto* credit = std::get_if<Credit>(&frame->content)) line += " " + std::to_string(credit->bytes);
    if (const auto* reset = std::get_if<Reset>(&frame->content)) line += " " + name_of(reset->code);
    return line;
  }

  const Limits limits_;
  const std::size_t max_message_;
  SteadyTime now_{std::chrono::hours(1)};
  Machine machine_;
  Lines lines_;
  Bytes body_;
};

}  // namespace owndir::tunnel::testing
