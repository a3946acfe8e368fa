// Records and handshake headers, well formed and not.
#include "dtls/record.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/encoding.h"
#include "support/seeded_random.h"

namespace bamgate::dtls {
namespace {

std::vector<std::byte> bytes(std::string_view hex) { return from_hex(hex).value(); }

TEST(Record, IsTakenFromTheFrontOfItsDatagram) {
  const auto datagram = bytes(
      "16fefd0001000203040506"
      "0003"
      "aabbcc"
      "15fefd00000000000000000002"
      "0228");
  Bytes rest = datagram;
  const auto first = take_record(rest);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, RecordType::kHandshake);
  EXPECT_EQ(first->epoch, 1);
  EXPECT_EQ(first->sequence, 0x000203040506U);
  EXPECT_EQ(first->payload.size(), 3U);
  EXPECT_EQ(first->whole.size(), 16U);
  const auto second = take_record(rest);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->type, RecordType::kAlert);
  EXPECT_TRUE(rest.empty());
  EXPECT_TRUE(is_plausible(*second));
}

TEST(Record, OfAnotherProtocolIsRefusedAndLeftWhereItIs) {
  for (const char* hex : {"", "16", "16fefd0000000000000000000", "0001000021122a4200000000000000",
                          "16030300000000000000000000", "13fefd00000000000000000000", "18fefd00000000000000000000",
                          "16fefc00000000000000000000", "16fefd00000000000000000001"}) {
    const std::string_view text(hex);
    const auto datagram = bytes(text.substr(0, text.size() / 2 * 2));
    Bytes rest = datagram;
    EXPECT_FALSE(take_record(rest)) << hex;
    EXPECT_EQ(rest.size(), datagram.size());
  }
}

bool plausible(std::string_view type, std::string_view payload) {
  const auto body = bytes(payload);
  std::vector<std::byte> whole = bytes(std::string(type) + "fefd0000000000000000");
  whole.push_back(static_cast<std::byte>(body.size() >> 8));
  whole.push_back(static_cast<std::byte>(body.size() & 0xff));
  whole.insert(whole.end(), body.begin(), body.end());
  Bytes rest = whole;
  return is_plausible(take_record(rest).value());
}

TEST(Record, WithAnImpossiblePayloadIsNotPlausible) {
  EXPECT_TRUE(plausible("14", "01"));
  EXPECT_FALSE(plausible("14", "02"));
  EXPECT_FALSE(plausible("14", "0101"));
  EXPECT_TRUE(plausible("15", "0228"));
  EXPECT_FALSE(plausible("15", "022802"));
  EXPECT_FALSE(plausible("17", "00"));
  EXPECT_FALSE(plausible("16", ""));
  EXPECT_TRUE(plausible("16",
                        "0e000000"
                        "0003"
                        "000000"
                        "000000"));
  EXPECT_TRUE(plausible("16",
                        "0e000000"
                        "0003"
                        "000000"
                        "000000"
                        "0e000002"
                        "0004"
                        "000001"
                        "000001"
                        "ff"));
  EXPECT_FALSE(plausible("16",
                         "0e000002"
                         "0004"
                         "000001"
                         "000002"
                         "ffff"));  // past the message's end
  EXPECT_FALSE(plausible("16",
                         "0e000002"
                         "0004"
                         "000003"
                         "000000"));  // begins past the end
  EXPECT_FALSE(plausible("16",
                         "0e000002"
                         "0004"
                         "000000"
                         "000002"
                         "ff"));  // past the record's end
  EXPECT_FALSE(plausible("16",
                         "0effffff"
                         "0004"
                         "000000"
                         "000001"
                         "ff"));  // a message of 16 MiB
}

TEST(Record, RandomBytesAreReadWithinTheirBounds) {
  bamgate::testing::SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> datagram(random.below(64));
    random.fill(datagram);
    if (datagram.size() > 2) {
      datagram[0] = std::byte{22};
      datagram[1] = std::byte{0xfe};
      datagram[2] = std::byte{0xfd};
    }
    if (datagram.size() > 12) datagram[11] = std::byte{0};
    Bytes rest = datagram;
    while (const auto record = take_record(rest)) (void)is_plausible(*record);
    EXPECT_LE(rest.size(), datagram.size());
  }
}

}  // namespace
}  // namespace bamgate::dtls
