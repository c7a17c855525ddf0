#pragma once
// What open pages are told of the site they show, over the WebSocket `/@/live`: which build is served and how the next
// one is doing. One board for the process, one session a page. Network thread only; the board outlives its sessions.

#include <memory>
#include <string>

#include "base/async.hpp"
#include "exchange/web_socket.hpp"

namespace owndir::gateway {

struct LiveState {
  std::string site;          ///< digest of the build that is served; "" for the page inside the program
  std::string state = "ok";  ///< ok, building, failed, unapproved
  std::string text;          ///< what a person reads about it
  bool operator==(const LiveState&) const = default;
};

class LiveBoard {
 public:
  explicit LiveBoard(const asio::any_io_executor& executor) : changed_(executor) {}
  void set(LiveState state);
  const LiveState& get() const { return state_; }
  /// {"site","state","text"}: the state at once, then each new one; a page that reads slowly sees the latest only.
  std::unique_ptr<exchange::SocketSession> make_session();

 private:
  class Session;
  LiveState state_;
  std::uint64_t version_ = 0;
  Notifier changed_;
};

}  // namespace owndir::gateway
