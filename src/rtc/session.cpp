#include "rtc/session.hpp"

#include <fmt/format.h>
#include <pc/sctp_transport.h>

#include <algorithm>

#include "base/log.hpp"
#include "rtc/association.hpp"
#include "rtc/sdp.hpp"

namespace owndir::rtc {

namespace {

using webrtc::PeerConnectionInterface;

// libwebrtc's own data channel, for which alone it offers a data section; it carries nothing.
constexpr int kPlaceholderId = 1023;

// Gathering ends only when every STUN request has ended, and those from addresses without a way out, loopback among
// them, take ten seconds. Once there is what was hoped for, a pause without another candidate is the end.
constexpr auto kQuiet = webrtc::TimeDelta::Millis(400);

// While an answer may come at once, checks are as frequent as libwebrtc's own.
constexpr int kEagerSeconds = 5;

std::string describe_candidate(const cricket::Candidate& candidate) {
  const std::string type = candidate.type() == "local"  ? "host"
                           : candidate.type() == "stun" ? "srflx"
                                                        : candidate.type();
  return type + " " + candidate.address().ToString();
}

}  // namespace

class Session::LocalDone : public webrtc::SetLocalDescriptionObserverInterface {
 public:
  explicit LocalDone(std::weak_ptr<Session> session) : session_(std::move(session)) {}
  void OnSetLocalDescriptionComplete(webrtc::RTCError error) override {
    if (const auto session = session_.lock()) session->local_set(error);
  }

 private:
  const std::weak_ptr<Session> session_;
};

class Session::RemoteDone : public webrtc::SetRemoteDescriptionObserverInterface {
 public:
  explicit RemoteDone(std::weak_ptr<Session> session) : session_(std::move(session)) {}
  void OnSetRemoteDescriptionComplete(webrtc::RTCError error) override {
    if (const auto session = session_.lock()) session->remote_set(error);
  }

