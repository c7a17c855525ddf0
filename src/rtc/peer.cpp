#include "rtc/peer.hpp"

namespace owndir::rtc {

const char* to_string(PeerState state) {
  switch (state) {
    case PeerState::gathering: return "gathering";
    case PeerState::waiting: return "waiting";
    case PeerState::connecting: return "connecting";
    case PeerState::connected: return "connected";
    case PeerState::disconnected: return "disconnected";
    case PeerState::failed: return "failed";
    case PeerState::closed: return "closed";
  }
  return "?";
}

}  // namespace owndir::rtc
