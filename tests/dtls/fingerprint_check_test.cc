// Whoever holds another certificate than promised never gets a session.
#include <gtest/gtest.h>

#include "dtls/pair.h"

namespace bamgate::dtls::testing {
namespace {

void expect_refusal(bool client_expects_another) {
  Pair pair;
  Side stranger(99);
  const Fingerprint& wrong = stranger.certificate->fingerprint();
  pair.create(
      pair.client.options(Role::kClient, client_expects_another ? wrong : pair.server.certificate->fingerprint()),
      pair.server.options(Role::kServer, client_expects_another ? pair.client.certificate->fingerprint() : wrong));
  pair.connect();
  EXPECT_EQ(pair.client.connected + pair.server.connected, 0);
  EXPECT_FALSE(pair.client.session->connected() || pair.server.session->connected());
  EXPECT_EQ(pair.side(client_expects_another).closed, std::vector{Error::kFingerprintMismatch});
  EXPECT_EQ(pair.side(!client_expects_another).closed, std::vector{Error::kAlertReceived});
}

TEST(DtlsFingerprint, AClientRefusesAnotherServer) { expect_refusal(true); }

TEST(DtlsFingerprint, AServerRefusesAnotherClient) { expect_refusal(false); }

TEST(DtlsFingerprint, TheAlertIsBadCertificate) {
  Pair pair;
  pair.create(pair.client.options(Role::kClient, Fingerprint{}),
              pair.server.options(Role::kServer, pair.client.certificate->fingerprint()));
  pair.connect();
  const Datagram& last = pair.transcript.back().second;
  ASSERT_EQ(last.size(), 15U);
  EXPECT_EQ(last[0], std::byte{21});
  EXPECT_EQ(last[13], std::byte{2});
  EXPECT_EQ(last[14], std::byte{42});  // RFC 8122 §6.2
}

TEST(DtlsFingerprint, OneOfSeveralIsEnough) {
  Pair pair;
  Fingerprints several(Fingerprint{});
  several.add(pair.server.certificate->fingerprint());
  auto options = pair.client.options(Role::kClient, Fingerprint{});
  options.remote_fingerprints = several;
  pair.create(options, pair.server.options(Role::kServer, pair.client.certificate->fingerprint()));
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
}

TEST(DtlsFingerprint, NoDateIsChecked) {
  Pair pair;
  auto client = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  auto server = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
  client.unix_time = UnixTime{1};              // 1970: long before the certificate
  server.unix_time = UnixTime{4'000'000'000};  // 2096: long after
  pair.create(client, server);
  pair.connect();
  EXPECT_TRUE(pair.both_connected());
}

}  // namespace
}  // namespace bamgate::dtls::testing
