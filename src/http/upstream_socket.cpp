#include "http/upstream_socket.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>

#include "base/random.hpp"
#include "http/hop_by_hop.hpp"

namespace owndir::http {
namespace {

bool has_token(const exchange::Fields& fields, std::string_view name, std::string_view token) {
  bool found = false;
  for (const auto& field : fields) {
    if (!exchange::iequals(field.name, name)) continue;
    for_each_token(field.value, [&](std::string_view member) { found = found || exchange::iequals(member, token); });
  }
  return found;
}

}  // namespace

std::string make_socket_key() {
  std::array<std::byte, 16> random{};
  system_random().fill(random);
  std::array<unsigned char, 25> coded{};
  const int size = EVP_EncodeBlock(coded.data(), reinterpret_cast<const unsigned char*>(random.data()), random.size());
  return {reinterpret_cast<const char*>(coded.data()), static_cast<std::size_t>(size)};
}

std::optional<std::string> socket_answer_fault(const exchange::ResponseHead& answer, std::string_view key,
                                               const std::vector<std::string>& offered) {
  const exchange::Fields& fields = answer.fields;
  if (!has_token(fields, "Upgrade", "websocket") || !has_token(fields, "Connection", "upgrade"))
    return "the server switched to something else than a WebSocket";
  if (fields.get("Sec-WebSocket-Accept") != accept_of(key)) return "the server's Sec-WebSocket-Accept is wrong";
  if (fields.contains("Sec-WebSocket-Extensions")) return "the server chose an extension that was not offered";
  const std::string protocol(fields.get("Sec-WebSocket-Protocol").value_or(""));
  if (!protocol.empty() && std::find(offered.begin(), offered.end(), protocol) == offered.end())
    return "the server chose a subprotocol that was not offered";
  return std::nullopt;
}

/// What the holder has: all calls go to the carrier, which stays until its task has ended.
class UpstreamSocket::Handle final : public exchange::WebSocket {
 public:
  explicit Handle(std::shared_ptr<UpstreamSocket> socket) : socket_(std::move(socket)) {}
  ~Handle() override {
    socket_->is_dropped_ = true;
    socket_->dropped_.notify();
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Awaitable<Result<std::optional<exchange::SocketMessage>>> receive() override { return socket_->carrier_.receive(); }
  Awaitable<Result<void>> send(exchange::SocketMessage message) override {
    return socket_->carrier_.send(std::move(message));
  }
  Awaitable<void> close(std::uint16_t code, std::string reason) override {
    return socket_->carrier_.close(code, std::move(reason));
  }
  std::uint16_t close_code() const override { return socket_->carrier_.close_code(); }
  std::string close_reason() const override { return socket_->carrier_.close_reason(); }

 private:
  std::shared_ptr<UpstreamSocket> socket_;
};

UpstreamSocket::UpstreamSocket(const asio::any_io_executor& executor, NetStream stream, const SocketLimits& limits)
    : carrier_(std::move(stream), limits), dropped_(executor) {}

Result<std::unique_ptr<exchange::WebSocket>> UpstreamSocket::hand_out(std::shared_ptr<UpstreamSocket> self,
                                                                      TaskGroup& tasks,
                                                                      std::set<UpstreamSocket*>& open) {
  // A task that a stopping group drops would leave the carrier's own behind.
  if (tasks.stopping()) return fail(Errc::closed, "the WebSocket: this end stops");
  if (!self->carrier_.begin_client()) return fail(Errc::internal, "a WebSocket to the upstream");
  open.insert(self.get());
  tasks.spawn("upstream socket", run(self, open));
  return std::make_unique<Handle>(std::move(self));
}

Awaitable<void> UpstreamSocket::run(std::shared_ptr<UpstreamSocket> self, std::set<UpstreamSocket*>& open) {
  self->carrier_.start({});
  bool go_on = !self->is_dropped_;
  while (go_on) {
    const bool woken = co_await self->dropped_.wait();
    go_on = woken && !self->is_dropped_;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  self->carrier_.cut();
  co_await self->carrier_.finish();
  open.erase(self.get());
}

}  // namespace owndir::http
