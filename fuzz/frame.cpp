// Frames from the other end: first byte 0 decodes the rest as one frame; otherwise the rest is a list of messages
// (channel:u8 size:u16 bytes) for a machine of either role that is up.
#include "tunnel/frame.hpp"

#include <cstdlib>

#include "tunnel/machine.hpp"
#include "tunnel/wire.hpp"

using namespace owndir;
using namespace owndir::tunnel;

namespace {

/// What can be decoded can be encoded, and means the same again.
void check_frame(ByteView message) {
  const Limits limits;
  const Result<Frame> frame = decode(message, limits);
  if (!frame) return;
  const Result<Bytes> written = encode(*frame, limits, limits.max_frame);
  if (!written) std::abort();
  const Result<Frame> again = decode(*written, limits);
  if (!again || again->content.index() != frame->content.index()) std::abort();
}

/// Carries out what an honest user of the machine would; the accounts must be settled at the end.
void check_session(Role role, WireReader reader) {
  const SteadyTime start{std::chrono::hours(1)};
  Machine machine(role, Limits(), 65536, start);
  for (std::size_t channel = 0; channel < 5; ++channel) machine.channel_opened(channel, 256 * 1024, start);
  const Frame hello{{FrameType::hello, 0, 0}, Hello()};
  machine.received(0, encode_simple(hello, Limits()), start);
  if (role == Role::client) {
    for (int i = 0; i < 4; ++i) (void)machine.open({"GET", "/", {}}, i % 2 == 1);
    for (int i = 0; i < 4; ++i) (void)machine.open_socket({"GET", "/", {}});
  }
  std::vector<Action> actions;
  std::vector<ExchangeId> unread;
  while (reader.ok() && !reader.at_end()) {
    const std::size_t channel = reader.u8() % 5;
    const ByteView message = reader.take(reader.u16());
    machine.received(channel, Bytes(message.begin(), message.end()), start);
    actions.clear();
    machine.take_actions(actions);
    for (const Action& action : actions) {
      if (const auto* opened = std::get_if<Opened>(&action)) {
        if (opened->socket && opened->id % 4 != 0)
          (void)machine.accept_socket(opened->id, {101, "", {}});
        else
          (void)machine.respond(opened->id, {200, "", {}}, false);
        unread.push_back(opened->id);
      } else if (const auto* received = std::get_if<Received>(&action)) {
        machine.consumed(received->id, received->message.size() - kFrameHeader);
      } else if (const auto* piece = std::get_if<MessagePiece>(&action)) {
        machine.consumed_piece(piece->id, piece->message.size() - kFrameHeader);
        if (piece->message.size() % 16 == 0) machine.close_socket(piece->id, {1000, {}});
      }
    }
  }
  for (const ExchangeId id : unread) machine.reset(id, Code::internal, "");
  for (ExchangeId id = 1; id <= 8; ++id) machine.reset(id, Code::cancelled, "");
  if (!machine.is_closed() && (machine.active() != 0 || machine.budget_used() != 0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (input.empty()) return 0;
  const auto mode = std::to_integer<unsigned>(input.front());
  if (mode == 0)
    check_frame(input.subspan(1));
  else
    check_session(mode % 2 == 1 ? Role::client : Role::server, WireReader(input.subspan(1)));
  return 0;
}
