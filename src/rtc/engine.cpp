#include "rtc/engine.hpp"

#include <api/task_queue/default_task_queue_factory.h>
#include <api/transport/sctp_transport_factory_interface.h>
#include <p2p/client/basic_port_allocator.h>
#include <rtc_base/logging.h>
#include <rtc_base/ssl_adapter.h>

#include "rtc/association.hpp"

namespace owndir::rtc {

namespace {

class AssociationFactory final : public webrtc::SctpTransportFactoryInterface {
 public:
  AssociationFactory(::rtc::Thread* thread, UdpBatch* batch) : thread_(thread), batch_(batch) {}
  std::unique_ptr<cricket::SctpTransportInternal> CreateSctpTransport(
      ::rtc::PacketTransportInternal* transport) override {
    return std::make_unique<Association>(thread_, batch_, transport);
  }

 private:
  ::rtc::Thread* const thread_;
  UdpBatch* const batch_;
};

/// libwebrtc waits 50 ms before each kind of candidate, which would be most of the time from an offer to its answer.
class PromptAllocator final : public cricket::BasicPortAllocator {
 public:
  using BasicPortAllocator::BasicPortAllocator;
  cricket::PortAllocatorSession* CreateSessionInternal(absl::string_view content, int component,
                                                       absl::string_view ufrag, absl::string_view pwd) override {
    set_step_delay(0);
    return BasicPortAllocator::CreateSessionInternal(content, component, ufrag, pwd);
  }
};

}  // namespace

LibwebrtcEngine::LibwebrtcEngine(asio::any_io_executor network) : network_(std::move(network)) {}

bool LibwebrtcEngine::start() {
  ::rtc::LogMessage::LogToDebug(::rtc::LS_NONE);
  ::rtc::LogMessage::SetLogToStderr(false);
  ::rtc::InitializeSSL();
  auto sockets = std::make_unique<::rtc::PhysicalSocketServer>();
  sockets_ = sockets.get();
  thread_ = std::make_unique<::rtc::Thread>(std::move(sockets));
  thread_->SetName("rtc", nullptr);
  if (!thread_->Start()) return false;
  thread_->BlockingCall([this] {
    socket_factory_ = std::make_unique<UdpSocketFactory>(*sockets_, batch_);
    networks_ = std::make_unique<::rtc::BasicNetworkManager>(sockets_);
    webrtc::PeerConnectionFactoryDependencies parts;
    parts.network_thread = parts.worker_thread = parts.signaling_thread = thread_.get();
    parts.task_queue_factory = webrtc::CreateDefaultTaskQueueFactory();
    parts.sctp_factory = std::make_unique<AssociationFactory>(thread_.get(), &batch_);
    factory_ = webrtc::CreateModularPeerConnectionFactory(std::move(parts));
    if (!factory_) return;
    webrtc::PeerConnectionFactoryInterface::Options options;
    options.network_ignore_mask = 0;  // loopback too: a page on this machine is a client like any other
    factory_->SetOptions(options);
  });
  return factory_ != nullptr;
}

std::unique_ptr<cricket::PortAllocator> LibwebrtcEngine::make_allocator() {
  return std::make_unique<PromptAllocator>(networks_.get(), socket_factory_.get());
}

LibwebrtcEngine::~LibwebrtcEngine() {
  if (!thread_) return;
  // Tasks run in order: all that closes peers comes before this one.
  thread_->BlockingCall([this] {
    factory_ = nullptr;
    networks_ = nullptr;
    socket_factory_ = nullptr;
  });
  thread_->Stop();
}

Result<std::unique_ptr<Engine>> Engine::create(asio::any_io_executor network) {
  auto engine = std::make_unique<LibwebrtcEngine>(std::move(network));
  if (!engine->start()) return fail(Errc::internal, "the WebRTC library did not start");
  return engine;
}

}  // namespace owndir::rtc
