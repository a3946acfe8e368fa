// Messages: round trips, what integrity covers, and hostile input.
#include <gtest/gtest.h>

#include <set>

#include "core/writer.h"
#include "error_of.h"
#include "os/native_crypto.h"
#include "stun/builder.h"
#include "stun/fingerprint.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "support/seeded_random.h"
#include "test_vectors.h"

namespace bamgate::stun {
namespace {

using bamgate::testing::error_of;
using bamgate::testing::SeededRandom;
using bamgate::testing::unhex;

constexpr Endpoint kPeer4{IpAddress::v4(198, 51, 100, 7), 40001};

Endpoint peer6() { return *Endpoint::parse("[2001:db8::42]:50000"); }

std::expected<Message, Error> parse(const std::vector<std::byte>& bytes) { return Message::parse(bytes); }

std::vector<std::byte> full_message(Crypto& crypto, const TransactionId& id) {
  std::vector<std::byte> out(600);
  const auto size = Builder(out, Class::kError, Method::kAllocate, id)
                        .error_code(438, "Stale Nonce")
                        .unknown_attributes(std::array<std::uint16_t, 3>{0x7001, 0x7002, 0x7003})
                        .text(Attribute::kRealm, "bamgate")
                        .text(Attribute::kNonce, "n")
                        .text(Attribute::kSoftware, "")
                        .u32(Attribute::kLifetime, 600)
                        .u64(Attribute::kIceControlling, 0x0123456789abcdef)
                        .flag(Attribute::kUseCandidate)
                        .channel_number(0x4001)
                        .requested_transport(17)
                        .address(Attribute::kMappedAddress, kPeer4)
                        .xor_address(Attribute::kXorPeerAddress, kPeer4)
                        .xor_address(Attribute::kXorPeerAddress, peer6())
                        .xor_address(Attribute::kXorRelayedAddress, peer6())
                        .bytes(Attribute::kData, as_bytes("abcde"))
                        .integrity(crypto, as_bytes("key"))
                        .integrity_sha256(crypto, as_bytes("key"))
                        .fingerprint()
                        .finish();
  out.resize(size.value());
  return out;
}

TEST(StunMessage, EveryAttributeSurvivesTheRoundTrip) {
  os::NativeCrypto crypto;
  SeededRandom random(1);
  const TransactionId id = make_transaction_id(random);
  const auto bytes = full_message(crypto, id);
  const auto message = parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is(Class::kError, Method::kAllocate));
  EXPECT_EQ(message->id(), id);
  ASSERT_TRUE(message->error_code());
  EXPECT_EQ(message->error_code()->code, 438);
  EXPECT_EQ(message->error_code()->reason, "Stale Nonce");
  EXPECT_EQ(message->bytes(Attribute::kUnknownAttributes)->size(), 6U);
  EXPECT_EQ(message->text(Attribute::kRealm), "bamgate");
  EXPECT_EQ(message->text(Attribute::kNonce), "n");
  EXPECT_EQ(message->text(Attribute::kSoftware), "");
  EXPECT_EQ(message->u32(Attribute::kLifetime), 600U);
  EXPECT_EQ(message->u64(Attribute::kIceControlling), 0x0123456789abcdefU);
  EXPECT_TRUE(message->has(Attribute::kUseCandidate));
  EXPECT_EQ(message->channel_number(), 0x4001);
  EXPECT_EQ(message->requested_transport(), 17);
  EXPECT_EQ(message->address(Attribute::kMappedAddress), kPeer4);
  EXPECT_EQ(message->xor_address(Attribute::kXorRelayedAddress), peer6());
  EXPECT_EQ(message->xor_addresses(Attribute::kXorPeerAddress, 8), (std::vector<Endpoint>{kPeer4, peer6()}));
  EXPECT_EQ(message->xor_addresses(Attribute::kXorPeerAddress, 1).size(), 1U);
  EXPECT_EQ(as_text(*message->bytes(Attribute::kData)), "abcde");
  EXPECT_TRUE(check_integrity(*message, crypto, as_bytes("key")));
  EXPECT_TRUE(check_integrity_sha256(*message, crypto, as_bytes("key")));
}

TEST(StunMessage, EveryMethodAndClassSurvivesTheRoundTrip) {
  const TransactionId id{};
  for (unsigned method = 0; method < 0x1000; ++method) {
    for (unsigned kind = 0; kind < 4; ++kind) {
      std::array<std::byte, 20> out{};
      const auto size = Builder(out, static_cast<Class>(kind), static_cast<Method>(method), id).finish();
      ASSERT_EQ(size, 20U);
      const auto message = Message::parse(out);
      ASSERT_TRUE(message);
      ASSERT_TRUE(message->is(static_cast<Class>(kind), static_cast<Method>(method)));
    }
  }
}

TEST(StunMessage, TransactionIdsAreRandomInAllTheirBytes) {
  SeededRandom random(5);
  std::array<std::set<std::byte>, TransactionId{}.size()> seen;
  for (int i = 0; i < 100; ++i) {
    const TransactionId id = make_transaction_id(random);
    for (std::size_t at = 0; at < id.size(); ++at) seen[at].insert(id[at]);
  }
  for (const auto& values : seen) EXPECT_GT(values.size(), 50U);
}

TEST(StunMessage, WhatFollowsIntegrityIsIgnored) {
  os::NativeCrypto crypto;
  std::array<std::byte, 200> out{};
  const auto size = Builder(out, Class::kRequest, Method::kBinding, {})
                        .u32(Attribute::kPriority, 1)
                        .integrity(crypto, as_bytes("key"))
                        .flag(Attribute::kUseCandidate)
                        .bytes(static_cast<Attribute>(0x7fff), {})
                        .fingerprint()
                        .finish();
  const auto message = Message::parse(Bytes(out).first(size.value()));
  ASSERT_TRUE(message);
  EXPECT_TRUE(check_integrity(*message, crypto, as_bytes("key")));
  EXPECT_TRUE(message->has(Attribute::kPriority));
  EXPECT_FALSE(message->has(Attribute::kUseCandidate));
  const std::array known = {Attribute::kPriority, Attribute::kMessageIntegrity};
  EXPECT_TRUE(message->unknown_required(known).empty());
}

TEST(StunMessage, NothingMayFollowFingerprint) {
  // The checksum is right for the message as it is; only its place is wrong.
  auto bytes = unhex(
      "0001000c2112a4420000000000000000000000008028000400000000"
      "00250000");
  Writer(MutableBytes(bytes).subspan(24, 4)).u32(fingerprint(Bytes(bytes).first(20)));
  EXPECT_EQ(error_of(parse(bytes)), Error::kBadFingerprint);
  bytes.resize(28);
  bytes[3] = std::byte{8};
  Writer(MutableBytes(bytes).subspan(24, 4)).u32(fingerprint(Bytes(bytes).first(20)));
  EXPECT_TRUE(parse(bytes)) << "without what follows it is right";
}

TEST(StunMessage, Sha256IntegrityMayBeCutDownTo16BytesButNotFurther) {
  os::NativeCrypto crypto;
  for (const std::size_t kept : {12U, 16U, 18U, 20U, 32U, 36U}) {
    // The HMAC covers a header whose length counts the attribute as it is, so the message is built twice.
    std::array<std::byte, 100> out{};
    std::array<std::byte, 36> value{};
    const auto write = [&] {
      return Builder(out, Class::kRequest, Method::kBinding, {})
          .text(Attribute::kUsername, "user")
          .bytes(Attribute::kMessageIntegritySha256, Bytes(value).first(kept))
          .finish()
          .value();
    };
    std::size_t size = write();
    const std::size_t covered = size - 4 - (kept + 3) / 4 * 4;
    copy_bytes(crypto.hmac_sha256(as_bytes("key"), {Bytes(out).first(covered)}), value);
    size = write();
    const auto message = Message::parse(Bytes(out).first(size));
    ASSERT_TRUE(message);
    const bool good = kept >= 16 && kept <= 32 && kept % 4 == 0;
    EXPECT_EQ(check_integrity_sha256(*message, crypto, as_bytes("key"), 1).has_value(), good) << kept;
    EXPECT_EQ(check_integrity_sha256(*message, crypto, as_bytes("key"), 20).has_value(), good && kept >= 20) << kept;
    EXPECT_EQ(check_integrity_sha256(*message, crypto, as_bytes("key")).has_value(), kept == 32) << kept;
  }
}

TEST(StunMessage, UnknownRequiredAttributesAreListedOnceAndBounded) {
  std::array<std::byte, 400> out{};
  Builder builder(out, Class::kRequest, Method::kBinding, {});
  builder.flag(static_cast<Attribute>(0x8fff));
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned type = 0x7000; type < 0x7010; ++type) builder.flag(static_cast<Attribute>(type));
  }
  const auto message = Message::parse(Bytes(out).first(builder.finish().value()));
  ASSERT_TRUE(message);
  const auto unknown = message->unknown_required({});
  EXPECT_EQ(unknown.size(), 8U);
  EXPECT_EQ(std::set(unknown.begin(), unknown.end()).size(), 8U);
  EXPECT_EQ(unknown.front(), 0x7000);
}