 private:
  const std::weak_ptr<Session> session_;
};

Session::Session(LibwebrtcEngine& engine, PeerOptions options, std::shared_ptr<Link> link,
                 std::function<void(Notice)> tell)
    : engine_(engine), options_(std::move(options)), link_(std::move(link)), tell_(std::move(tell)) {}

PeerConnectionInterface::RTCConfiguration Session::configuration(Checks checks) const {
  PeerConnectionInterface::RTCConfiguration out;
  for (const IceServer& each : options_.ice_servers) {
    PeerConnectionInterface::IceServer server;
    server.urls.push_back(each.url);
    server.username = each.username;
    server.password = each.credential;
    out.servers.push_back(std::move(server));
  }
  out.bundle_policy = PeerConnectionInterface::kBundlePolicyMaxBundle;
  out.tcp_candidate_policy = PeerConnectionInterface::kTcpCandidatePolicyDisabled;
  out.offer_extmap_allow_mixed = false;
  if (checks == Checks::usual) {
    // Patience is for the first connection; from then on a lost peer is noticed by libwebrtc's own measure.
    out.ice_inactive_timeout = 60'000;
    return out;
  }
  // Connectivity checks go on until the answer has reached the other end; the Peer's own timer ends it.
  const int patience = static_cast<int>(std::clamp<std::int64_t>(options_.patience.count(), 60, 1'000'000) * 1000);
  out.ice_unwritable_timeout = out.ice_inactive_timeout = patience;
  out.ice_unwritable_min_checks = 10'000;
  if (checks == Checks::patient) out.ice_check_interval_weak_connectivity = 200;  // 5 packets a second
  return out;
}

bool Session::open() {
  webrtc::PeerConnectionDependencies parts(this);
  parts.allocator = engine_.make_allocator();
  auto made = engine_.factory().CreatePeerConnectionOrError(configuration(Checks::eager), std::move(parts));
  if (!made.ok()) {
    fail(fmt::format("no peer connection: {}", made.error().message()));
    return false;
  }
  connection_ = made.MoveValue();
  return true;
}

void Session::offer() {
  if (!open()) return;
  webrtc::DataChannelInit init;
  init.negotiated = true;
  init.id = kPlaceholderId;
  auto made = connection_->CreateDataChannelOrError(options_.label, &init);
  if (!made.ok()) return fail(fmt::format("no data channel: {}", made.error().message()));
  placeholder_ = made.MoveValue();
  set_local();
}

void Session::answer(const std::string& sdp) {
  if (!open()) return;
  answering_ = true;
  webrtc::SdpParseError error;
  auto description = webrtc::CreateSessionDescription(webrtc::SdpType::kOffer, sdp, &error);
  if (!description) return fail(fmt::format("the offer was not understood: {}", error.description));
  connection_->SetRemoteDescription(std::move(description), ::rtc::make_ref_counted<RemoteDone>(weak_from_this()));
}

void Session::take_answer(const std::string& sdp) {
  if (!connection_) return;
  webrtc::SdpParseError error;
  auto description = webrtc::CreateSessionDescription(webrtc::SdpType::kAnswer, sdp, &error);
  if (!description) return fail(fmt::format("the answer was not understood: {}", error.description));
  connection_->SetRemoteDescription(std::move(description), ::rtc::make_ref_counted<RemoteDone>(weak_from_this()));
}

void Session::set_local() {
  connection_->SetLocalDescription(::rtc::make_ref_counted<LocalDone>(weak_from_this()));
}

void Session::local_set(const webrtc::RTCError& error) {
  if (!connection_) return;
  if (!error.ok()) return fail(fmt::format("no local description: {}", error.message()));
  attach();
  if (describe_asked_) describe();
  if (answering_) be_patient();
}

void Session::remote_set(const webrtc::RTCError& error) {
  if (!connection_) return;
  if (!error.ok()) return fail(fmt::format("the remote description was refused: {}", error.message()));
  if (answering_) {
    attach();
    set_local();
  } else {
    be_patient();
    if (tell_) tell_({Notice::Kind::remote_set, {}});
  }
}

void Session::attach() {
  if (association_ != nullptr) return;
  const auto transport = connection_->GetSctpTransport();
  if (!transport) return fail("no SCTP transport");
  // The engine's factory makes nothing but Associations.
  association_ = static_cast<Association*>(static_cast<webrtc::SctpTransport*>(transport.get())->internal());
  association_->attach(link_);
}

void Session::describe() {
  describe_asked_ = true;
  if (!connection_ || described_ || !tell_) return;
  const auto* description = connection_->local_description();
  std::string sdp;
  if (description == nullptr || !description->ToString(&sdp)) return;
  described_ = true;
  tell_({Notice::Kind::described, trim_candidates(sdp)});
}

void Session::drain() {
  if (association_ != nullptr) association_->drain();
}

void Session::close() {
  tell_ = nullptr;
  if (!connection_) return;
  drain();
  association_ = nullptr;
  placeholder_ = nullptr;
  connection_->Close();
  connection_ = nullptr;
}

void Session::OnIceCandidate(const webrtc::IceCandidateInterface* found) {
  has_public_ |= found->candidate().type() == cricket::STUN_PORT_TYPE;
  has_relay_ |= found->candidate().type() == cricket::RELAY_PORT_TYPE;
  const bool wants_relay = std::any_of(options_.ice_servers.begin(), options_.ice_servers.end(),
                                       [](const IceServer& server) { return server.url.starts_with("turn"); });
  if (described_ || !(wants_relay ? has_relay_ : has_public_)) return;
  engine_.thread().PostDelayedTask(
      [weak = weak_from_this(), seen = ++candidates_] {
        const auto self = weak.lock();
        if (self && self->candidates_ == seen) self->describe();
      },
      kQuiet);
}

void Session::OnIceGatheringChange(PeerConnectionInterface::IceGatheringState state) {
  if (state == PeerConnectionInterface::kIceGatheringComplete) describe();
}

void Session::OnConnectionChange(PeerConnectionInterface::PeerConnectionState state) {
  if (!tell_ || !connection_) return;
  using State = PeerConnectionInterface::PeerConnectionState;
  if (state == State::kConnected) {
    if (!std::exchange(was_connected_, true)) change(Checks::usual);
    tell_({Notice::Kind::connected, {}});
  } else if (state == State::kDisconnected) {
    if (was_connected_) tell_({Notice::Kind::disconnected, {}});
  } else if (state == State::kFailed) {
    // Before the first connection, ICE that ran out of pairs may still be reached by the other end.
    const bool ice = connection_->standardized_ice_connection_state() == PeerConnectionInterface::kIceConnectionFailed;
    if (ice && !was_connected_) return;
    tell_(
        {Notice::Kind::failed, ice ? "no path to the other end any more"
                                   : "DTLS: the other end is not who the description says, or speaks something else"});
  }
}

void Session::OnIceSelectedCandidatePairChanged(const cricket::CandidatePairChangeEvent& event) {
  if (!tell_) return;
  const auto& pair = event.selected_candidate_pair;
  tell_({Notice::Kind::selected,
         describe_candidate(pair.local_candidate()) + " <-> " + describe_candidate(pair.remote_candidate())});
}

/// From now on the other end may be trying too; when it does not within the first seconds, it may take long.
void Session::be_patient() {
  engine_.thread().PostDelayedTask(
      [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->connection_ && !self->was_connected_) self->change(Checks::patient);
      },
      webrtc::TimeDelta::Seconds(kEagerSeconds));
}

void Session::change(Checks checks) {
  const auto error = connection_->SetConfiguration(configuration(checks));
  if (!error.ok()) log("rtc").warn("connectivity checks stay as they were: {}", error.message());
}

void Session::fail(std::string text) {
  if (tell_) tell_({Notice::Kind::error, std::move(text)});
}

}  // namespace owndir::rtc
