// Whom a TLS client trusts, and how the server's identity is made.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net_test.h"

namespace bamgate::net {
namespace {

/// A file that is gone at the end of the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / ("bamgate-ca-" + std::to_string(getpid()) + ".pem")) {
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class TlsTest : public NetTest {
 protected:
  void serve_as(const TlsIdentity& identity) {
    HttpServerOptions options;
    options.listen = loopback();
    options.tls = TlsContext::server(identity).value();
    HttpServer::Handlers handlers;
    handlers.on_request = [this](RequestId, const HttpRequest&) {
      ++requests_;
      return HttpReply::json(200, "{}");
    };
    server_ = HttpServer::listen(loop_, std::move(options), std::move(handlers)).value();
    url_.tls = true;
    url_.host = "localhost";
    url_.port = server_->local_endpoint().port;
  }
  Result<HttpReply> ask(const Trust& trust) {
    HttpCall what = call("/");
    what.connect.trust = trust;
    return request(std::move(what));
  }
  Trust trusting(const TemporaryFile& file) const {
    Trust trust;
    trust.ca_file = file.path();
    return trust;
  }
  TlsIdentity identity_for(std::string_view name, std::int64_t age_seconds, int days) {
    return make_self_signed(random_, name, UnixTime{unix_now().seconds - age_seconds}, days).value();
  }

  bamgate::testing::SeededRandom random_{7};
  int requests_ = 0;
};

TEST_F(TlsTest, PinnedKeyIsTrustedWhateverTheNameAndTheDate) {
  const TlsIdentity old = identity_for("somewhere-else", 1000 * 86400, 10);
  serve_as(old);
  Trust trust;
  trust.pin = spki_sha256(old.cert_pem).value();
  const auto reply = ask(trust);
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->body, "{}");
}

TEST_F(TlsTest, OtherKeyThanThePinnedOneIsRefusedBeforeAnythingIsSent) {
  serve_as(test_identity());
  Trust trust;
  trust.pin = spki_sha256(identity_for("localhost", 0, 10).cert_pem).value();
  const auto reply = ask(trust);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kCertificate);
  EXPECT_TRUE(reply.error().is_unreachable());
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsTest, SystemAuthoritiesDoNotVouchForASelfSignedCertificate) {
  serve_as(test_identity());
  const auto reply = ask(Trust{});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kCertificate) << reply.error().detail;
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsTest, AuthorityVouchesForTheNameInTheCertificate) {
  serve_as(test_identity());
  const TemporaryFile file(test_identity().cert_pem);
  const auto reply = ask(trusting(file));
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->status, 200);
}

TEST_F(TlsTest, AuthorityDoesNotVouchForAnotherName) {
  const TlsIdentity identity = identity_for("elsewhere.example", 0, 10);
  serve_as(identity);
  const TemporaryFile file(identity.cert_pem);
  const auto reply = ask(trusting(file));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kCertificate);
}

TEST_F(TlsTest, CertificatesOutOfDateAreRefused) {
  const std::vector<TlsIdentity> identities = {identity_for("localhost", 100 * 86400, 10),
                                               identity_for("localhost", -100 * 86400, 1000)};
  for (const TlsIdentity& identity : identities) {
    serve_as(identity);
    const TemporaryFile file(identity.cert_pem);
    const auto reply = ask(trusting(file));
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().code, Error::kDates);
  }
}

TEST_F(TlsTest, MissingAuthoritiesAreAnError) {
  serve_as(test_identity());
  Trust trust;
  trust.ca_file = "/nonexistent/ca.pem";
  const auto reply = ask(trust);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kInvalid);
}

TEST_F(TlsTest, PlainClientOfATlsServerGetsNoReply) {
  serve_as(test_identity());
  url_.tls = false;
  EXPECT_FALSE(request(call("/")).has_value());
  EXPECT_TRUE(wait_for([&] { return server_->counters().tls_failures == 1; }));
}

TEST_F(TlsTest, TlsClientOfAPlainServerFailsTheHandshake) {
  serve({});
  url_.tls = true;
  const auto reply = request(call("/"));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Error::kTls) << reply.error().detail;
}

TEST_F(TlsTest, SilentClientIsDroppedAfterTheHandshakesTime) {
  HttpServerOptions options;
  options.request_timeout = std::chrono::milliseconds(20);
  serve({}, options, true);
  url_.tls = false;
  EXPECT_EQ(raw_exchange(""), "");
  EXPECT_TRUE(wait_for([&] { return server_->connections() == 0; }));
  EXPECT_EQ(server_->counters().tls_failures, 1U);
}

TEST_F(TlsTest, IdentityCanBeReadAgainAndItsFingerprintStays) {
  EXPECT_TRUE(TlsContext::server(test_identity()).has_value());
  EXPECT_EQ(spki_sha256(test_identity().cert_pem).value(), spki_sha256(test_identity().cert_pem).value());
  EXPECT_NE(spki_sha256(test_identity().cert_pem).value(), spki_sha256(identity_for("a", 0, 1).cert_pem).value());
}

TEST_F(TlsTest, UnusableIdentitiesAreRefused) {
  const TlsIdentity other = identity_for("localhost", 0, 10);
  EXPECT_FALSE(TlsContext::server({test_identity().key_pem, other.cert_pem}).has_value());
  EXPECT_FALSE(TlsContext::server({"rubbish", other.cert_pem}).has_value());
  EXPECT_FALSE(TlsContext::server({other.key_pem, ""}).has_value());
  EXPECT_FALSE(spki_sha256("rubbish").has_value());
  EXPECT_FALSE(make_self_signed(random_, "", unix_now()).has_value());
  EXPECT_FALSE(make_self_signed(random_, "a,O=b", unix_now()).has_value());
  EXPECT_FALSE(make_self_signed(random_, std::string(65, 'a'), unix_now()).has_value());
}

}  // namespace
}  // namespace bamgate::net
