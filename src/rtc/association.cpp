#include "rtc/association.hpp"

#include <fmt/format.h>
#include <rtc_base/helpers.h>
#include <rtc_base/socket.h>
#include <rtc_base/time_utils.h>

#include <algorithm>

#include "base/log.hpp"
#include "rtc/dcsctp.hpp"
#include "rtc/sdp.hpp"

namespace owndir::rtc {

namespace {

// RFC 8831 section 8, RFC 8832 section 8.1.
enum Ppid : std::uint32_t { kDcep = 50, kBinary = 53, kBinaryEmpty = 57 };

// What the socket holds, sent or not, is kept to what 40 MB/s need over the measured round trip: more would only wait
// in queues where a small message cannot overtake it, and overflow the receiver's socket.
constexpr std::size_t kBytesPerMs = 40'000;
constexpr int kUnmeasuredMs = 500;  // DcSctpOptions::rto_initial, which stands for the time until there is one
constexpr std::size_t kMostWindow = 4 * 1024 * 1024;

// The link bounds what is queued; the socket's own bound must never be the one that is met.
constexpr std::size_t kSendBuffer = std::size_t{1} << 30;

// A message that leaves room for another in its packet.
constexpr std::size_t kSmall = 1024;

// Packets that one message or acknowledgement may set free at once: as many as leave with one system call.
constexpr int kMaxBurst = 32;

// As much as a sender needs at the most to open its window on a long path.
constexpr std::uint64_t kWindowOpen = 16 * 1024 * 1024;
constexpr int kSacksHeld = 8;

enum class Acknowledgement : std::uint8_t { none, of_all, of_gaps };

/// What a packet is, if it is of one SACK chunk only (RFC 9260, section 3.3.4).
Acknowledgement lone_acknowledgement(::rtc::ArrayView<const std::uint8_t> packet) {
  constexpr std::size_t kHeader = 12;
  constexpr std::size_t kSack = 16;
  constexpr std::uint8_t kType = 3;
  if (packet.size() < kHeader + kSack || packet[kHeader] != kType) return Acknowledgement::none;
  const std::size_t length = std::size_t{packet[kHeader + 2]} << 8 | packet[kHeader + 3];
  if (packet.size() != kHeader + (length + 3) / 4 * 4) return Acknowledgement::none;
  // Nothing but the fixed part: neither gaps nor duplicates.
  return length == kSack ? Acknowledgement::of_all : Acknowledgement::of_gaps;
}

std::string_view view(absl::string_view text) {
  return {text.data(), text.size()};
}

std::vector<std::uint8_t> text_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace

Association::Association(::rtc::Thread* thread, UdpBatch* batch, ::rtc::PacketTransportInternal* transport)
    : batch_(batch),
      transport_(transport),
      timeouts_(
          *thread, [this] { return TimeMillis(); },
          [this](dcsctp::TimeoutID id) {
            const UdpBatch::Hold hold(batch_);
            socket_->HandleTimeout(id);
            update();
          }) {
  connect_signals();
}

Association::~Association() {
  batch_->forget(*this);
  if (socket_) socket_->Close();  // an ABORT, so that the other end knows at once
}

void Association::attach(std::shared_ptr<Link> link) {
  link_ = std::move(link);
  streams_.resize(static_cast<std::size_t>(link_->channels()));
  turns_ = Turns(streams_.size());
}

void Association::drain() {
  if (!link_) return;
  const UdpBatch::Hold hold(batch_);
  link_->take(outgoing_);
  for (Link::Outgoing& item : outgoing_) {
    Stream& stream = streams_[item.channel];
    if (stream.closing || stream.reset || ended_ || !socket_) continue;
    if (item.kind == Link::Outgoing::Kind::close) {
      stream.closing = stream.refused = true;
      continue;
    }
    turns_.push(std::move(item), ::rtc::TimeMillis());
  }
  outgoing_.clear();
  update();
}

std::size_t Association::window() {
  const auto metrics = socket_->GetMetrics();
  // The smoothed time has our own queues in it; its least value is that of the path. Zero is a path within a
  // millisecond.
  if (metrics && metrics->srtt_ms >= 0 && metrics->srtt_ms != kUnmeasuredMs) {
    least_rtt_ms_ = std::min(least_rtt_ms_.value_or(metrics->srtt_ms), metrics->srtt_ms);
  }
  const std::size_t least = turns_.least_window(::rtc::TimeMillis());
  return std::clamp(static_cast<std::size_t>(least_rtt_ms_.value_or(0)) * kBytesPerMs, least, kMostWindow);
}

std::size_t Association::held() const {
  // The library counts in packets, what is not yet sent included.
  const auto metrics = socket_->GetMetrics();
  return metrics ? metrics->unack_data_count * socket_->options().mtu : 0;
}

void Association::feed() {
  if (turns_.empty() || ended_) return;
  const std::size_t most = window();
  std::size_t bytes = held();
  while (auto item = turns_.next(bytes, most)) {
    bytes += item->bytes.size();
    // Small ones travel in one packet with the next: a head with its body, the heads of many requests.
    std::optional<Cork> cork;
    if (item->bytes.size() < kSmall && turns_.has_next(bytes, most)) cork.emplace();
    if (!give(std::move(*item))) return;
  }
}

bool Association::give(Link::Outgoing item) {
  const std::uint16_t channel = item.channel;
  const auto ppid = item.kind == Link::Outgoing::Kind::empty ? kBinaryEmpty : kBinary;
  const std::size_t size = item.bytes.size();
  dcsctp::DcSctpMessage message(dcsctp::StreamID(channel), dcsctp::PPID(ppid), std::move(item.bytes));
  const auto status = socket_->Send(std::move(message), {});
  if (status != dcsctp::SendStatus::kSuccess) {
    end(fmt::format("SCTP takes no more messages: {}", view(dcsctp::ToString(status))));
    return false;
  }
  streams_[channel].handed += size;
  return true;
}

void Association::SetDtlsTransport(::rtc::PacketTransportInternal* transport) {
  disconnect_signals();
  transport_ = transport;
  connect_signals();
  maybe_connect();
}

bool Association::Start(int local_port, int remote_port, int max_message_size) {
  if (socket_) {
    if (local_port != socket_->options().local_port || remote_port != socket_->options().remote_port) return false;
    socket_->SetMaxMessageSize(static_cast<std::size_t>(max_message_size));
    return true;
  }
  dcsctp::DcSctpOptions options;
  options.local_port = local_port;
  options.remote_port = remote_port;
  options.max_message_size = static_cast<std::size_t>(max_message_size);
  options.max_send_buffer_size = kSendBuffer;
  options.max_burst = kMaxBurst;
  options.max_timer_backoff_duration = dcsctp::DurationMs(3000);
  // Whether a peer is lost is for ICE and for those above to say.
  options.max_retransmissions = absl::nullopt;
  options.max_init_retransmits = absl::nullopt;
  socket_ = make_dcsctp_socket(*this, options);
  maybe_connect();
  return true;
}

bool Association::SendData(int, const webrtc::SendDataParams&, const ::rtc::CopyOnWriteBuffer&,
                           cricket::SendDataResult* result) {
  if (result != nullptr) *result = cricket::SDR_ERROR;
  return false;
}

int Association::max_message_size() const {
  return socket_ ? static_cast<int>(socket_->options().max_message_size) : 0;
}

absl::optional<int> Association::max_outbound_streams() const {
  if (!socket_) return absl::nullopt;
  return socket_->options().announced_maximum_outgoing_streams;
}

absl::optional<int> Association::max_inbound_streams() const {
  if (!socket_) return absl::nullopt;
  return socket_->options().announced_maximum_incoming_streams;
}

dcsctp::SendPacketStatus Association::SendPacketWithStatus(::rtc::ArrayView<const std::uint8_t> data) {
  if (hold_back(data)) return dcsctp::SendPacketStatus::kSuccess;
  return send_packet(data);
}

/// The library acknowledges every second packet. Of the acknowledgements that one read of the socket brings about, the
/// newest says all, and every eighth is sent: a third of all packets otherwise, as costly as those with data. But not
/// while the sender may still be opening its window, which grows by acknowledgements, nor while packets are missing.
bool Association::hold_back(::rtc::ArrayView<const std::uint8_t> data) {
  const auto acknowledgement = lone_acknowledgement(data);
  if (acknowledgement == Acknowledgement::of_gaps) received_whole_ = 0;
  const bool holds = acknowledgement == Acknowledgement::of_all && received_whole_ >= kWindowOpen && batch_->held() &&
                     ++sacks_held_ < kSacksHeld;
  if (!holds) {
    // This one says more than what was held back, or its place is after it.
    if (acknowledgement == Acknowledgement::none) send_held();
    sack_.clear();
    sacks_held_ = 0;
    return false;
  }
  if (!std::exchange(late_, true)) batch_->call_before_flush(*this);
  sack_.assign(data.begin(), data.end());
  return true;
}

void Association::send_late() {
  late_ = false;
  send_held();
}

void Association::send_held() {
  if (sack_.empty()) return;
  sacks_held_ = 0;
  send_packet(std::exchange(sack_, {}));
}

dcsctp::SendPacketStatus Association::send_packet(::rtc::ArrayView<const std::uint8_t> data) {
  if (transport_ == nullptr || !transport_->writable()) return dcsctp::SendPacketStatus::kError;
  const int sent =
      transport_->SendPacket(reinterpret_cast<const char*>(data.data()), data.size(), ::rtc::PacketOptions(), 0);
  if (sent >= 0) return dcsctp::SendPacketStatus::kSuccess;
  return ::rtc::IsBlockingError(transport_->GetError()) ? dcsctp::SendPacketStatus::kTemporaryFailure
                                                        : dcsctp::SendPacketStatus::kError;
}

std::unique_ptr<dcsctp::Timeout> Association::CreateTimeout(webrtc::TaskQueueBase::DelayPrecision precision) {
  return timeouts_.CreateTimeout(precision);
}

dcsctp::TimeMs Association::TimeMillis() {
  return dcsctp::TimeMs(::rtc::TimeMillis());
}

std::uint32_t Association::GetRandomInt(std::uint32_t low, std::uint32_t high) {
  return low + static_cast<std::uint32_t>(::rtc::CreateRandomId64() % (std::uint64_t{high} - low + 1));
}

void Association::OnMessageReceived(dcsctp::DcSctpMessage message) {
  const std::uint16_t channel = message.stream_id().value();
  const std::uint32_t ppid = message.ppid().value();
  if (!link_ || channel >= streams_.size() || streams_[channel].refused || ppid == kDcep) return;
  if (ppid != kBinary && ppid != kBinaryEmpty) return refuse(channel, "a message that is not binary");
  auto bytes = std::move(message).ReleasePayload();
  if (ppid == kBinaryEmpty) bytes.clear();
  turns_.note(channel, bytes.size(), ::rtc::TimeMillis());
  if (bytes.size() > SdpLimits::kMaxMessage) return refuse(channel, "a message beyond the size that was offered");
  link_->deliver({Link::Incoming::Kind::message, channel, std::move(bytes)});
}

void Association::OnError(dcsctp::ErrorKind error, absl::string_view message) {
  log("rtc").debug("sctp: {}: {}", view(dcsctp::ToString(error)), printable(view(message)));
}

void Association::OnAborted(dcsctp::ErrorKind, absl::string_view message) {
  end(view(message));
}

void Association::OnConnected() {
  connected_ = true;
  if (link_) {
    const auto bytes = std::to_string(socket_->options().max_message_size);
    link_->deliver({Link::Incoming::Kind::opened, 0, text_bytes(bytes)});
  }
  if (on_connected_) on_connected_();
}

void Association::OnClosed() {
  end("closed");
}

void Association::OnIncomingStreamsReset(::rtc::ArrayView<const dcsctp::StreamID> streams) {
  for (const dcsctp::StreamID id : streams) {
    const std::uint16_t channel = id.value();
    if (!link_ || channel >= streams_.size() || streams_[channel].refused) continue;
    streams_[channel].refused = true;
    reset_stream(channel);
    link_->deliver({Link::Incoming::Kind::closed, channel, {}});
  }
}

void Association::connect_signals() {
  if (transport_ == nullptr) return;
  transport_->SignalWritableState.connect(this, &Association::on_writable);
  transport_->SignalReadPacket.connect(this, &Association::on_packet);
  transport_->SignalClosed.connect(this, &Association::on_transport_closed);
}

void Association::disconnect_signals() {
  if (transport_ == nullptr) return;
  transport_->SignalWritableState.disconnect(this);
  transport_->SignalReadPacket.disconnect(this);
  transport_->SignalClosed.disconnect(this);
}

void Association::on_packet(::rtc::PacketTransportInternal*, const char* data, std::size_t size, const std::int64_t&,
                            int flags) {
  if (flags != 0 || !socket_) return;  // flags mark SRTP
  if (link_ && link_->congested()) return;
  received_whole_ += size;
  socket_->ReceivePacket(::rtc::ArrayView<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(data), size));
  update();
}

void Association::on_transport_closed(::rtc::PacketTransportInternal*) {
  end("the other end closed the connection");
}

void Association::maybe_connect() {
  if (transport_ != nullptr && transport_->writable() && socket_ && socket_->state() == dcsctp::SocketState::kClosed &&
      !ended_) {
    socket_->Connect();
  }
}

void Association::end(std::string_view why) {
  if (std::exchange(ended_, true) || !link_) return;
  link_->deliver({Link::Incoming::Kind::ended, 0, text_bytes(why)});
}

void Association::refuse(std::uint16_t channel, std::string_view why) {
  streams_[channel].refused = true;
  reset_stream(channel);
  link_->deliver({Link::Incoming::Kind::refused, channel, text_bytes(why)});
}

void Association::reset_stream(std::uint16_t channel) {
  Stream& stream = streams_[channel];
  if (std::exchange(stream.reset, true) || !socket_) return;
  turns_.clear(channel);
  const dcsctp::StreamID ids[] = {dcsctp::StreamID(channel)};
  socket_->ResetStreams(ids);
}

void Association::update() {
  if (!link_ || !socket_) return;
  feed();
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[i];
    if (stream.handed != stream.reported) {
      const std::uint64_t sent =
          stream.handed - socket_->buffered_amount(dcsctp::StreamID(static_cast<std::uint16_t>(i)));
      if (sent != stream.reported) link_->set_sent(static_cast<int>(i), stream.reported = sent);
    }
    if (stream.closing && !stream.reset && turns_.empty(i) && stream.handed == stream.reported)
      reset_stream(static_cast<std::uint16_t>(i));
  }
}

}  // namespace owndir::rtc
