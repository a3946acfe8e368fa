// The port that tells the master secret, and the check that lets anybody in: both only for those who ask.
#include <gtest/gtest.h>

#include "core/key_log.h"
#include "dtls/pair.h"

namespace bamgate::dtls::testing {
namespace {

struct Listener : KeyLog {
  std::vector<std::pair<Datagram, Datagram>> told;
  void add_dtls(Bytes client_random, Bytes master_secret) override {
    told.emplace_back(Datagram(client_random.begin(), client_random.end()),
                      Datagram(master_secret.begin(), master_secret.end()));
  }
  void add_wireguard(const WireGuardKeys& /*keys*/) override { FAIL() << "DTLS told WireGuard keys"; }
};

TEST(KeyLog, BothSidesTellTheSameSecretUnderTheRandomOfTheClientHello) {
  Listener client;
  Listener server;
  Pair pair;
  auto client_options = pair.client.options(Role::kClient, pair.server.certificate->fingerprint());
  auto server_options = pair.server.options(Role::kServer, pair.client.certificate->fingerprint());
  client_options.key_log = &client;
  server_options.key_log = &server;
  pair.create(client_options, server_options);
  pair.connect();
  ASSERT_TRUE(pair.both_connected());
  ASSERT_EQ(client.told.size(), 1U);
  EXPECT_EQ(client.told, server.told);
  const auto& [random, secret] = client.told[0];
  // RFC 5246 §8.1: 48 bytes. RFC 6347 §4.2.2: the random stands behind both headers and the version.
  EXPECT_EQ(secret.size(), 48U);
  const Datagram& hello = pair.transcript.at(0).second;
  EXPECT_TRUE(std::equal(random.begin(), random.end(), hello.begin() + 13 + 12 + 2));
}

TEST(KeyLog, AnybodyIsLetInOnlyByTheFingerprintsThatSaySo) {
  Pair pair;
  const auto nobody = Fingerprint{};
  pair.create(pair.client.options(Role::kClient, nobody),
              pair.server.options(Role::kServer, pair.client.certificate->fingerprint()));
  pair.connect();
  EXPECT_FALSE(pair.client.session->connected());

  Pair open;
  auto options = open.client.options(Role::kClient, nobody);
  options.remote_fingerprints = Fingerprints::anybody();
  open.create(options, open.server.options(Role::kServer, open.client.certificate->fingerprint()));
  open.connect();
  EXPECT_TRUE(open.both_connected());
}

}  // namespace
}  // namespace bamgate::dtls::testing
