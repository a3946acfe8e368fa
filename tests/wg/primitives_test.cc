// The primitives at their edges: vectors of their RFCs, keys that must be refused, tags and counters. What is asked of
// them follows RFC 7748 (X25519), RFC 8439 (ChaCha20-Poly1305), draft-irtf-cfrg-xchacha-03 (XChaCha20-Poly1305) and
// RFC 7693 (BLAKE2s).
#include <gtest/gtest.h>

#include <string>

#include "core/encoding.h"
#include "support/seeded_random.h"
#include "wg/noise.h"

namespace bamgate::wg {
namespace {

using bamgate::testing::SeededRandom;
using Message = std::vector<std::byte>;

Message bytes_of(std::string_view hex) { return from_hex(hex).value(); }

std::array<std::byte, kKeySize> array_of(std::string_view hex) {
  std::array<std::byte, kKeySize> array{};
  copy_bytes(bytes_of(hex), array);
  return array;
}

PrivateKey scalar(std::string_view hex) { return PrivateKey::from_bytes(array_of(hex)); }
PublicKey point(std::string_view hex) { return PublicKey{array_of(hex)}; }
Key key(std::string_view hex) { return Key(array_of(hex)); }

std::string shared(const PrivateKey& local, const PublicKey& remote) {
  const auto secret = dh(local, remote);
  return secret ? to_hex(secret->bytes()) : to_string(secret.error());
}

TEST(WgX25519, VectorsOfRfc7748) {
  EXPECT_EQ(shared(scalar("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                   point("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  // The last bit of this point is set and has to be ignored.
  EXPECT_EQ(shared(scalar("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
                   point("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
  const PrivateKey alice = scalar("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const PrivateKey bob = scalar("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  EXPECT_EQ(to_hex(alice.public_key().bytes), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(bob.public_key().bytes), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(shared(alice, bob.public_key()), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(shared(bob, alice.public_key()), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(WgX25519, ThousandRoundsOfRfc7748) {
  auto k = array_of("0900000000000000000000000000000000000000000000000000000000000000");
  auto u = k;
  for (int round = 1; round <= 1000; ++round) {
    const auto result = dh(PrivateKey::from_bytes(k), PublicKey{u});
    ASSERT_TRUE(result);
    u = k;
    copy_bytes(result->bytes(), k);
    if (round == 1) {
      EXPECT_EQ(to_hex(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(WgX25519, PointsOfLowOrderAreRefusedInEveryForm) {
  const PrivateKey local = scalar("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  for (const std::string_view hex : {
           "0000000000000000000000000000000000000000000000000000000000000000",  // 0
           "0100000000000000000000000000000000000000000000000000000000000000",  // 1
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",  // order 8
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",  // order 8
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p - 1, order 4
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p, that is 0
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p + 1, that is 1
       }) {
    PublicKey low = point(hex);
    EXPECT_EQ(dh(local, low).error(), Error::kBadKey) << hex;
    low.bytes[31] |= std::byte{0x80};
    EXPECT_EQ(dh(local, low).error(), Error::kBadKey) << hex << " with the last bit set";
  }
}

TEST(WgX25519, NonCanonicalPointsCountAsTheirRemainder) {
  SeededRandom random(1);
  const PrivateKey local = PrivateKey::generate(random);
  // p + 9 and 9, the base point; p + 18 = 2^255 - 1 and 18; each with the ignored bit clear and set.
  for (const auto& [large, small] : {std::pair{0xf6, 9}, {0xff, 18}, {0xf0, 3}}) {
    PublicKey canonical;
    canonical.bytes[0] = static_cast<std::byte>(small);
    PublicKey other = point("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    other.bytes[0] = static_cast<std::byte>(large);
    const std::string expected = shared(local, canonical);
    EXPECT_EQ(expected.size(), 64U);
    EXPECT_EQ(shared(local, other), expected);
    other.bytes[31] |= std::byte{0x80};
    EXPECT_EQ(shared(local, other), expected);
  }
}

TEST(WgX25519, RandomPairsAgree) {
  SeededRandom random(2);
  for (int i = 0; i < 50; ++i) {
    const PrivateKey a = PrivateKey::generate(random);
    const PrivateKey b = PrivateKey::generate(random);
    EXPECT_EQ(shared(a, b.public_key()), shared(b, a.public_key()));
  }
}

constexpr std::string_view kA5Key = "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0";
constexpr std::string_view kA5Sealed =
    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100"
    "d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b350638"
    "3606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa115"
    "5b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
    "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f"
    "38";
// The nonce of this vector starts with four zero bytes, as WireGuard's do; the rest is this counter.
constexpr std::uint64_t kA5Counter = 0x0807060504030201;

TEST(WgAead, VectorOfRfc8439OpensAndSealsTheSame) {
  const Message sealed = bytes_of(kA5Sealed);
  const Message associated = bytes_of("f33388860000000000004e91");
  Message plain(sealed.size() - kTagSize);
  ASSERT_TRUE(aead_open(key(kA5Key), kA5Counter, sealed, associated, plain));
  EXPECT_TRUE(as_text(plain).starts_with("Internet-Drafts are draft documents valid for a maximum of six months"));
  Message again(sealed.size());
  aead_seal(key(kA5Key), kA5Counter, plain, associated, again);
  EXPECT_EQ(again, sealed);
}

TEST(WgAead, WrongKeyCounterOrAssociatedDataOpensNothing) {
  const Message sealed = bytes_of(kA5Sealed);
  const Message associated = bytes_of("f33388860000000000004e91");
  Message plain(sealed.size() - kTagSize);
  Message other_key = bytes_of(kA5Key);
  other_key[31] ^= std::byte{1};
  EXPECT_FALSE(aead_open(key(to_hex(other_key)), kA5Counter, sealed, associated, plain));
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_FALSE(aead_open(key(kA5Key), kA5Counter ^ std::uint64_t{1} << bit, sealed, associated, plain)) << bit;
  }
  EXPECT_FALSE(aead_open(key(kA5Key), kA5Counter, sealed, {}, plain));
  EXPECT_FALSE(aead_open(key(kA5Key), kA5Counter, sealed, Bytes(associated).first(11), plain));
  Message longer = associated;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(aead_open(key(kA5Key), kA5Counter, sealed, longer, plain));
}

TEST(WgAead, EveryFlippedBitOfTagAndContentIsNoticed) {
  const Message sealed = bytes_of(kA5Sealed);
  const Message associated = bytes_of("f33388860000000000004e91");
  Message plain(sealed.size() - kTagSize);
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Message damaged = sealed;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(aead_open(key(kA5Key), kA5Counter, damaged, associated, plain)) << "bit " << bit;
  }
  for (const std::byte fill : {std::byte{0x00}, std::byte{0xff}}) {
    Message damaged = sealed;
    std::fill(damaged.end() - kTagSize, damaged.end(), fill);
    EXPECT_FALSE(aead_open(key(kA5Key), kA5Counter, damaged, associated, plain));
  }
}

TEST(WgAead, EverySizeFromEmptyToLongAndEveryCounterComesBack) {
  SeededRandom random(3);
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 63U, 64U, 65U, 127U, 128U, 1279U, 1280U, 65535U, 1'000'003U}) {
    for (const std::uint64_t counter : {std::uint64_t{0}, std::uint64_t{1} << 32, UINT64_MAX}) {
      Key secret;
      random.fill(secret.mutable_bytes());
      Message plain(size);
      random.fill(plain);
      Message sealed(size + kTagSize);
      aead_seal(secret, counter, plain, {}, sealed);
      Message opened(size);
      ASSERT_TRUE(aead_open(secret, counter, sealed, {}, opened)) << size;
      EXPECT_EQ(opened, plain) << size;
      EXPECT_FALSE(aead_open(secret, counter, Bytes(sealed).first(sealed.size() - 1), {}, opened)) << size;
    }
  }
}

TEST(WgAead, SealsAndOpensWhereItLies) {
  SeededRandom random(4);
  Key secret;
  random.fill(secret.mutable_bytes());
  Message plain(100);
  random.fill(plain);
  Message buffer = plain;
  buffer.resize(plain.size() + kTagSize);
  aead_seal(secret, 7, Bytes(buffer).first(plain.size()), {}, buffer);
  ASSERT_TRUE(aead_open(secret, 7, buffer, {}, MutableBytes(buffer).first(plain.size())));
  buffer.resize(plain.size());
  EXPECT_EQ(buffer, plain);
}

TEST(WgXaead, VectorOfTheDraftAndEveryFlippedBit) {
  const Key secret = key("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  XNonce nonce{};
  copy_bytes(bytes_of("404142434445464748494a4b4c4d4e4f5051525354555657"), nonce);
  const Message associated = bytes_of("50515253c0c1c2c3c4c5c6c7");
  const std::string_view text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
      "it.";
  const Message expected = bytes_of(
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216"
      "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13"
      "b52ec0875924c1c7987947deafd8780acf49");
  Message sealed(text.size() + kTagSize);
  xaead_seal(secret, nonce, as_bytes(text), associated, sealed);
  EXPECT_EQ(sealed, expected);
  Message opened(text.size());
  ASSERT_TRUE(xaead_open(secret, nonce, sealed, associated, opened));
  EXPECT_EQ(as_text(opened), text);
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Message damaged = sealed;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(xaead_open(secret, nonce, damaged, associated, opened)) << "bit " << bit;
  }
  for (std::size_t bit = 0; bit < 8 * nonce.size(); ++bit) {
    XNonce other = nonce;
    other[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(xaead_open(secret, other, sealed, associated, opened)) << "bit " << bit;
  }
  EXPECT_FALSE(xaead_open(secret, nonce, Bytes(sealed).first(kTagSize - 1), associated, {}));
}

/// `size` bytes that count up, on and on, modulo `modulus`.
Message counting(std::size_t size, std::size_t modulus = 256) {
  Message bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % modulus);
  return bytes;
}

// The three digests below are of all digests of inputs of 0 to 299 bytes, and were computed with Python's hashlib.
TEST(WgBlake2s, HashesOfEveryLengthAcrossBlocks) {
  Message all;
  for (std::size_t size = 0; size < 300; ++size) {
    const Hash digest = hash({counting(size, 251)});
    all.insert(all.end(), digest.begin(), digest.end());
  }
  EXPECT_EQ(to_hex(hash({all})), "43e95653294085d2d779cf80a18700f3e92321db253d8bbbfd4a9ac4ffbb0835");
}

TEST(WgBlake2s, MacsWithKeysOfEveryLength) {
  Message all;
  for (std::size_t size = 0; size < 300; ++size) {
    const Mac digest = mac(counting(1 + size % 32), {counting(size, 251)});
    all.insert(all.end(), digest.begin(), digest.end());
  }
  EXPECT_EQ(to_hex(hash({all})), "ef38c778f5b728a6d28134b0bfd4278c1b744322f5450abe50220dc820dc2431");
}

TEST(WgBlake2s, HmacsWithKeysUpToABlock) {
  Message all;
  for (std::size_t size = 0; size < 300; ++size) {
    const Key digest = hmac(counting(size % 65), {counting(size, 251)});
    all.insert(all.end(), digest.bytes().begin(), digest.bytes().end());
  }
  EXPECT_EQ(to_hex(hash({all})), "3a982073642283afd352c031652cc1a0f1a9052ced7dd6e6e9bf71850772a486");
}

}  // namespace
}  // namespace bamgate::wg
