#pragma once
// One PeerConnection of libwebrtc, on the engine's thread: descriptions, candidates, transport states. Made and used on
// that thread only; tells the network thread by Notice. Only rtc/*.cpp include this. Owned by a Peer, which lets go of
// it by a task on the engine's thread that calls `close`.

#include <api/peer_connection_interface.h>

#include <functional>
#include <memory>
#include <string>

#include "rtc/engine.hpp"
#include "rtc/link.hpp"

namespace owndir::rtc {

class Association;

/// What the network thread is told.
struct Notice {
  enum class Kind {
    described,     ///< text: the local description with all candidates, or with those there were when asked
    remote_set,    ///< the answer was taken
    error,         ///< text: a description was not taken, or none could be made; final
    connected,     ///< the transport is up (again)
    disconnected,  ///< the transport does not get through at the moment
    failed,        ///< text: the transport gave up; final
    selected       ///< text: the pair of addresses in use
  };
  Kind kind;
  std::string text;
};

class Session final : public webrtc::PeerConnectionObserver, public std::enable_shared_from_this<Session> {
 public:
  Session(LibwebrtcEngine& engine, PeerOptions options, std::shared_ptr<Link> link, std::function<void(Notice)> tell);

  void offer();
  /// `sdp` is our own text, made from a summary.
  void answer(const std::string& sdp);
  void take_answer(const std::string& sdp);
  /// Tells `described` now, with the candidates there are, or as soon as there is a description.
  void describe();
  void drain();
  void close();

 private:
  class LocalDone;
  class RemoteDone;

  // webrtc::PeerConnectionObserver
  void OnSignalingChange(webrtc::PeerConnectionInterface::SignalingState) override {}
  void OnDataChannel(::rtc::scoped_refptr<webrtc::DataChannelInterface>) override {}
  void OnIceCandidate(const webrtc::IceCandidateInterface* found) override;
  void OnIceGatheringChange(webrtc::PeerConnectionInterface::IceGatheringState state) override;
  void OnConnectionChange(webrtc::PeerConnectionInterface::PeerConnectionState state) override;
  void OnIceSelectedCandidatePairChanged(const cricket::CandidatePairChangeEvent& event) override;

  /// How connectivity is checked: quickly at first, then for as long as patience lasts, then as libwebrtc does by
  /// itself.
  enum class Checks { eager, patient, usual };
  webrtc::PeerConnectionInterface::RTCConfiguration configuration(Checks checks) const;
  bool open();
  void set_local();
  void local_set(const webrtc::RTCError& error);
  void remote_set(const webrtc::RTCError& error);
  void attach();
  void be_patient();
  void change(Checks checks);
  void fail(std::string text);

  LibwebrtcEngine& engine_;
  const PeerOptions options_;
  const std::shared_ptr<Link> link_;
  std::function<void(Notice)> tell_;  ///< empty after close
  ::rtc::scoped_refptr<webrtc::PeerConnectionInterface> connection_;
  ::rtc::scoped_refptr<webrtc::DataChannelInterface> placeholder_;
  Association* association_ = nullptr;
  bool answering_ = false, describe_asked_ = false, described_ = false, was_connected_ = false;
  bool has_public_ = false, has_relay_ = false;
  unsigned candidates_ = 0;
};

}  // namespace owndir::rtc
