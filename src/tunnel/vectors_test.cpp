// protocol/vectors/frames.json and heads.json, which the TypeScript implementation reads too.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tunnel/frame.hpp"
#include "tunnel/head_codec.hpp"
#include "tunnel/wire.hpp"

namespace owndir::tunnel {
namespace {

using nlohmann::json;

json load(const std::string& name) {
  std::ifstream file(std::string(OWNDIR_SOURCE_DIR) + "/protocol/vectors/" + name);
  return json::parse(file);
}

/// Hexadecimal in which "(HH*N)" stands for N bytes HH.
std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size();) {
    const bool run = hex[i] == '(';
    i += run ? 1 : 0;
    const auto byte = static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    i += 2;
    if (!run) {
      bytes += byte;
      continue;
    }
    const std::size_t close = hex.find(')', i);
    bytes.append(std::stoul(hex.substr(i + 1, close - i - 1)), byte);
    i = close + 1;
  }
  return bytes;
}

std::string text(const json& value) {
  return value.is_object() ? from_hex(value.at("hex")) : value.get<std::string>();
}

exchange::Fields fields(const json& list) {
  exchange::Fields result;
  for (const json& field : list) result.add(text(field.at(0)), text(field.at(1)));
  return result;
}
exchange::RequestHead request_head(const json& head) {
  return {text(head.at("method")), text(head.at("target")), fields(head.at("fields"))};
}
exchange::ResponseHead response_head(const json& head) {
  return {head.at("status"), text(head.at("reason")), fields(head.at("fields"))};
}

const std::map<std::string, FrameType> kTypes = {
    {"hello", FrameType::hello},
    {"ping", FrameType::ping},
    {"pong", FrameType::pong},
    {"goaway", FrameType::goaway},
    {"request", FrameType::request},
    {"response", FrameType::response},
    {"data", FrameType::data},
    {"credit", FrameType::credit},
    {"reset", FrameType::reset},
    {"socket_open", FrameType::socket_open},
    {"socket_accept", FrameType::socket_accept},
    {"socket_message", FrameType::socket_message},
    {"socket_control", FrameType::socket_control},
    {"socket_close", FrameType::socket_close},
};
const std::map<std::string, Setting> kSettings = {{"max_frame", Setting::max_frame},
                                                  {"data_piece", Setting::data_piece},
                                                  {"initial_credit", Setting::initial_credit},
                                                  {"max_exchanges", Setting::max_exchanges},
                                                  {"max_head", Setting::max_head}};

/// The frame that a row describes; `payload` keeps the bytes that it views.
Frame expected_frame(const json& row, std::string& payload) {
  Frame frame;
  const std::string type = row.at("type");
  frame.header.type = type == "unknown" ? static_cast<FrameType>(row.at("type_value").get<int>()) : kTypes.at(type);
  frame.header.exchange = row.at("exchange");
  for (const std::string flag : row.at("flags")) {
    const Flag bit = flag == "end" ? Flag::end : flag == "text" ? Flag::text : Flag::pong;
    frame.header.flags = static_cast<std::uint8_t>(frame.header.flags | static_cast<std::uint8_t>(bit));
  }
  if (type == "hello") {
    Hello hello{row.at("version_min"), row.at("version_max"), {}};
    for (const auto& [name, setting] : kSettings)
      if (row.at("settings").contains(name)) hello.settings.emplace_back(setting, row.at("settings").at(name));
    std::sort(hello.settings.begin(), hello.settings.end());
    frame.content = std::move(hello);
  } else if (type == "ping" || type == "pong") {
    Opaque opaque;
    const std::string bytes = from_hex(row.at("opaque_hex"));
    std::copy_n(as_bytes(bytes).begin(), opaque.bytes.size(), opaque.bytes.begin());
    frame.content = opaque;
  } else if (type == "goaway") {
    frame.content =
        GoAway{static_cast<Code>(row.at("code").get<std::uint16_t>()), row.at("last_exchange"), text(row.at("text"))};
  } else if (type == "request" || type == "socket_open") {
    frame.content = request_head(row.at("head"));
  } else if (type == "response" || type == "socket_accept") {
    frame.content = response_head(row.at("head"));
  } else if (type == "credit") {
    frame.content = Credit{row.at("bytes")};
  } else if (type == "reset") {
    frame.content = Reset{static_cast<Code>(row.at("code").get<std::uint16_t>()), text(row.at("text"))};
  } else if (type == "socket_close") {
    SocketClose close;
    if (!row.at("code").is_null()) close.code = row.at("code").get<std::uint16_t>();
    close.reason = text(row.at("reason"));
    frame.content = std::move(close);
  } else {
    payload = from_hex(row.at("payload_hex"));
    frame.content = Payload{as_bytes(payload)};
  }
  return frame;
}

