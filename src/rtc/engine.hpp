#pragma once
// The one thread on which libwebrtc lives (network, worker and signalling in one: no hops between them) and its
// factory. Only rtc/*.cpp include this. Made and destroyed on the network thread; outlives every Peer.

#include <api/peer_connection_interface.h>
#include <p2p/base/port_allocator.h>
#include <rtc_base/network.h>
#include <rtc_base/thread.h>

#include "rtc/peer.hpp"
#include "rtc/udp_socket.hpp"

namespace owndir::rtc {

class LibwebrtcEngine final : public Engine {
 public:
  explicit LibwebrtcEngine(asio::any_io_executor network);
  ~LibwebrtcEngine() override;
  /// False when the library could not make its factory.
  bool start();

  const asio::any_io_executor& network() const { return network_; }
  ::rtc::Thread& thread() { return *thread_; }
  // Engine's thread only.
  webrtc::PeerConnectionFactoryInterface& factory() { return *factory_; }
  /// For one peer connection: gathers without libwebrtc's pauses between kinds of candidates.
  std::unique_ptr<cricket::PortAllocator> make_allocator();

 private:
  const asio::any_io_executor network_;
  UdpBatch batch_;
  ::rtc::PhysicalSocketServer* sockets_ = nullptr;  ///< the thread's
  std::unique_ptr<::rtc::Thread> thread_;
  std::unique_ptr<UdpSocketFactory> socket_factory_;
  std::unique_ptr<::rtc::BasicNetworkManager> networks_;
  ::rtc::scoped_refptr<webrtc::PeerConnectionFactoryInterface> factory_;
};

}  // namespace owndir::rtc
