// The client under TLS, against a server of OpenSSL's with a certificate made here.
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <future>

#include "http/test_upstream.hpp"

namespace owndir::http {
namespace {

using ::testing::HasSubstr;

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Release<SSL_CTX, SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Release<SSL, SSL_free>>;

/// A self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1").
struct Identity {
  explicit Identity(const std::string& names, long valid_s = 3600) : key(EVP_EC_gen("P-256")), certificate(X509_new()) {
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_s);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    const auto* text = reinterpret_cast<const unsigned char*>("a test");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  }
  std::string pem() const {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(memory);
    return text;
  }
  Key key;
  Certificate certificate;
};

/// Speaks TLS on accepted connections; `script` gets what was read up to an empty line, and the session.
class TlsServer {
 public:
  TlsServer(const Identity& identity, std::function<void(SSL*, Peer&)> script)
      : context_(SSL_CTX_new(TLS_server_method())),
        script_(std::move(script)),
        server_([this](Peer& peer) { play(peer); }) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
  }
  Address address(const Identity& trusted, std::string host = "localhost") const {
    return {.host = std::move(host), .port = server_.port(), .tls = true, .trusted_pem = trusted.pem()};
  }
  std::size_t connections() const { return server_.connections(); }

  static std::string read_head(SSL* session) {
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == head.npos && SSL_read(session, &byte, 1) == 1) head += byte;
    return head;
  }
  static void send(SSL* session, std::string_view text) {
    SSL_write(session, text.data(), static_cast<int>(text.size()));
  }

 private:
  void play(Peer& peer) {
    const Session session(SSL_new(context_.get()));
    SSL_set_fd(session.get(), peer.descriptor());
    if (SSL_accept(session.get()) == 1) script_(session.get(), peer);
  }

  Context context_;
  std::function<void(SSL*, Peer&)> script_;
  ScriptedServer server_;
};

void answer_all(SSL* session, Peer&) {
  while (!TlsServer::read_head(session).empty())
    TlsServer::send(session, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
}

TEST(ClientTls, AsksATrustedServerByItsNameOnOneConnection) {
  const Identity identity("DNS:localhost");
  std::promise<std::string> named;
  TlsServer server(identity, [&](SSL* session, Peer& peer) {
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    named.set_value(name == nullptr ? "" : name);
    answer_all(session, peer);
  });
  TestAsker asker(server.address(identity));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(asker.get().body, "secret");
  EXPECT_EQ(within(named), "localhost");
  EXPECT_EQ(server.connections(), 1U);
}

TEST(ClientTls, AsksAServerByItsAddressWhereItsCertificateHasThat) {
  const Identity identity("IP:127.0.0.1");
  TlsServer server(identity, answer_all);
  TestAsker asker(server.address(identity, "127.0.0.1"));
  EXPECT_EQ(asker.get().body, "secret");
}

TEST(ClientTls, SendsNothingToAServerWhoseCertificateDoesNotHold) {
  const Identity good("DNS:localhost"), other("DNS:localhost"), elsewhere("DNS:example.org"),
      late("DNS:localhost", -3600);
  const struct {
    const Identity& shown;
    const Identity& trusted;
    const char* complaint;
  } cases[] = {{good, other, "certificate"}, {elsewhere, elsewhere, "ostname mismatch"}, {late, late, "expired"}};
  for (const auto& [shown, trusted, complaint] : cases) {
    std::atomic<bool> asked = false;
    TlsServer server(shown, [&](SSL* session, Peer&) { asked = !TlsServer::read_head(session).empty(); });
    TestAsker asker(server.address(trusted));
    const Reply reply = asker.get();
    ASSERT_TRUE(reply.fault) << complaint;
    EXPECT_TRUE(reply.fault->is(Errc::foreign)) << reply.fault->to_string();
    EXPECT_THAT(reply.fault->context, HasSubstr(complaint));
    asker.stop();
    EXPECT_FALSE(asked);
  }
}

TEST(ClientTls, AConnectionThatIsCutIsNeverTheEndOfABody) {
  const Identity identity("DNS:localhost");
  TlsServer server(identity, [](SSL* session, Peer& peer) {
    const bool in_order = TlsServer::read_head(session).starts_with("GET /good");
    TlsServer::send(session, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    if (in_order) SSL_shutdown(session);
    peer.close();
  });
  TestAsker asker(server.address(identity));
  const Reply good = asker.get("/good");
  EXPECT_EQ(good.body, "until the end");
  EXPECT_FALSE(good.fault);
  EXPECT_TRUE(asker.get("/cut").fault);
}

TEST(ClientTls, SaysWhatIsWrongWhereThePortSpeaksNoTls) {
  ScriptedServer server([](Peer& peer) {
    peer.read_bytes(1);
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  Address address = server.address();
  address.tls = true;
  TestAsker asker(address);
  const Reply reply = asker.get();
  ASSERT_TRUE(reply.fault);
  EXPECT_TRUE(reply.fault->is(Errc::protocol)) << reply.fault->to_string();
  EXPECT_THAT(reply.fault->context, HasSubstr("TLS with"));
}

}  // namespace
}  // namespace owndir::http
