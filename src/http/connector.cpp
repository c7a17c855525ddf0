#include "http/connector.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <vector>

#include "http/net_stream.hpp"

namespace owndir::http {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kAddresses = 16;  ///< of one host that are tried

using Endpoint = asio::generic::stream_protocol::endpoint;

asio::ip::address plain(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

/// Addresses that never name one machine, or name one only with a zone.
bool is_refused(const asio::ip::address& given) {
  const asio::ip::address address = plain(given);
  if (address.is_unspecified() || address.is_multicast()) return true;
  if (address.is_v6()) return address.to_v6().is_link_local();
  const auto bytes = address.to_v4().to_bytes();
  const bool link_local = bytes[0] == 169 && bytes[1] == 254;
  return link_local || bytes[0] == 0 || address.to_v4() == asio::ip::address_v4::broadcast();
}

bool is_numeric(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

/// One attempt at one connection: shared with the timer that ends it.
struct Attempt {
  explicit Attempt(const asio::any_io_executor& executor) : resolver(executor), stream(executor), timer(executor) {}
  asio::ip::tcp::resolver resolver;
  NetStream stream;
  asio::steady_timer timer;
  bool late = false;

  static void due_in(const std::shared_ptr<Attempt>& self, std::chrono::milliseconds wait) {
    self->timer.expires_after(wait);
    self->timer.async_wait([weak = std::weak_ptr<Attempt>(self)](boost::system::error_code error) {
      const auto attempt = weak.lock();
      if (error || !attempt) return;
      attempt->late = true;
      attempt->resolver.cancel();
      attempt->stream.close();
    });
  }
};

}  // namespace

std::string to_string(const Address& address) {
  if (!address.path.empty()) return address.path;
  const bool v6 = address.host.find(':') != address.host.npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

struct Connector::State {
  State(asio::any_io_executor e, Address a) : executor(std::move(e)), address(std::move(a)) {}

  static Awaitable<Result<void>> resolve(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt);
  static Awaitable<Result<void>> open(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt,
                                      std::vector<Endpoint> endpoints);
  static Awaitable<Result<void>> secure(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt);
  Result<void> make_context();

  asio::any_io_executor executor;
  Address address;
  std::vector<Endpoint> endpoints;  ///< resolved and checked
  std::shared_ptr<asio::ssl::context> context;
};

Connector::Connector(asio::any_io_executor executor, Address address)
    : state_(std::make_shared<State>(std::move(executor), std::move(address))) {}
Connector::~Connector() = default;

const Address& Connector::address() const {
  return state_->address;
}

Awaitable<Result<NetStream>> Connector::connect(std::chrono::milliseconds wait) {
  const auto state = state_;
  const auto attempt = std::make_shared<Attempt>(state->executor);
  Attempt::due_in(attempt, wait);
  const bool had_addresses = !state->endpoints.empty();
  Result<void> done = Result<void>();
  if (!had_addresses) done = co_await State::resolve(state, attempt);
  std::vector<Endpoint> endpoints = state->endpoints;
  if (done) done = co_await State::open(state, attempt, std::move(endpoints));
  // The host may have moved: the next connection asks anew.
  if (!done && state->address.path.empty()) state->endpoints.clear();
  if (done && state->address.tls) done = co_await State::secure(state, attempt);
  attempt->timer.cancel();
  if (attempt->late) co_return fail(Errc::timeout, "connecting to " + to_string(state->address));
  if (!done) co_return fail(std::move(done.error()));
  co_return std::move(attempt->stream);
}

Awaitable<Result<void>> Connector::State::resolve(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt) {
  const Address& address = self->address;
  if (!address.path.empty()) {
    self->endpoints = {asio::local::stream_protocol::endpoint(address.path)};
    co_return Result<void>();
  }
  const std::string service = std::to_string(address.port);
  const auto flags = asio::ip::resolver_base::numeric_service;
  const auto [error, found] = co_await attempt->resolver.async_resolve(address.host, service, flags, kTuple);
  if (error) co_return fail(Errc::not_found, "the name " + address.host + " has no address: " + error.message());
  self->endpoints.clear();
  std::string refused;
  for (const auto& each : found) {
    const asio::ip::tcp::endpoint endpoint = each.endpoint();
    if (is_refused(endpoint.address()))
      refused = endpoint.address().to_string();
    else if (self->endpoints.size() < kAddresses)
      self->endpoints.emplace_back(endpoint);
  }
  if (self->endpoints.empty())
    co_return fail(Errc::forbidden, (refused == address.host ? refused : address.host + " (" + refused + ")") +
                                        " is not an address of one machine");
  co_return Result<void>();
}

Awaitable<Result<void>> Connector::State::open(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt,
                                               std::vector<Endpoint> endpoints) {
  boost::system::error_code last = asio::error::host_not_found;
  for (const Endpoint& endpoint : endpoints) {
    if (attempt->late) break;
    boost::system::error_code ignored;
    attempt->stream.socket().close(ignored);
    const auto [error] = co_await attempt->stream.socket().async_connect(endpoint, kTuple);
    last = error;
    if (!error) break;
  }
  if (last) co_return fail(last, "connecting to " + to_string(self->address));
  boost::system::error_code ignored;
  if (self->address.path.empty()) {
    attempt->stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    attempt->stream.socket().set_option(asio::socket_base::keep_alive(true), ignored);
  }
  co_return Result<void>();
}

Result<void> Connector::State::make_context() {
  auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  boost::system::error_code error;
  made->set_default_verify_paths(error);
  if (!error && !address.trusted_pem.empty()) made->add_certificate_authority(asio::buffer(address.trusted_pem), error);
  if (!error) made->set_verify_mode(asio::ssl::verify_peer, error);
  if (error) return fail(Errc::internal, "TLS cannot be set up: " + error.message());
  SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_2_VERSION);
  context = std::move(made);
  return {};
}

Awaitable<Result<void>> Connector::State::secure(std::shared_ptr<State> self, std::shared_ptr<Attempt> attempt) {
  if (!self->context) {
    auto made = self->make_context();
    if (!made) co_return made;
  }
  NetStream::Tls& tls = attempt->stream.begin_tls(self->context);
  const std::string& host = self->address.host;
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  SSL_set_alpn_protos(tls.native_handle(), kProtocols, sizeof kProtocols - 1);
  bool named = false;
  if (is_numeric(host)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.native_handle()), host.c_str()) == 1;
  } else {
    SSL_set_tlsext_host_name(tls.native_handle(), host.c_str());
    named = SSL_set1_host(tls.native_handle(), host.c_str()) == 1;
  }
  if (!named) co_return fail(Errc::internal, "TLS cannot be set up for " + host);
  ERR_clear_error();
  const auto [failed] = co_await tls.async_handshake(asio::ssl::stream_base::client, kTuple);
  if (!failed) co_return Result<void>();
  const long verdict = SSL_get_verify_result(tls.native_handle());
  if (verdict != X509_V_OK)
    co_return fail(Errc::foreign, "the certificate of " + to_string(self->address) +
                                      " does not hold here: " + X509_verify_cert_error_string(verdict));
  if (failed.category() == std::system_category() || failed == asio::error::eof)
    co_return fail(Errc::closed, "TLS with " + to_string(self->address) + ": " + failed.message());
  co_return fail(Errc::protocol, "TLS with " + to_string(self->address) + ": " + failed.message());
}

}  // namespace owndir::http
