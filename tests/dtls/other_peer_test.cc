// Against an mbedTLS with other settings: suites, cookies, extensions, kinds of certificate.
#include <gtest/gtest.h>

#include "dtls/mbedtls_compat.h"
#include "dtls/raw_peer.h"
#include "dtls/record.h"

namespace bamgate::dtls::testing {
namespace {

using Identity = RawPeer::Identity;
using namespace std::string_view_literals;

/// Data of every size that matters goes both ways.
void expect_data_both_ways(Duel& duel, std::size_t overhead) {
  ASSERT_TRUE(duel.both_connected());
  EXPECT_EQ(duel.ours.session->overhead(), overhead);
  for (const std::size_t size : {1U, 15U, 16U, 1340U}) {
    PacketBuffer packet = duel.ours.pool.take();
    std::ranges::fill(packet.append(size), std::byte{0x42});
    ASSERT_TRUE(duel.ours.session->seal(duel.now, packet));
    ASSERT_EQ(packet.size(), size + overhead);
    duel.theirs.deliver({packet.data().begin(), packet.data().end()});
    ASSERT_FALSE(duel.theirs.received().empty());
    EXPECT_EQ(duel.theirs.received().back(), Datagram(size, std::byte{0x42}));
    duel.theirs.send(Datagram(size, std::byte{0x43}));
    PacketBuffer answer = duel.ours.pool.copy(duel.theirs.take_output().at(0));
    ASSERT_TRUE(duel.ours.session->open(duel.now, answer));
    EXPECT_TRUE(std::ranges::equal(answer.data(), Datagram(size, std::byte{0x43})));
  }
}

TEST(DtlsOtherPeer, EachSuiteCarriesDataInBothRoles) {
  const std::vector<std::pair<int, std::size_t>> suites{{MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 37U},
                                                        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 29U},
                                                        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 37U}};
  for (const Role role : kBothRoles) {
    for (const auto& [suite, overhead] : suites) {
      Duel duel({.role = role, .suites = {suite}});
      duel.exchange();
      expect_data_both_ways(duel, overhead);
      EXPECT_EQ(duel.ours.suite, duel.theirs.suite());
    }
  }
}

TEST(DtlsOtherPeer, AServerThatWantsACookieGetsIt) {
  Duel duel({.role = Role::kServer, .cookies = true});
  duel.exchange();
  int hellos = 0;
  for (const auto& [ours, datagram] : duel.transcript) {
    hellos += ours && datagram[0] == std::byte{22} && datagram[13] == std::byte{kClientHello} ? 1 : 0;
  }
  EXPECT_EQ(hellos, 2);
  EXPECT_TRUE(duel.both_connected());
}

TEST(DtlsOtherPeer, OurServerAsksForNoCookie) {
  Duel duel({.role = Role::kClient});
  duel.exchange();
  EXPECT_TRUE(duel.both_connected());
  for (const auto& [ours, datagram] : duel.transcript) {
    EXPECT_FALSE(ours && datagram[0] == std::byte{22} && datagram[13] == std::byte{3});  // HelloVerifyRequest
  }
}

/// True when a hello of `by_us` carries the given extension.
bool hello_has(const Duel& duel, bool by_us, std::string_view extension) {
  return std::ranges::any_of(duel.transcript, [&](const auto& sent) {
    return sent.first == by_us && as_text(sent.second).find(extension) != std::string_view::npos;
  });
}

TEST(DtlsOtherPeer, TheExtendedMasterSecretIsUsedWheneverThePeerHasIt) {
  constexpr auto kExtension = "\x00\x17\x00\x00"sv;  // RFC 7627 §5.1
  for (const Role role : kBothRoles) {
    Duel with({.role = role});
    with.exchange();
    EXPECT_TRUE(with.both_connected());
    EXPECT_TRUE(hello_has(with, true, kExtension) && hello_has(with, false, kExtension));
    Duel without({.role = role, .extended_master_secret = false});
    without.exchange();
    EXPECT_TRUE(without.both_connected());
    EXPECT_FALSE(hello_has(without, false, kExtension));
  }
}

TEST(DtlsOtherPeer, WithoutUseSrtpOrWithAnotherProfileIsNoReasonToRefuse) {
  for (const Role role : kBothRoles) {
    for (const RawPeer::Srtp srtp : {RawPeer::Srtp::kNone, RawPeer::Srtp::kAnotherProfile}) {
      Duel duel({.role = role, .use_srtp = srtp});
      duel.exchange();
      EXPECT_TRUE(duel.both_connected());
      EXPECT_FALSE(hello_has(duel, role == Role::kClient, "\x00\x0e\x00\x05\x00\x02\x00\x05"sv));
    }
  }
}

TEST(DtlsOtherPeer, WithoutACertificateIsRefusedInBothRoles) {
  for (const Role role : kBothRoles) {
    Duel duel({.role = role, .identity = Identity::kNone});
    duel.exchange();
    EXPECT_EQ(duel.ours.connected, 0);
    EXPECT_EQ(duel.ours.closed.size(), 1U);
    EXPECT_FALSE(duel.theirs.connected());
    EXPECT_NE(duel.theirs.failure(), 0);
  }
}

TEST(DtlsOtherPeer, WithAnRsaKeyAloneFindsNoCommonSuite) {
  const std::vector<int> suites{MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256};
  Duel server({.role = Role::kServer, .suites = suites, .identity = Identity::kRsa});
  server.exchange();
  EXPECT_EQ(server.ours.closed, std::vector{Error::kAlertReceived});
  EXPECT_EQ(server.ours.connected, 0);
  Duel client({.role = Role::kClient, .suites = suites, .identity = Identity::kRsa});
  client.exchange();
  EXPECT_EQ(client.ours.closed, std::vector{Error::kHandshakeFailed});
  EXPECT_EQ(client.theirs.failure(), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
}

TEST(DtlsOtherPeer, AClientWithAnRsaCertificateIsRefusedThoughItsFingerprintIsRight) {
  Duel duel({.role = Role::kClient, .identity = Identity::kRsa});
  duel.exchange();
  EXPECT_EQ(duel.ours.connected, 0);
  EXPECT_EQ(duel.ours.closed.size(), 1U);
  EXPECT_FALSE(duel.theirs.connected());
}

TEST(DtlsOtherPeer, WithSuitesThatWeDoNotHaveIsToldSoByAnAlert) {
  for (const Role role : kBothRoles) {
    Duel duel({.role = role, .suites = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}});
    duel.exchange();
    EXPECT_EQ(duel.ours.connected, 0);
    EXPECT_EQ(duel.ours.closed.size(), 1U);
    EXPECT_FALSE(duel.theirs.connected());
    const Datagram& last = duel.transcript.back().second;
    EXPECT_EQ(duel.transcript.back().first, role == Role::kClient);
    ASSERT_EQ(last.size(), 15U);
    EXPECT_EQ(last[0], std::byte{21});
    EXPECT_EQ(last[14], std::byte{40});  // handshake_failure
  }
}

TEST(DtlsOtherPeer, AnAuthenticatedServerWithAnotherCertificateThanPromisedIsRefused) {
  Duel duel({.role = Role::kServer});
  Side stranger(3);
  duel.ours.session.emplace(
      Session::create(duel.ours.options(Role::kClient, stranger.certificate->fingerprint())).value());
  duel.ours.session->start(duel.now);
  duel.exchange();
  EXPECT_EQ(duel.ours.closed, std::vector{Error::kFingerprintMismatch});
  EXPECT_EQ(duel.theirs.failure(), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
}

}  // namespace
}  // namespace bamgate::dtls::testing
