#include "core/bytes.h"

#include <gtest/gtest.h>

#include "core/encoding.h"
#include "core/reader.h"
#include "core/writer.h"
#include "support/seeded_random.h"

namespace bamgate {
namespace {

TEST(Bytes, ConstantTimeCompareTellsEqualFromDifferent) {
  EXPECT_TRUE(constant_time_equal(as_bytes("secret"), as_bytes("secret")));
  EXPECT_FALSE(constant_time_equal(as_bytes("secret"), as_bytes("secreT")));
  EXPECT_FALSE(constant_time_equal(as_bytes("secret"), as_bytes("secrets")));
  EXPECT_TRUE(constant_time_equal({}, {}));
}

TEST(Bytes, MovedFromSecretIsWiped) {
  std::array<std::byte, 4> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  Secret<4> first(bytes);
  const Secret<4> second(std::move(first));
  EXPECT_EQ(to_hex(second.bytes()), "01020304");
  EXPECT_EQ(to_hex(first.bytes()), "00000000");  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(Reader, NeverReadsPastTheEndAndStaysFailed) {
  Reader reader(as_bytes("\x01\x02\x03"));
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u16(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(Writer, NeverWritesPastTheEndAndStaysFailed) {
  std::array<std::byte, 3> buffer{};
  Writer writer(buffer);
  writer.u16(0x0102);
  writer.u16(0x0304);
  EXPECT_FALSE(writer.ok());
  writer.u8(9);
  EXPECT_EQ(to_hex(buffer), "010200");
  EXPECT_EQ(writer.size(), 2U);
}

TEST(ReaderAndWriter, AgreeOnByteOrder) {
  std::array<std::byte, 29> buffer{};
  Writer writer(buffer);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u24(0x040506);
  writer.u32(0x0708090a);
  writer.u64(0x0b0c0d0e0f101112);
  writer.u32_le(0x16151413);
  writer.u32_le(0x1a191817);
  writer.take(3)[0] = std::byte{0x1b};
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(to_hex(buffer), "0102030405060708090a0b0c0d0e0f101112131415161718191a1b0000");
  Reader reader(buffer);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u24(), 0x040506U);
  EXPECT_EQ(reader.u32(), 0x0708090aU);
  EXPECT_EQ(reader.u64(), 0x0b0c0d0e0f101112U);
  EXPECT_EQ(reader.u64_le(), 0x1a19181716151413U);
  EXPECT_TRUE(reader.ok());
}

TEST(ReaderAndWriter, AgreeWithANumberThatIsWrittenAlone) {
  EXPECT_EQ(to_hex(big_endian(std::uint8_t{0xfe})), "fe");
  EXPECT_EQ(to_hex(big_endian(std::uint16_t{0x0102})), "0102");
  EXPECT_EQ(to_hex(big_endian(std::uint32_t{0xf1020304})), "f1020304");
  EXPECT_EQ(Reader(big_endian(std::uint64_t{0xf102030405060708})).u64(), 0xf102030405060708U);
}

TEST(Writer, PatchesOnlyWhatWasWritten) {
  std::array<std::byte, 4> buffer{};
  Writer writer(buffer);
  writer.u24(0x010203);
  writer.patch_u16(1, 0xaabb);
  writer.patch_u16(2, 0xccdd);  // its second byte was not written yet
  EXPECT_EQ(to_hex(buffer), "01aabb00");
}

TEST(Encoding, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    const auto decoded = from_base64(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(as_text(*decoded), plain);
  }
}

TEST(Encoding, RefusesEverySecondFormOfTheSameBytes) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zg==\n", " Zg==", "Zg==Zg==", "====", "Z===", "Zm-v"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
  EXPECT_FALSE(from_base64url("Zg=="));
  EXPECT_FALSE(from_base64url("Zm+v"));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Encoding, RoundTripsRandomBytes) {
  testing::SeededRandom random(1);
  for (std::size_t size = 0; size < 100; ++size) {
    std::vector<std::byte> bytes(size);
    random.fill(bytes);
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  }
}

TEST(Random, BelowReachesEachValueAndNoOther) {
  testing::SeededRandom random(2);
  std::array<int, 5> seen{};
  for (int i = 0; i < 500; ++i) ++seen.at(random.below(5));
  for (const int count : seen) EXPECT_GT(count, 50);
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace bamgate
