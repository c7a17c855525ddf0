#include "exchange/web_socket.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "exchange/field_value.hpp"

namespace owndir::exchange {
namespace {

Awaitable<void> pass(WebSocket& from, WebSocket& to) {
  for (;;) {
    Result<std::optional<SocketMessage>> message = co_await from.receive();
    if (!message) {
      std::string none;
      co_await to.close(close_code::kBroken, std::move(none));  // what broke there breaks here
      co_return;
    }
    if (!*message) {
      std::string reason = from.close_reason();
      co_await to.close(from.close_code(), std::move(reason));
      co_return;
    }
    const Result<void> sent = co_await to.send(std::move(**message));
    if (sent || sent.error().is(Errc::closed)) continue;  // closed: `to` has its own end, which the other pass sees
    std::string reason = "a message cannot be passed on: " + sent.error().to_string();
    const std::uint16_t code = sent.error().is(Errc::too_large) ? close_code::kTooLarge : close_code::kInternal;
    co_await from.close(code, std::move(reason));
    co_await to.close(code, std::string());
    co_return;
  }
}

class Relay final : public SocketSession {
 public:
  explicit Relay(std::unique_ptr<WebSocket> other) : other_(std::move(other)) {}
  Awaitable<void> run(WebSocket& socket) override { co_await relay(socket, *other_); }

 private:
  std::unique_ptr<WebSocket> other_;
};

}  // namespace

bool may_be_sent(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != close_code::kNone && code != close_code::kBroken;
}

std::vector<std::string> offered_protocols(const Fields& fields) {
  std::vector<std::string> offered;
  for (const auto& field : fields) {
    if (!iequals(field.name, "Sec-WebSocket-Protocol")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      std::string_view member = rest.substr(0, comma);
      rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
      const std::size_t first = member.find_first_not_of(" \t");
      if (first == member.npos) continue;
      member = member.substr(first, member.find_last_not_of(" \t") - first + 1);
      offered.emplace_back(member);
    }
  }
  return offered;
}

std::optional<std::string> accept_fault(const SocketAccept& accept, const Fields& request) {
  if (!accept.session) return "there is no session";
  const std::vector<std::string> offered = offered_protocols(request);
  if (!accept.protocol.empty() && std::find(offered.begin(), offered.end(), accept.protocol) == offered.end())
    return "the chosen protocol was not offered";
  for (const Field& field : accept.fields)
    if (!is_token(field.name) || !is_passable_value(field.value)) return "a field that cannot be sent";
  return std::nullopt;
}

void remove_handshake_fields(Fields& fields) {
  for (const char* name :
       {"Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"})
    fields.remove(name);
}

Awaitable<void> relay(WebSocket& one, WebSocket& other) {
  using asio::experimental::awaitable_operators::operator&&;
  co_await (pass(one, other) && pass(other, one));
}

std::unique_ptr<SocketSession> make_relay(std::unique_ptr<WebSocket> other) {
  return std::make_unique<Relay>(std::move(other));
}

}  // namespace owndir::exchange
