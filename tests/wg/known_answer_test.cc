// Steps of the handshake against fixed answers. BLAKE2s of "abc" stands in RFC 7693 Appendix B; the others were
// computed by a second program in another language from the same inputs (hashlib, and X25519 and ChaCha20-Poly1305 of
// OpenSSL).
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "core/encoding.h"
#include "wg/cookie.h"
#include "wg/handshake.h"
#include "wg/keypair.h"

namespace bamgate::wg {
namespace {

std::vector<std::byte> message_of(std::string_view hex) { return from_hex(hex).value(); }

/// 32 bytes that count up from `first`.
std::array<std::byte, kKeySize> counting(unsigned first) {
  std::array<std::byte, kKeySize> bytes{};
  for (unsigned i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(first + i);
  return bytes;
}

PrivateKey counting_key(unsigned first) { return PrivateKey::from_bytes(counting(first)); }

/// Fills with bytes that count up, on and on.
class CountingRandom : public Random {
 public:
  explicit CountingRandom(unsigned first) : next_(first) {}
  void fill(MutableBytes out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next_++ & 0xff);
  }

 private:
  unsigned next_;
};

const PrivateKey kInitiator = counting_key(0);
const PrivateKey kResponder = counting_key(32);
const PresharedKey kPreshared{counting(128)};

constexpr std::string_view kInitiation =
    "010000004433221179a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51af0225eb421886af8f54fb31289d49dcd"
    "82b0f6f3279d40d7cff913fece0c64ad226eef3320755b393b72f16842c8d7ee78a74e937e3f2a828ff4ecc11547a9c7d1ee1b22fedf3178"
    "ecbaddb3973670a77b16f58c9b44871270be911000000000000000000000000000000000";
constexpr std::string_view kResponse =
    "020000008877665544332211675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f5656f683cf4eca2baff0b0af"
    "3d5ad13745c0172023747fd7c2bc2da361a285d000000000000000000000000000000000";
constexpr std::string_view kInitiatorSends = "f26d13be8f8fe7fe36805b47503285e73bcb2fc6fe3ef37834e5f6128ad8cf50";
constexpr std::string_view kResponderSends = "083bdab92ffb8da7ab5063bb2d96de2b7e09008d8e07bcf96ac25c340a778665";

Identity initiator_identity() { return Identity::create(kInitiator, kResponder.public_key(), kPreshared).value(); }
Identity responder_identity() { return Identity::create(kResponder, kInitiator.public_key(), kPreshared).value(); }

TEST(WgNoise, HashIsBlake2s) {
  EXPECT_EQ(to_hex(hash({as_bytes("abc")})), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
  EXPECT_EQ(hash({as_bytes("a"), as_bytes(""), as_bytes("bc")}), hash({as_bytes("abc")}));
}

TEST(WgNoise, MacAndHmacDifferAndHaveTheirKnownValues) {
  EXPECT_EQ(to_hex(mac(counting(0), {as_bytes("abc")})), "61ba5f165c194692e09d12520cc4c74a");
  EXPECT_EQ(to_hex(hmac(counting(0), {as_bytes("abc")}).bytes()),
            "82623be5bc0a391b24dce53e67d028eff92d586de0485ac37822e597d049c74f");
}

TEST(WgNoise, KdfsOfDifferentLengthAgreeOnTheirFirstOutputs) {
  const Key key{counting(0)};
  const auto three = kdf3(key, as_bytes("abc"));
  EXPECT_EQ(to_hex(three[0].bytes()), "c67e0b211ebf48c12c6d41da8fcee207d4c325a8c30f054d97401b14ed212f9f");
  EXPECT_EQ(to_hex(three[1].bytes()), "923b032867c597d1df124053325e553b104bf3b76180a46e0c21b44001ec50f6");
  EXPECT_EQ(to_hex(three[2].bytes()), "73e5eae9c5d230ea6becb29ab8a49f627aff1eb27586b938a71ae090d4c7a184");
  EXPECT_EQ(to_hex(kdf1(key, as_bytes("abc")).bytes()), to_hex(three[0].bytes()));
  EXPECT_EQ(to_hex(kdf2(key, as_bytes("abc"))[1].bytes()), to_hex(three[1].bytes()));
}

TEST(WgNoise, AeadUsesThePaperNonceAndRefusesEveryFlippedBit) {
  const Key key{std::span<const std::byte, kKeySize>(message_of(kInitiatorSends).data(), kKeySize)};
  std::array<std::byte, kTagSize> sealed{};
  aead_seal(key, 0, {}, {}, sealed);
  EXPECT_EQ(to_hex(sealed), "c05b5687dc9e973b4033587e96b81434");
  EXPECT_TRUE(aead_open(key, 0, sealed, {}, {}));
  EXPECT_FALSE(aead_open(key, 1, sealed, {}, {}));
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    auto damaged = sealed;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(aead_open(key, 0, damaged, {}, {})) << "bit " << bit;
  }
  EXPECT_FALSE(aead_open(key, 0, Bytes(sealed).first(15), {}, {}));
}

TEST(WgNoise, PublicKeysHaveTheirKnownValues) {
  EXPECT_EQ(to_hex(kInitiator.public_key().bytes), "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f");
  EXPECT_EQ(to_hex(kResponder.public_key().bytes), "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254");
}

TEST(WgNoise, DhRefusesPointsOfLowOrder) {
  PublicKey zero;
  PublicKey one;
  one.bytes[0] = std::byte{1};
  EXPECT_EQ(dh(kInitiator, zero).error(), Error::kBadKey);
  EXPECT_EQ(dh(kInitiator, one).error(), Error::kBadKey);
  EXPECT_EQ(Identity::create(kInitiator, zero, {}).error(), Error::kBadKey);
}

TEST(WgHandshake, InitiationHasItsKnownBytes) {
  CountingRandom random(64);
  const auto created =
      create_initiation(initiator_identity(), ReceiverIndex{0x11223344}, Tai64n::from_unix(1'700'000'000, 0), random);
  ASSERT_TRUE(created);
  std::array<std::byte, kInitiationSize> message{};
  created->message.write(message);
  Macs macs(kInitiator.public_key(), kResponder.public_key());
  macs.write(Instant{}, created->message.sender, message);
  EXPECT_EQ(to_hex(message), kInitiation);
}

TEST(WgHandshake, ResponseHasItsKnownBytesAndKeys) {
  const auto initiation = InitiationMessage::parse(message_of(kInitiation));
  ASSERT_TRUE(initiation);
  auto consumed = consume_initiation(responder_identity(), *initiation);
  ASSERT_TRUE(consumed);
  EXPECT_EQ(consumed->timestamp, Tai64n::from_unix(1'700'000'000, 0));
  CountingRandom random(96);
  const auto created = create_response(responder_identity(), std::move(*consumed), ReceiverIndex{0x55667788}, random);
  ASSERT_TRUE(created);
  std::array<std::byte, kResponseSize> message{};
  created->message.write(message);
  Macs macs(kResponder.public_key(), kInitiator.public_key());
  macs.write(Instant{}, created->message.sender, message);
  EXPECT_EQ(to_hex(message), kResponse);
  EXPECT_EQ(to_hex(created->keys.receive.bytes()), kInitiatorSends);
  EXPECT_EQ(to_hex(created->keys.send.bytes()), kResponderSends);
}

TEST(WgHandshake, InitiatorComesToTheKnownKeysAlsoAfterAForgedResponse) {
  CountingRandom random(64);
  const auto created =
      create_initiation(initiator_identity(), ReceiverIndex{0x11223344}, Tai64n::from_unix(1'700'000'000, 0), random);
  ASSERT_TRUE(created);
  auto response = ResponseMessage::parse(message_of(kResponse));
  ASSERT_TRUE(response);
  auto forged = *response;
  forged.sealed_nothing[3] ^= std::byte{1};
  EXPECT_EQ(consume_response(initiator_identity(), created->state, forged).error(), Error::kBadTag);
  const auto keys = consume_response(initiator_identity(), created->state, *response);
  ASSERT_TRUE(keys);
  EXPECT_EQ(to_hex(keys->send.bytes()), kInitiatorSends);
  EXPECT_EQ(to_hex(keys->receive.bytes()), kResponderSends);
  EXPECT_EQ(keys->local_index, ReceiverIndex{0x11223344});
  EXPECT_EQ(keys->remote_index, ReceiverIndex{0x55667788});
}

TEST(WgHandshake, Mac1CoversEveryByteBeforeIt) {
  const Macs macs(kResponder.public_key(), kInitiator.public_key());
  const auto message = message_of(kInitiation);
  EXPECT_TRUE(macs.mac1_fits(message));
  for (std::size_t i = 0; i < message.size() - kMacSize; ++i) {
    auto damaged = message;
    damaged[i] ^= std::byte{0x80};
    EXPECT_FALSE(macs.mac1_fits(damaged)) << "byte " << i;
  }
}

}  // namespace
}  // namespace bamgate::wg
