#pragma once
// What bounds a WebSocket, at either end.

#include <chrono>
#include <cstddef>

namespace owndir::http {

struct SocketLimits {
  std::size_t message = 16 << 20;                 ///< bytes of one message; beyond: close 1009
  std::size_t read_ahead = 1 << 18;               ///< bytes received before the reader takes any
  std::chrono::milliseconds ping_after{30'000};   ///< silence of the other end before a ping
  std::chrono::milliseconds dead_after{60'000};   ///< silence after which the connection is cut
  std::chrono::milliseconds write_wait{120'000};  ///< an other end that takes nothing for so long is cut off
  std::chrono::milliseconds close_wait{4000};     ///< for the other end to answer our close
  std::chrono::milliseconds answer_wait{6000};    ///< for our side to say how its close is answered, then it breaks
  std::chrono::milliseconds linger_wait{2000};    ///< for the other end to read why we ended it
};

}  // namespace owndir::http