/// Everything of a frame but its unknown flags, comparable.
std::string canonical(Frame frame) {
  frame.header.flags &= 7;
  const Limits limits;
  const Result<Bytes> bytes = encode(frame, limits, limits.max_frame);
  return bytes ? to_hex(*bytes) : "cannot be encoded: " + bytes.error().to_string();
}

std::string error_name(const Error& error) {
  return error.is(Errc::malformed)     ? "malformed"
         : error.is(Errc::too_large)   ? "too_large"
         : error.is(Errc::unsupported) ? "unsupported"
                                       : error.to_string();
}

TEST(Vectors, EveryValidFrameIsReadAndWritten) {
  const json vectors = load("frames.json");
  for (const json& row : vectors.at("valid")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const std::string bytes = from_hex(row.at("hex"));
    std::string payload;
    const Frame expected = expected_frame(row.at("frame"), payload);
    const Result<Frame> read = decode(as_bytes(bytes), Limits());
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->content.index(), expected.content.index());
    EXPECT_EQ(canonical(*read), canonical(expected));
    if (row.contains("decode_only")) continue;
    EXPECT_EQ(canonical(expected), to_hex(as_bytes(bytes)));
  }
}

TEST(Vectors, EveryInvalidFrameIsRefusedForItsReason) {
  const json vectors = load("frames.json");
  for (const json& row : vectors.at("invalid")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const std::string bytes = from_hex(row.at("hex"));
    const Result<Frame> read = decode(as_bytes(bytes), Limits());
    ASSERT_FALSE(read);
    EXPECT_EQ(error_name(read.error()), row.at("error"));
  }
}

TEST(Vectors, EveryValidHeadIsReadAndWrittenByteForByte) {
  const json vectors = load("heads.json");
  const Limits limits;
  for (const json& row : vectors.at("valid")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const std::string bytes = from_hex(row.at("hex"));
    Bytes written;
    if (row.at("kind") == "request") {
      const auto head = decode_request_head(as_bytes(bytes), limits);
      ASSERT_TRUE(head) << head.error().to_string();
      EXPECT_EQ(*head, request_head(row.at("head")));
      ASSERT_TRUE(append_request_head(written, *head, limits, limits.max_head));
    } else {
      const auto head = decode_response_head(as_bytes(bytes), limits);
      ASSERT_TRUE(head) << head.error().to_string();
      EXPECT_EQ(*head, response_head(row.at("head")));
      ASSERT_TRUE(append_response_head(written, *head, limits, limits.max_head));
    }
    EXPECT_EQ(as_text(written), bytes);
  }
}

/// A row of "invalid" as a frame, since a 101 is only refused in a response frame.
TEST(Vectors, EveryInvalidHeadIsRefusedForItsReason) {
  const json vectors = load("heads.json");
  for (const json& row : vectors.at("invalid")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const FrameType type = row.at("kind") == "request" ? FrameType::request : FrameType::response;
    Bytes message(kFrameHeader);
    write_header(std::span<std::byte, kFrameHeader>(message.data(), kFrameHeader), {type, 0, 1});
    put_text(message, from_hex(row.at("hex")));
    const Result<Frame> read = decode(message, Limits());
    ASSERT_FALSE(read);
    EXPECT_EQ(error_name(read.error()), row.at("error"));
  }
}

TEST(Vectors, WhatBelongsToOneConnectionIsNotSent) {
  const json vectors = load("heads.json");
  const Limits limits;
  for (const json& row : vectors.at("sent")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    Bytes written;
    if (row.at("kind") == "request") {
      ASSERT_TRUE(append_request_head(written, request_head(row.at("head")), limits, limits.max_head));
      EXPECT_EQ(decode_request_head(written, limits).value(), request_head(row.at("sent")));
    } else {
      ASSERT_TRUE(append_response_head(written, response_head(row.at("head")), limits, limits.max_head));
      EXPECT_EQ(decode_response_head(written, limits).value(), response_head(row.at("sent")));
    }
  }
}

TEST(Vectors, HeadsThatBreakARuleAreNotSent) {
  const json vectors = load("heads.json");
  const Limits limits;
  for (const json& row : vectors.at("refused")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    Frame frame;
    if (row.at("kind") == "request") {
      frame = {{FrameType::request, 0, 1}, request_head(row.at("head"))};
    } else {
      frame = {{FrameType::response, 0, 1}, response_head(row.at("head"))};
    }
    const Result<Bytes> written = encode(frame, limits, limits.max_head);
    ASSERT_FALSE(written);
    EXPECT_EQ(error_name(written.error()), row.at("error"));
  }
}

}  // namespace
}  // namespace owndir::tunnel
