// The Peer over a Session: the state machine, the timers and the channels, all on the network thread.
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>

#include "base/log.hpp"
#include "rtc/channel.hpp"
#include "rtc/sdp.hpp"
#include "rtc/session.hpp"

namespace owndir::rtc {

namespace {

using namespace std::chrono_literals;

// How long a connected peer may be unreachable before it has failed.
constexpr auto kLostAfter = 30s;
// What libwebrtc may take for anything that needs no network: far more than it ever does.
constexpr auto kStackWait = 10s;

class LibwebrtcPeer final : public Peer, public Link::Receiver, public std::enable_shared_from_this<LibwebrtcPeer> {
 public:
  LibwebrtcPeer(LibwebrtcEngine& engine, PeerOptions options)
      : engine_(engine),
        network_(engine.network()),
        options_(std::move(options)),
        link_(std::make_shared<Link>(network_, options_.channels)),
        deadline_(network_) {}

  ~LibwebrtcPeer() override { release(Error{make_error_code(Errc::closed), "the peer is gone"}); }

  Awaitable<Result<std::string>> make_offer() override {
    const auto self = shared_from_this();
    if (!begin()) co_return fail(Errc::conflict, "the peer has made or taken an offer before");
    run([](Session& session) { session.offer(); });
    auto offer = co_await local_description();
    if (offer) set_state(PeerState::waiting);
    co_return offer;
  }

  Awaitable<Result<std::string>> accept_offer(std::string offer) override {
    const auto self = shared_from_this();
    auto summary = SdpSummary::parse(SdpType::offer, offer);
    if (!summary) co_return fail(summary.error());
    if (!begin()) co_return fail(Errc::conflict, "the peer has made or taken an offer before");
    note_remote(*summary);
    run([sdp = summary->to_sdp()](Session& session) { session.answer(sdp); });
    auto answer = co_await local_description();
    if (answer) connecting();
    co_return answer;
  }

  Awaitable<Result<void>> accept_answer(std::string answer) override {
    const auto self = shared_from_this();
    if (state_ != PeerState::waiting) co_return fail(Errc::conflict, "the peer waits for no answer");
    auto summary = SdpSummary::parse(SdpType::answer, answer);
    if (!summary) co_return fail(summary.error());
    if (summary->mid != local_mid_) co_return fail(Errc::malformed, "SDP: the answer's a=mid is not the offer's");
    note_remote(*summary);
    connecting();
    run([sdp = summary->to_sdp()](Session& session) { session.take_answer(sdp); });
    const std::function<bool()> done = [this] { return remote_set_ || final(); };
    co_await wait_until(done, kStackWait);
    if (failure_) co_return fail(*failure_);
    if (!remote_set_) co_return fail(Errc::timeout, "the WebRTC stack did not take the answer");
    co_return Result<void>();
  }

  const std::vector<std::shared_ptr<exchange::MessageChannel>>& channels() const override { return public_channels_; }
  PeerState state() const override { return state_; }
  void on_state(std::function<void(PeerState)> callback) override { on_state_ = std::move(callback); }

  Awaitable<PathReport> path_report() override { co_return report_; }

  Awaitable<void> close() override {
    const auto self = shared_from_this();
    finish(PeerState::closed, Error{make_error_code(Errc::closed), "closed by this end"});
    const std::function<bool()> done = [this] { return released_; };
    co_await wait_until(done, kStackWait);
  }

  // Link::Receiver
  void receive(Link::Incoming item) override {
    using Kind = Link::Incoming::Kind;
    if (item.kind == Kind::message) {
      channels_[item.channel]->received(std::move(item.bytes));
      return;
    }
    const std::string text(item.bytes.begin(), item.bytes.end());
    if (item.kind == Kind::opened) {
      deadline_.cancel();
      set_state(PeerState::connected);
      const std::size_t largest = std::min<std::size_t>(std::stoul(text), SdpLimits::kMaxMessage);
      for (const auto& channel : channels_) channel->opened(largest);
    } else if (item.kind == Kind::ended) {
      finish(PeerState::closed, Error{make_error_code(Errc::closed), "the other end is gone: " + printable(text)});
    } else if (item.kind == Kind::refused) {
      channels_[item.channel]->ended(Error{make_error_code(Errc::protocol), "the other end sent " + text});
    } else {
      channels_[item.channel]->ended(Error{make_error_code(Errc::closed), "the other end closed the channel"});
    }
  }
  void buffered_low(int channel) override { channels_[static_cast<std::size_t>(channel)]->buffered_low(); }

 private:
  bool final() const { return state_ == PeerState::failed || state_ == PeerState::closed; }

  bool begin() {
    if (session_ || final()) return false;
    for (int id = 0; id < options_.channels; ++id) {
      channels_.push_back(std::make_shared<Channel>(network_, link_, id, options_.max_buffered));
    }
    public_channels_.assign(channels_.begin(), channels_.end());
    auto tell = [network = network_, weak = weak_from_this()](Notice notice) {
      asio::post(network, [weak, notice = std::move(notice)] {
        if (const auto self = weak.lock()) self->notice(notice);
      });
    };
    session_ = std::make_shared<Session>(engine_, options_, link_, std::move(tell));
    auto wake = [thread = &engine_.thread(), session = session_] { thread->PostTask([session] { session->drain(); }); };
    link_->start(std::move(wake), weak_from_this());
    return true;
  }

  /// Runs `task` with the session on the engine's thread.
  template <class Task>
  void run(Task task) {
    if (!session_) return;
    engine_.thread().PostTask([session = session_, task = std::move(task)] { task(*session); });
  }

