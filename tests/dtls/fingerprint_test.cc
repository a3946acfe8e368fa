// The text form of a fingerprint, and the fingerprints of one description.
#include <gtest/gtest.h>

#include "dtls/fingerprint.h"

namespace bamgate::dtls {
namespace {

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

TEST(Fingerprints, OfADescriptionMayBeSeveralAndAnyOfThemNamesTheCertificate) {
  Fingerprint first;
  Fingerprint second;
  first.sha256[0] = std::byte{1};
  second.sha256[31] = std::byte{2};
  Fingerprints all;
  EXPECT_TRUE(all.empty());
  EXPECT_TRUE(all.add_attribute("sha-256 " + first.to_string()));
  EXPECT_TRUE(all.add_attribute("SHA-256 " + second.to_string()));
  EXPECT_TRUE(all.contain(first));
  EXPECT_TRUE(all.contain(second));
  EXPECT_FALSE(all.contain(Fingerprint{}));
}

TEST(Fingerprints, OfOtherHashFunctionsArePassedOver) {
  Fingerprints all;
  for (const char* other : {"sha-1 AA:BB", "sha-512 00", "md5 not even hex", "sha-2567 00", "sha-256", "", "x"}) {
    EXPECT_TRUE(all.add_attribute(other)) << other;
  }
  EXPECT_TRUE(all.empty());
}

TEST(Fingerprints, OfSha256MustBeWellFormed) {
  Fingerprints all;
  EXPECT_FALSE(all.add_attribute("sha-256 AA:BB"));
  EXPECT_FALSE(all.add_attribute("sha-256  " + Fingerprint{}.to_string()));
  EXPECT_FALSE(all.add_attribute("sha-256 "));
  EXPECT_TRUE(all.empty());
}

TEST(Fingerprints, AreBounded) {
  Fingerprints all;
  for (std::size_t i = 0; i < 1000; ++i) {
    Fingerprint one;
    one.sha256[0] = static_cast<std::byte>(i & 0xff);
    one.sha256[1] = static_cast<std::byte>(i >> 8);
    all.add(one);
  }
  Fingerprint last;
  last.sha256[0] = std::byte{Fingerprints::kMax - 1};
  EXPECT_TRUE(all.contain(last));
  last.sha256[0] = std::byte{Fingerprints::kMax};
  EXPECT_FALSE(all.contain(last));
}

}  // namespace
}  // namespace bamgate::dtls
