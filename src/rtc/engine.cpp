#include "rtc/engine.hpp"

#include <api/task_queue/default_task_queue_factory.h>
#include <api/transport/sctp_transport_factory_interface.h>
#include <rtc_base/logging.h>
#include <rtc_base/ssl_adapter.h>

#include "rtc/association.hpp"

namespace owndir::rtc {

namespace {

class AssociationFactory final : public webrtc::SctpTransportFactoryInterface {
 public:
  explicit AssociationFactory(::rtc::Thread* thread) : thread_(thread) {}
  std::unique_ptr<cricket::SctpTransportInternal> CreateSctpTransport(
      ::rtc::PacketTransportInternal* transport) override {
    return std::make_unique<Association>(thread_, transport);
  }

 private:
  ::rtc::Thread* const thread_;
};

}  // namespace

LibwebrtcEngine::LibwebrtcEngine(asio::any_io_executor network) : network_(std::move(network)) {}

bool LibwebrtcEngine::start() {
  ::rtc::LogMessage::LogToDebug(::rtc::LS_NONE);
  ::rtc::LogMessage::SetLogToStderr(false);
  ::rtc::InitializeSSL();
  thread_ = ::rtc::Thread::CreateWithSocketServer();
  thread_->SetName("rtc", nullptr);
  if (!thread_->Start()) return false;
  thread_->BlockingCall([this] {
    webrtc::PeerConnectionFactoryDependencies parts;
    parts.network_thread = parts.worker_thread = parts.signaling_thread = thread_.get();
    parts.task_queue_factory = webrtc::CreateDefaultTaskQueueFactory();
    parts.sctp_factory = std::make_unique<AssociationFactory>(thread_.get());
    factory_ = webrtc::CreateModularPeerConnectionFactory(std::move(parts));
    if (!factory_) return;
    webrtc::PeerConnectionFactoryInterface::Options options;
    options.network_ignore_mask = 0;  // loopback too: a page on this machine is a client like any other
    factory_->SetOptions(options);
  });
  return factory_ != nullptr;
}

LibwebrtcEngine::~LibwebrtcEngine() {
  if (!thread_) return;
  // Tasks run in order: all that closes peers comes before this one.
  thread_->BlockingCall([this] { factory_ = nullptr; });
  thread_->Stop();
}

Result<std::unique_ptr<Engine>> Engine::create(asio::any_io_executor network) {
  auto engine = std::make_unique<LibwebrtcEngine>(std::move(network));
  if (!engine->start()) return fail(Errc::internal, "the WebRTC library did not start");
  return engine;
}

}  // namespace owndir::rtc
