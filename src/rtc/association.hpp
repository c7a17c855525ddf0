#pragma once
// One SCTP association over a DTLS transport (RFC 8261, RFC 8831), with the library's own dcSCTP: what libwebrtc's
// DcSctpTransport does, without its data channel objects, its hops between threads and its trust in the peer's payload
// identifiers. Only rtc/*.cpp include this. Lives on the engine's thread, owned by libwebrtc's JsepTransport; a Session
// attaches the Link through which messages come and go.

#include <media/sctp/sctp_transport_internal.h>
#include <net/dcsctp/public/dcsctp_socket.h>
#include <net/dcsctp/timer/task_queue_timeout.h>
#include <p2p/base/packet_transport_internal.h>
#include <rtc_base/checks.h>
#include <rtc_base/third_party/sigslot/sigslot.h>
#include <rtc_base/thread.h>

#include <optional>

#include "rtc/link.hpp"
#include "rtc/turns.hpp"
#include "rtc/udp_socket.hpp"

namespace owndir::rtc {

// The packaged library was built so, and the layout of its classes depends on it.
static_assert(RTC_DCHECK_IS_ON, "compile everything that includes libwebrtc with -UNDEBUG");

class Association final : public cricket::SctpTransportInternal,
                          public dcsctp::DcSctpSocketCallbacks,
                          public UdpBatch::Late,
                          public sigslot::has_slots<> {
 public:
  Association(::rtc::Thread* thread, UdpBatch* batch, ::rtc::PacketTransportInternal* transport);
  ~Association() override;

  /// From now on messages flow between the link and the network. Once, before the answer is set.
  void attach(std::shared_ptr<Link> link);
  /// Sends what the link holds.
  void drain();

  // cricket::SctpTransportInternal: the calls of libwebrtc's own data channels, of which there is one that carries
  // nothing.
  void SetOnConnectedCallback(std::function<void()> callback) override { on_connected_ = std::move(callback); }
  void SetDataChannelSink(webrtc::DataChannelSink*) override {}
  void SetDtlsTransport(::rtc::PacketTransportInternal* transport) override;
  bool Start(int local_port, int remote_port, int max_message_size) override;
  bool OpenStream(int) override { return true; }
  bool ResetStream(int) override { return true; }
  bool SendData(int, const webrtc::SendDataParams&, const ::rtc::CopyOnWriteBuffer&, cricket::SendDataResult*) override;
  bool ReadyToSendData() override { return false; }
  int max_message_size() const override;
  absl::optional<int> max_outbound_streams() const override;
  absl::optional<int> max_inbound_streams() const override;
  void set_debug_name_for_testing(const char*) override {}

 private:
  struct Stream {
    std::uint64_t handed = 0;    ///< bytes given to the socket
    std::uint64_t reported = 0;  ///< of them, told to the link as sent
    bool closing = false;        ///< reset once all is sent
    bool reset = false;          ///< our direction was reset
    bool refused = false;        ///< what still comes is dropped
  };

  // dcsctp::DcSctpSocketCallbacks
  dcsctp::SendPacketStatus SendPacketWithStatus(::rtc::ArrayView<const std::uint8_t> data) override;
  std::unique_ptr<dcsctp::Timeout> CreateTimeout(webrtc::TaskQueueBase::DelayPrecision precision) override;
  dcsctp::TimeMs TimeMillis() override;
  std::uint32_t GetRandomInt(std::uint32_t low, std::uint32_t high) override;
  void OnMessageReceived(dcsctp::DcSctpMessage message) override;
  void OnError(dcsctp::ErrorKind error, absl::string_view message) override;
  void OnAborted(dcsctp::ErrorKind error, absl::string_view message) override;
  void OnConnected() override;
  void OnClosed() override;
  void OnConnectionRestarted() override {}
  void OnStreamsResetFailed(::rtc::ArrayView<const dcsctp::StreamID>, absl::string_view) override {}
  void OnStreamsResetPerformed(::rtc::ArrayView<const dcsctp::StreamID>) override {}
  void OnIncomingStreamsReset(::rtc::ArrayView<const dcsctp::StreamID> streams) override;

  dcsctp::SendPacketStatus send_packet(::rtc::ArrayView<const std::uint8_t> data);
  bool hold_back(::rtc::ArrayView<const std::uint8_t> data);
  void send_late() override;
  void send_held();

  void connect_signals();
  void disconnect_signals();
  void on_writable(::rtc::PacketTransportInternal*) { maybe_connect(); }
  void on_packet(::rtc::PacketTransportInternal*, const char* data, std::size_t size, const std::int64_t& time,
                 int flags);
  void on_transport_closed(::rtc::PacketTransportInternal*);
  void maybe_connect();
  void end(std::string_view why);
  void refuse(std::uint16_t channel, std::string_view why);
  /// Gives the socket what its window has room for, the channels taking turns.
  void feed();
  bool give(Link::Outgoing item);
  /// Bytes that the socket should hold, sent and unacknowledged or not yet sent.
  std::size_t window();
  std::size_t held() const;
  /// After every call into the socket: feeds it, tells the link what has left, resets the streams that wait for that.
  void update();
  void reset_stream(std::uint16_t channel);

  UdpBatch* const batch_;
  ::rtc::PacketTransportInternal* transport_;
  dcsctp::TaskQueueTimeoutFactory timeouts_;
  std::unique_ptr<dcsctp::DcSctpSocketInterface> socket_;
  std::function<void()> on_connected_;

  std::shared_ptr<Link> link_;
  std::vector<Stream> streams_;
  std::vector<Link::Outgoing> outgoing_;
  Turns turns_;  ///< what is not yet given to the socket
  std::optional<int> least_rtt_ms_;
  std::vector<std::uint8_t> sack_;    ///< held back, the newest
  bool late_ = false;                 ///< the batch will ask for what is held back
  int sacks_held_ = 0;                ///< since one was sent
  std::uint64_t received_whole_ = 0;  ///< bytes since a packet was missing
  bool connected_ = false;
  bool ended_ = false;
};

}  // namespace owndir::rtc
