#pragma once
// libwebrtc used directly, as its documentation has it: the yardstick of peer_memory and raw_channel. Two peers of one
// process, each with its own factory and threads, joined over loopback by one ordered data channel.

#include <api/create_peerconnection_factory.h>
#include <api/data_channel_interface.h>
#include <api/peer_connection_interface.h>
#include <api/task_queue/default_task_queue_factory.h>
#include <rtc_base/event.h>
#include <rtc_base/logging.h>
#include <rtc_base/ssl_adapter.h>
#include <rtc_base/thread.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bare {

static_assert(RTC_DCHECK_IS_ON, "compile everything that includes libwebrtc with -UNDEBUG");

class Factory {
 public:
  Factory() : network_(rtc::Thread::CreateWithSocketServer()), signalling_(rtc::Thread::Create()) {
    rtc::LogMessage::LogToDebug(rtc::LS_NONE);
    rtc::LogMessage::SetLogToStderr(false);
    rtc::InitializeSSL();
    network_->Start();
    signalling_->Start();
    webrtc::PeerConnectionFactoryDependencies parts;
    parts.network_thread = parts.worker_thread = network_.get();
    parts.signaling_thread = signalling_.get();
    parts.task_queue_factory = webrtc::CreateDefaultTaskQueueFactory();
    factory_ = webrtc::CreateModularPeerConnectionFactory(std::move(parts));
    webrtc::PeerConnectionFactoryInterface::Options options;
    options.network_ignore_mask = 0;
    factory_->SetOptions(options);
  }
  webrtc::PeerConnectionFactoryInterface& get() { return *factory_; }
  rtc::Thread& signalling() { return *signalling_; }

 private:
  std::unique_ptr<rtc::Thread> network_, signalling_;
  rtc::scoped_refptr<webrtc::PeerConnectionFactoryInterface> factory_;
};

class Done : public webrtc::SetLocalDescriptionObserverInterface, public webrtc::SetRemoteDescriptionObserverInterface {
 public:
  void OnSetLocalDescriptionComplete(webrtc::RTCError error) override { finish(error); }
  void OnSetRemoteDescriptionComplete(webrtc::RTCError error) override { finish(error); }
  bool wait() { return event_.Wait(webrtc::TimeDelta::Seconds(20)) && ok_; }

 private:
  void finish(const webrtc::RTCError& error) {
    ok_ = error.ok();
    event_.Set();
  }
  bool ok_ = false;
  rtc::Event event_;
};

/// One end with `channels` pre-negotiated channels.
class End final : public webrtc::PeerConnectionObserver {
 public:
  explicit End(Factory& factory, int channels = 1) {
    webrtc::PeerConnectionInterface::RTCConfiguration configuration;
    configuration.tcp_candidate_policy = webrtc::PeerConnectionInterface::kTcpCandidatePolicyDisabled;
    connection_ =
        factory.get().CreatePeerConnectionOrError(configuration, webrtc::PeerConnectionDependencies(this)).MoveValue();
    for (int id = 0; id < channels; ++id) {
      webrtc::DataChannelInit init;
      init.negotiated = true;
      init.id = id;
      channels_.push_back(connection_->CreateDataChannelOrError("owndir", &init).MoveValue());
    }
  }
  ~End() override { connection_->Close(); }

  webrtc::DataChannelInterface& channel() { return *channels_.front(); }

  static bool connect(End& offerer, End& answerer) {
    const std::string offer = offerer.local();
    if (!answerer.remote(webrtc::SdpType::kOffer, offer)) return false;
    const std::string answer = answerer.local();
    if (!offerer.remote(webrtc::SdpType::kAnswer, answer)) return false;
    using State = webrtc::DataChannelInterface::DataState;
    for (int i = 0; i < 10'000; ++i) {
      if (offerer.channels_.back()->state() == State::kOpen && answerer.channels_.back()->state() == State::kOpen) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

 private:
  void OnSignalingChange(webrtc::PeerConnectionInterface::SignalingState) override {}
  void OnDataChannel(rtc::scoped_refptr<webrtc::DataChannelInterface>) override {}
  void OnIceCandidate(const webrtc::IceCandidateInterface*) override {}
  void OnIceGatheringChange(webrtc::PeerConnectionInterface::IceGatheringState state) override {
    if (state == webrtc::PeerConnectionInterface::kIceGatheringComplete) gathered_.Set();
  }

  std::string local() {
    const auto done = rtc::make_ref_counted<Done>();
    connection_->SetLocalDescription(rtc::scoped_refptr<webrtc::SetLocalDescriptionObserverInterface>(done));
    std::string sdp;
    if (done->wait() && gathered_.Wait(webrtc::TimeDelta::Seconds(20)))
      connection_->local_description()->ToString(&sdp);
    return sdp;
  }
  bool remote(webrtc::SdpType type, const std::string& sdp) {
    auto description = webrtc::CreateSessionDescription(type, sdp);
    if (!description) return false;
    const auto done = rtc::make_ref_counted<Done>();
    connection_->SetRemoteDescription(std::move(description),
                                      rtc::scoped_refptr<webrtc::SetRemoteDescriptionObserverInterface>(done));
    return done->wait();
  }

  rtc::Event gathered_;
  rtc::scoped_refptr<webrtc::PeerConnectionInterface> connection_;
  std::vector<rtc::scoped_refptr<webrtc::DataChannelInterface>> channels_;
};

/// Sends as fast as the channel takes it, from the signalling thread; counts what arrives.
class Flood final : public webrtc::DataChannelObserver {
 public:
  static double run(Factory& from, End& sender, End& receiver, std::uint64_t bytes, std::size_t size) {
    Flood out, in;
    out.channel_ = &sender.channel();
    out.total_ = in.total_ = bytes / size * size;
    out.buffer_ = rtc::CopyOnWriteBuffer(std::vector<std::uint8_t>(size, 0x5A));
    receiver.channel().RegisterObserver(&in);
    sender.channel().RegisterObserver(&out);
    const auto start = std::chrono::steady_clock::now();
    from.signalling().PostTask([&out] { out.fill(); });
    in.done_.Wait(webrtc::TimeDelta::Seconds(120));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    sender.channel().UnregisterObserver();
    receiver.channel().UnregisterObserver();
    return static_cast<double>(in.count_) / 1e6 / seconds.count();
  }

 private:
  void OnStateChange() override {}
  void OnMessage(const webrtc::DataBuffer& buffer) override {
    count_ += buffer.size();
    if (count_ >= total_) done_.Set();
  }
  void OnBufferedAmountChange(std::uint64_t) override {
    if (channel_ != nullptr && !filling_) fill();
  }
  void fill() {
    filling_ = true;
    while (count_ < total_ && channel_->buffered_amount() < (1u << 20)) {
      if (!channel_->Send(webrtc::DataBuffer(buffer_, true))) break;
      count_ += buffer_.size();
    }
    filling_ = false;
  }

  webrtc::DataChannelInterface* channel_ = nullptr;
  rtc::CopyOnWriteBuffer buffer_;
  std::uint64_t total_ = 0, count_ = 0;
  bool filling_ = false;
  rtc::Event done_;
};

}  // namespace bare
