#pragma once
// The one thread on which libwebrtc lives (network, worker and signalling in one: no hops between them) and its
// factory. Only rtc/*.cpp include this. Made and destroyed on the network thread; outlives every Peer.

#include <api/peer_connection_interface.h>
#include <rtc_base/thread.h>

#include "rtc/peer.hpp"

namespace owndir::rtc {

class LibwebrtcEngine final : public Engine {
 public:
  explicit LibwebrtcEngine(asio::any_io_executor network);
  ~LibwebrtcEngine() override;
  /// False when the library could not make its factory.
  bool start();

  const asio::any_io_executor& network() const { return network_; }
  ::rtc::Thread& thread() { return *thread_; }
  /// Engine's thread only.
  webrtc::PeerConnectionFactoryInterface& factory() { return *factory_; }

 private:
  const asio::any_io_executor network_;
  std::unique_ptr<::rtc::Thread> thread_;
  ::rtc::scoped_refptr<webrtc::PeerConnectionFactoryInterface> factory_;
};

}  // namespace owndir::rtc
