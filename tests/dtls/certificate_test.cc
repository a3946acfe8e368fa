// Our own certificate, read back.
#include "dtls/certificate.h"

#include <gtest/gtest.h>

#include <set>

#include "dtls/certificate_native.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"

namespace bamgate::dtls {
namespace {

using bamgate::testing::SeededRandom;
constexpr UnixTime kNow{1'750'000'000};  // 2025-06-15 15:06:40 UTC

TEST(Certificate, IsNamedByTheSha256OfItsDer) {
  SeededRandom random(1);
  const auto certificate = Certificate::generate(random, kNow).value();
  os::NativeCrypto crypto;
  EXPECT_EQ(certificate->fingerprint().sha256, crypto.sha256({certificate->der()}));
  EXPECT_GT(certificate->der().size(), 200U);
  EXPECT_LT(certificate->der().size(), 500U);
}

TEST(Certificate, IsTheSameForTheSameSeedAndTime) {
  SeededRandom one(7);
  SeededRandom same(7);
  SeededRandom other(8);
  const auto first = Certificate::generate(one, kNow).value();
  const auto second = Certificate::generate(same, kNow).value();
  const auto third = Certificate::generate(other, kNow).value();
  EXPECT_EQ(first->fingerprint(), second->fingerprint());
  EXPECT_FALSE(first->fingerprint() == third->fingerprint());
}

TEST(Certificate, CarriesTheGivenDates) {
  SeededRandom random(1);
  const auto certificate = Certificate::generate(random, kNow).value();
  const std::string_view der = as_text(certificate->der());
  EXPECT_NE(der.find("250614150640Z"), std::string_view::npos);  // a day before
  EXPECT_NE(der.find("250715150640Z"), std::string_view::npos);  // 30 days later
}

TEST(Certificate, HoldsAP256KeyAndIsSignedByIt) {
  SeededRandom random(1);
  const auto certificate = Certificate::generate(random, kNow).value();
  mbedtls_x509_crt& own = certificate->native().certificate;
  EXPECT_EQ(mbedtls_pk_can_do(&own.pk, MBEDTLS_PK_ECDSA), 1);
  EXPECT_EQ(mbedtls_pk_get_bitlen(&own.pk), 256U);
  // OID prime256v1, and OID ecdsa-with-SHA256 (RFC 5480 §2.1.1.1, RFC 5758 §3.2).
  using namespace std::string_view_literals;
  EXPECT_NE(as_text(certificate->der()).find("\x2a\x86\x48\xce\x3d\x03\x01\x07"sv), std::string_view::npos);
  EXPECT_NE(as_text(certificate->der()).find("\x2a\x86\x48\xce\x3d\x04\x03\x02"sv), std::string_view::npos);
  os::NativeCrypto crypto;
  const auto digest = crypto.sha256({std::as_bytes(std::span(own.tbs.p, own.tbs.len))});
  // The signature is the BIT STRING at the end: its first byte says that no bits are unused.
  const std::string_view der = as_text(certificate->der());
  const std::size_t at = der.rfind("\x00\x30"sv) + 1;
  EXPECT_EQ(mbedtls_pk_verify(&own.pk, MBEDTLS_MD_SHA256, native(Bytes(digest)), digest.size(),
                              native(as_bytes(der.substr(at))), der.size() - at),
            0);
}

TEST(Certificate, HasARandomPositiveSerialNumberAndANameThatTellsNothing) {
  std::set<std::string> serials;
  std::set<std::string> names;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededRandom random(seed);
    const auto certificate = Certificate::generate(random, kNow).value();
    const mbedtls_x509_crt& own = certificate->native().certificate;
    ASSERT_EQ(own.serial.len, 16U);
    EXPECT_EQ(own.serial.p[0] & 0xc0, 0x40);  // positive, and no leading zeros
    serials.emplace(reinterpret_cast<const char*>(own.serial.p), own.serial.len);
    names.emplace(reinterpret_cast<const char*>(own.subject.val.p), own.subject.val.len);
    EXPECT_EQ(own.subject.val.len, 16U);
    EXPECT_EQ(own.subject.next, nullptr);
    EXPECT_EQ(own.version, 3);
  }
  EXPECT_EQ(serials.size(), 20U);
  EXPECT_EQ(names.size(), 20U);
}

}  // namespace
}  // namespace bamgate::dtls