TEST(StunMessage, LengthsThatDoNotFitAreRefused) {
  const auto good = unhex(bamgate::testing::kSampleRequest);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto message = Message::parse(Bytes(good).first(size));
    ASSERT_FALSE(message);
    EXPECT_EQ(error_of(message), size < kHeaderSize ? Error::kNotStun : Error::kBadLength);
  }
  auto longer = good;
  longer.resize(good.size() + 4);
  EXPECT_EQ(error_of(parse(longer)), Error::kBadLength);
  // An attribute that says it is longer than the message.
  EXPECT_EQ(error_of(parse(unhex("000100042112a442000000000000000000000000000600ff"))), Error::kBadAttribute);
  // Half an attribute header cannot be: lengths are multiples of 4.
  EXPECT_EQ(error_of(parse(unhex("000100022112a4420000000000000000000000000006"))), Error::kBadLength);
}

TEST(StunMessage, OtherProtocolsAreNotStun) {
  auto bytes = unhex(bamgate::testing::kSampleRequest);
  bytes[0] |= std::byte{0x40};  // TURN ChannelData
  EXPECT_FALSE(is_stun(bytes));
  bytes[0] = std::byte{22};  // DTLS
  bytes[4] = std::byte{0};
  EXPECT_FALSE(is_stun(bytes));
  EXPECT_FALSE(is_stun({}));
}

