// Fingerprints and certificates.
#include <gtest/gtest.h>

#include "dtls/certificate.h"
#include "dtls/fingerprint.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"

namespace bamgate::dtls {
namespace {

using bamgate::testing::SeededRandom;
constexpr UnixTime kNow{1'750'000'000};

TEST(Fingerprint, RoundTripsThroughItsText) {
  Fingerprint fingerprint;
  for (std::size_t i = 0; i < 32; ++i) fingerprint.sha256[i] = static_cast<std::byte>(i * 8 + 7);
  const std::string text = fingerprint.to_string();
  EXPECT_EQ(text.size(), 95U);
  EXPECT_EQ(text.substr(0, 8), "07:0F:17");
  EXPECT_EQ(Fingerprint::parse(text), fingerprint);
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(Fingerprint::parse(lower), fingerprint);
}

TEST(Fingerprint, RefusesEveryOtherText) {
  const std::string good = Fingerprint{}.to_string();
  EXPECT_FALSE(Fingerprint::parse(""));
  EXPECT_FALSE(Fingerprint::parse(good.substr(3)));
  EXPECT_FALSE(Fingerprint::parse(good + ":00"));
  EXPECT_FALSE(Fingerprint::parse("sha-256 " + good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = 'g';
    EXPECT_FALSE(Fingerprint::parse(bad)) << i;
  }
}

TEST(Fingerprint, OneChangedBitMakesAnotherFingerprint) {
  const Fingerprint base;
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Fingerprint other;
    other.sha256[bit / 8] = static_cast<std::byte>(1 << bit % 8);
    EXPECT_FALSE(base == other);
  }
}

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
  const auto certificate = Certificate::generate(random, kNow).value();  // 2025-06-15 15:06:40 UTC
  const std::string_view der = as_text(certificate->der());
  EXPECT_NE(der.find("250614150640Z"), std::string_view::npos);  // a day before
  EXPECT_NE(der.find("250715150640Z"), std::string_view::npos);  // 30 days later
}

}  // namespace
}  // namespace bamgate::dtls