  /// Waits for the description of this end: complete, or what there is after gather_wait.
  Awaitable<Result<std::string>> local_description() {
    const std::function<bool()> there = [this] { return !local_sdp_.empty() || final(); };
    co_await wait_until(there, options_.gather_wait);
    if (!there()) {
      log("rtc").info("candidates: not all came within {} ms; going on with those that did",
                      options_.gather_wait.count());
      run([](Session& session) { session.describe(); });
      co_await wait_until(there, kStackWait);
    }
    if (failure_) co_return fail(*failure_);
    if (local_sdp_.empty()) {
      const Error error{make_error_code(Errc::timeout), "the WebRTC stack made no description"};
      finish(PeerState::failed, error);
      co_return fail(error);
    }
    co_return local_sdp_;
  }

  /// Until `condition` holds or the time is over; ends by exception when the coroutine is cancelled.
  Awaitable<void> wait_until(std::function<bool()> condition, std::chrono::steady_clock::duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    asio::steady_timer timer(network_);
    const auto place = waiting_.insert(waiting_.end(), &timer);
    const std::shared_ptr<void> leave(nullptr, [this, place](void*) { waiting_.erase(place); });
    while (!condition() && std::chrono::steady_clock::now() < end) {
      timer.expires_at(end);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  void wake() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
  }

  void notice(const Notice& notice) {
    if (final()) return;
    switch (notice.kind) {
      case Notice::Kind::described: described(notice.text); break;
      case Notice::Kind::remote_set: remote_set_ = true; break;
      case Notice::Kind::error: finish(PeerState::failed, Error{make_error_code(Errc::internal), notice.text}); break;
      case Notice::Kind::failed: finish(PeerState::failed, Error{make_error_code(Errc::closed), notice.text}); break;
      case Notice::Kind::selected: report_.selected = notice.text; break;
      case Notice::Kind::connected:
        if (state_ == PeerState::disconnected) {
          deadline_.cancel();
          set_state(PeerState::connected);
        }
        break;
      case Notice::Kind::disconnected:
        if (state_ == PeerState::connected) {
          set_state(PeerState::disconnected);
          fail_after(kLostAfter, "the other end has not been heard of for 30 s");
        }
        break;
    }
    wake();
  }

  void described(const std::string& sdp) {
    local_sdp_ = sdp;
    // Our own description read as a stranger's: what the report and the check of the answer need.
    const auto type = sdp.find("a=setup:actpass") == std::string::npos ? SdpType::answer : SdpType::offer;
    if (const auto own = SdpSummary::parse(type, sdp)) {
      local_mid_ = own->mid;
      for (const SdpCandidate& each : own->candidates) report_.local.push_back(each.describe());
    }
  }

  void note_remote(const SdpSummary& summary) {
    for (const SdpCandidate& each : summary.candidates) report_.remote.push_back(each.describe());
    for (const std::string& each : summary.skipped) report_.remote.push_back(each + " (not usable)");
  }

  void connecting() {
    if (state_ != PeerState::gathering && state_ != PeerState::waiting) return;
    set_state(PeerState::connecting);
    fail_after(options_.patience, "the other end was not reached in time");
  }

  void fail_after(std::chrono::steady_clock::duration limit, std::string why) {
    deadline_.expires_after(limit);
    deadline_.async_wait([weak = weak_from_this(), why = std::move(why)](boost::system::error_code error) {
      const auto self = weak.lock();
      if (error || !self || self->state_ == PeerState::connected) return;
      self->finish(PeerState::failed, Error{make_error_code(Errc::timeout), why});
    });
  }

  void set_state(PeerState state) {
    if (state_ == state || final()) return;
    state_ = state;
    asio::post(network_, [weak = weak_from_this(), state] {
      const auto self = weak.lock();
      if (!self || !self->on_state_) return;
      const auto callback = self->on_state_;
      callback(state);
    });
  }

  /// Into a final state: everything of libwebrtc is freed, the channels are closed.
  void finish(PeerState state, const Error& error) {
    if (final()) return;
    log("rtc").debug("{}: {}", to_string(state), error.to_string());
    if (!failure_) failure_ = error;
    release(error);
    set_state(state);
    wake();
  }

  void release(const Error& error) {
    deadline_.cancel();
    link_->stop();
    for (const auto& channel : channels_) channel->ended(error);
    if (!session_) {
      released_ = true;
      return;
    }
    engine_.thread().PostTask([session = std::move(session_), network = network_, weak = weak_from_this()]() mutable {
      session->close();
      session.reset();
      asio::post(network, [weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->released_ = true;
        self->wake();
      });
    });
    session_.reset();
  }

  LibwebrtcEngine& engine_;
  const asio::any_io_executor network_;
  const PeerOptions options_;
  const std::shared_ptr<Link> link_;
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<Channel>> channels_;
  std::vector<std::shared_ptr<exchange::MessageChannel>> public_channels_;

  PeerState state_ = PeerState::gathering;
  std::function<void(PeerState)> on_state_;
  std::optional<Error> failure_;
  std::string local_sdp_, local_mid_;
  PathReport report_;
  bool remote_set_ = false, released_ = false;
  std::list<asio::steady_timer*> waiting_;  ///< of the coroutines that wait for a change
  asio::steady_timer deadline_;             ///< of the present state
};

}  // namespace

Result<std::shared_ptr<Peer>> Peer::create(Engine& engine, PeerOptions options) {
  if (options.channels < 1 || options.channels > static_cast<int>(LinkLimits::kChannels)) {
    return fail(Errc::limit, "1 to 16 channels");
  }
  return std::make_shared<LibwebrtcPeer>(static_cast<LibwebrtcEngine&>(engine), std::move(options));
}

}  // namespace owndir::rtc