TEST(StunMessage, ValuesOfTheWrongFormAreNoValues) {
  std::array<std::byte, 200> out{};
  const auto size = Builder(out, Class::kSuccess, Method::kBinding, {})
                        .bytes(Attribute::kPriority, as_bytes("abc"))
                        .bytes(Attribute::kIceControlled, as_bytes("abcd"))
                        .bytes(Attribute::kXorMappedAddress, unhex("0003a147e112a643"))
                        .bytes(Attribute::kMappedAddress, unhex("0001a147e112a643ff"))
                        .bytes(Attribute::kErrorCode, unhex("00000763"))
                        .bytes(Attribute::kMessageIntegrity, as_bytes("short"))
                        .finish();
  const auto message = Message::parse(Bytes(out).first(size.value()));
  ASSERT_TRUE(message);
  os::NativeCrypto crypto;
  EXPECT_FALSE(message->u32(Attribute::kPriority));
  EXPECT_FALSE(message->u64(Attribute::kIceControlled));
  EXPECT_FALSE(message->mapped_address());
  EXPECT_FALSE(message->error_code());
  EXPECT_EQ(error_of(check_integrity(*message, crypto, as_bytes("key"))), Error::kBadIntegrity);
}

TEST(StunMessage, NoBufferThatIsTooSmallIsOverrun) {
  os::NativeCrypto crypto;
  const std::size_t whole = full_message(crypto, {}).size();
  for (std::size_t room = 0; room < whole; ++room) {
    std::vector<std::byte> out(room);  // the address sanitizer watches its end
    const auto size = Builder(out, Class::kRequest, Method::kBinding, {})
                          .text(Attribute::kUsername, std::string(whole, 'u'))
                          .integrity(crypto, as_bytes("key"))
                          .fingerprint()
                          .finish();
    EXPECT_EQ(error_of(size), Error::kBufferTooSmall);
  }
  std::vector<std::byte> huge(100'000);
  const std::vector<std::byte> data(40'000);
  const auto size = Builder(huge, Class::kRequest, Method::kBinding, {})
                        .bytes(Attribute::kData, data)
                        .bytes(Attribute::kData, data)
                        .finish();
  EXPECT_EQ(error_of(size), Error::kBufferTooSmall);
}

TEST(StunMessage, TheFirstOfSeveralAttributesCounts) {
  std::array<std::byte, 200> out{};
  const auto size = Builder(out, Class::kRequest, Method::kBinding, {})
                        .u32(Attribute::kPriority, 1)
                        .u32(Attribute::kPriority, 2)
                        .text(Attribute::kUsername, "first")
                        .text(Attribute::kUsername, "second")
                        .finish();
  const auto message = Message::parse(Bytes(out).first(size.value()));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->u32(Attribute::kPriority), 1U);
  EXPECT_EQ(message->text(Attribute::kUsername), "first");
}

TEST(StunMessage, WhatFollowsSha256AloneIsIgnoredToo) {
  os::NativeCrypto crypto;
  std::array<std::byte, 300> out{};
  const auto size = Builder(out, Class::kRequest, Method::kBinding, {})
                        .integrity_sha256(crypto, as_bytes("key"))
                        .flag(Attribute::kUseCandidate)
                        .integrity(crypto, as_bytes("key"))
                        .fingerprint()
                        .finish();
  const auto message = Message::parse(Bytes(out).first(size.value()));
  ASSERT_TRUE(message);
  EXPECT_TRUE(check_integrity_sha256(*message, crypto, as_bytes("key")));
  EXPECT_FALSE(message->has(Attribute::kUseCandidate));
  EXPECT_EQ(error_of(check_integrity(*message, crypto, as_bytes("key"))), Error::kNoIntegrity);
  EXPECT_EQ(integrity_of(*message), Integrity::kSha256);
}

TEST(StunMessage, PaddingIsZeroWhenWrittenAndIgnoredWhenRead) {
  std::array<std::byte, 100> out{};
  out.fill(std::byte{0xff});
  const auto size = Builder(out, Class::kRequest, Method::kBinding, {}).text(Attribute::kUsername, "a").finish();
  ASSERT_EQ(size, 28U);
  EXPECT_EQ(to_hex(Bytes(out).subspan(20, 8)), "0006000161000000");
  for (std::size_t i = 25; i < 28; ++i) out[i] = std::byte{0xee};
  const auto message = Message::parse(Bytes(out).first(*size));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text(Attribute::kUsername), "a");
}

TEST(StunMessage, IndicationsAndResponsesAreUnderstoodOnlyWithoutUnknownRequiredAttributes) {
  for (const std::uint16_t type : std::array<std::uint16_t, 2>{0x7fff, 0x8fff}) {
    std::array<std::byte, 100> out{};
    const auto size = Builder(out, Class::kIndication, Method::kData, {})
                          .xor_address(Attribute::kXorPeerAddress, kPeer4)
                          .flag(static_cast<Attribute>(type))
                          .finish();
    const auto message = Message::parse(Bytes(out).first(size.value()));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->understood(std::array{Attribute::kXorPeerAddress}), !comprehension_required(type));
    EXPECT_FALSE(message->understood({}));
  }
}

}  // namespace
}  // namespace bamgate::stun
