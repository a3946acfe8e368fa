// RFC 5769 and RFC 8489 appendix B: every sample message is read, proven authentic, and written again bit by bit.
#include <gtest/gtest.h>

#include "error_of.h"
#include "os/native_crypto.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "test_vectors.h"

namespace bamgate::stun {
namespace {

using namespace bamgate::testing;

TEST(StunVectors, SampleRequestIsReadAndAuthentic) {
  os::NativeCrypto crypto;
  const auto bytes = unhex(kSampleRequest);
  ASSERT_TRUE(is_stun(bytes));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Class::kRequest, Method::kBinding));
  EXPECT_EQ(to_hex(message->id()), "b7e7a701bc34d686fa87dfae");
  EXPECT_EQ(message->text(Attribute::kSoftware), "STUN test client");
  EXPECT_EQ(message->text(Attribute::kUsername), "evtj:h6vY");
  EXPECT_EQ(message->u32(Attribute::kPriority), 0x6e0001ffU);
  EXPECT_EQ(message->u64(Attribute::kIceControlled), 0x932ff9b151263b36U);
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_TRUE(check_integrity(*message, crypto, as_bytes(kSamplePassword)));
  EXPECT_EQ(error_of(check_integrity(*message, crypto, as_bytes("wrong"))), Error::kBadIntegrity);
  EXPECT_EQ(error_of(check_integrity_sha256(*message, crypto, as_bytes(kSamplePassword))), Error::kNoIntegrity);
}

TEST(StunVectors, SampleResponsesCarryTheirAddresses) {
  os::NativeCrypto crypto;
  const auto bytes4 = unhex(kSampleResponse4);
  const auto response4 = Message::parse(bytes4);
  ASSERT_TRUE(response4);
  EXPECT_TRUE(response4->is(Class::kSuccess, Method::kBinding));
  EXPECT_EQ(response4->mapped_address(), Endpoint::parse("192.0.2.1:32853"));
  EXPECT_TRUE(check_integrity(*response4, crypto, as_bytes(kSamplePassword)));

  const auto bytes6 = unhex(kSampleResponse6);
  const auto response6 = Message::parse(bytes6);
  ASSERT_TRUE(response6);
  EXPECT_EQ(response6->mapped_address(), Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_TRUE(check_integrity(*response6, crypto, as_bytes(kSamplePassword)));
}

// The samples pad with spaces, we with zeros: puts `count` spaces over the padding that was written last.
void pad_with_spaces(MutableBytes out, const Builder& builder, std::size_t count) {
  const std::size_t end = builder.finish().value();
  for (std::byte& byte : out.subspan(end - count, count)) byte = std::byte{0x20};
}

TEST(StunVectors, SampleRequestIsWrittenBitByBit) {
  os::NativeCrypto crypto;
  const auto expected = unhex(kSampleRequest);
  std::array<std::byte, 200> out{};
  Builder builder(out, Class::kRequest, Method::kBinding, Message::parse(expected)->id());
  builder.text(Attribute::kSoftware, "STUN test client")
      .u32(Attribute::kPriority, 0x6e0001ff)
      .u64(Attribute::kIceControlled, 0x932ff9b151263b36)
      .text(Attribute::kUsername, "evtj:h6vY");
  pad_with_spaces(out, builder, 3);
  const auto size = builder.integrity(crypto, as_bytes(kSamplePassword)).fingerprint().finish();
  EXPECT_EQ(to_hex(Bytes(out).first(size.value())), to_hex(expected));
}

TEST(StunVectors, SampleResponsesAreWrittenBitByBit) {
  os::NativeCrypto crypto;
  for (const auto& [sample, address] : {std::pair{kSampleResponse4, "192.0.2.1:32853"},
                                        std::pair{kSampleResponse6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"}}) {
    const auto expected = unhex(sample);
    std::array<std::byte, 200> out{};
    Builder builder(out, Class::kSuccess, Method::kBinding, Message::parse(expected)->id());
    builder.text(Attribute::kSoftware, "test vector");
    pad_with_spaces(out, builder, 1);
    const auto size = builder.xor_address(Attribute::kXorMappedAddress, *Endpoint::parse(address))
                          .integrity(crypto, as_bytes(kSamplePassword))
                          .fingerprint()
                          .finish();
    EXPECT_EQ(to_hex(Bytes(out).first(size.value())), to_hex(expected));
  }
}

TEST(StunVectors, LongTermRequestIsWrittenBitByBit) {
  os::NativeCrypto crypto;
  const auto expected = unhex(kSampleLongTerm);
  const auto message = Message::parse(expected);
  ASSERT_TRUE(message);
  const auto key = long_term_key(crypto, kLongTermUser, "example.org", kLongTermPassword);
  EXPECT_TRUE(check_integrity(*message, crypto, key));

  std::array<std::byte, 200> out{};
  const auto size = Builder(out, Class::kRequest, Method::kBinding, message->id())
                        .text(Attribute::kUsername, kLongTermUser)
                        .text(Attribute::kNonce, "f//499k954d6OL34oL9FSTvy64sA")
                        .text(Attribute::kRealm, "example.org")
                        .integrity(crypto, key)
                        .finish();
  ASSERT_TRUE(size);
  EXPECT_EQ(to_hex(Bytes(out).first(*size)), to_hex(expected));
}

TEST(StunVectors, Sha256RequestIsWrittenBitByBit) {
  os::NativeCrypto crypto;
  const auto expected = unhex(kSampleSha256);
  const auto message = Message::parse(expected);
  ASSERT_TRUE(message);
  const auto key = long_term_key_sha256(crypto, kLongTermUser, "example.org", kLongTermPassword);
  EXPECT_TRUE(check_integrity_sha256(*message, crypto, key));

  std::array<std::byte, 200> out{};
  const auto size = Builder(out, Class::kRequest, Method::kBinding, message->id())
                        .bytes(Attribute::kUserHash, user_hash(crypto, kLongTermUser, "example.org"))
                        .text(Attribute::kNonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
                        .text(Attribute::kRealm, "example.org")
                        .password_algorithm(PasswordAlgorithm::kSha256)
                        .integrity_sha256(crypto, key)
                        .finish();
  ASSERT_TRUE(size);
  EXPECT_EQ(to_hex(Bytes(out).first(*size)), to_hex(expected));
}

TEST(StunVectors, Sha256RequestAsPrintedHasTheRightHmacOverAWrongLength) {
  os::NativeCrypto crypto;
  const auto printed = unhex(kSampleSha256AsPrinted);
  EXPECT_EQ(error_of(Message::parse(printed)), Error::kBadLength);
  const auto key = long_term_key_sha256(crypto, kLongTermUser, "example.org", kLongTermPassword);
  const Bytes all(printed);
  EXPECT_EQ(to_hex(crypto.hmac_sha256(key, {all.first(all.size() - 36)})), to_hex(all.last(32)));
  // With the length corrected, the frame is right, and the HMAC is what it should be: wrong.
  auto corrected = printed;
  corrected[3] = std::byte{0x88};
  const auto message = Message::parse(corrected);
  ASSERT_TRUE(message);
  EXPECT_EQ(to_hex(*message->user_hash()), to_hex(user_hash(crypto, kLongTermUser, "example.org")));
  EXPECT_EQ(error_of(check_integrity_sha256(*message, crypto, key)), Error::kBadIntegrity);
}

TEST(StunVectors, KeysIgnoreQuotesAndTrailingZeros) {
  os::NativeCrypto crypto;
  using namespace std::string_view_literals;
  // RFC 8489 §9.2.2 has this digest.
  EXPECT_EQ(to_hex(long_term_key(crypto, "user", "realm", "pass")), "8493fbc53ba582fb4c044c456bdc40eb");
  EXPECT_EQ(to_hex(long_term_key(crypto, "\"user\"", "\"realm\"\0"sv, "pass\0\0"sv)),
            "8493fbc53ba582fb4c044c456bdc40eb");
  EXPECT_NE(long_term_key(crypto, "user", "realm", "\"pass\""), long_term_key(crypto, "user", "realm", "pass"));
  EXPECT_EQ(to_hex(derive_key(crypto, PasswordAlgorithm::kMd5, "user", "realm", "pass").bytes()),
            "8493fbc53ba582fb4c044c456bdc40eb");
  EXPECT_EQ(derive_key(crypto, PasswordAlgorithm::kSha256, "user", "realm", "pass").bytes().size(), 32U);
}

TEST(StunVectors, AnyFlippedBitIsNoticed) {
  os::NativeCrypto crypto;
  for (const auto sample : {kSampleRequest, kSampleResponse4, kSampleResponse6}) {
    const auto original = unhex(sample);
    for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
      auto changed = original;
      changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      const auto message = Message::parse(changed);
      // FINGERPRINT notices every single bit, unless the bit makes it another attribute.
      const bool good = message && message->has_fingerprint();
      EXPECT_FALSE(good) << sample << " bit " << bit;
    }
  }
}

}  // namespace
}  // namespace bamgate::stun
