// Which protocol a datagram belongs to, by its first bytes.
#include "peer/demux.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace bamgate::peer {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// A datagram of `size` bytes whose first is `first`, all others 0x55.
std::vector<std::byte> begins_with(int first, std::size_t size = 40) {
  std::vector<std::byte> result(size, std::byte{0x55});
  result[0] = static_cast<std::byte>(first);
  return result;
}

TEST(PeerDemux, TheFirstByteDecidesAsRfc7983Says) {
  for (int first = 0; first < 256; ++first) {
    Protocol expected = Protocol::kUnknown;
    if (first >= 20 && first <= 63) expected = Protocol::kDtls;
    if (first >= 64 && first <= 79) expected = Protocol::kTurnChannel;
    EXPECT_EQ(classify(begins_with(first)), expected) << first;
  }
}

TEST(PeerDemux, StunIsKnownByItsMagicCookie) {
  // A binding request and a success response (RFC 8489 §5).
  EXPECT_EQ(classify(bytes({0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})),
            Protocol::kStun);
  EXPECT_EQ(classify(bytes({0x01, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})),
            Protocol::kStun);
  EXPECT_EQ(classify(bytes({0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x43, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})),
            Protocol::kUnknown);
}

TEST(PeerDemux, WireGuardIsKnownByItsThreeZeroBytes) {
  for (int type = 1; type <= 4; ++type) {
    EXPECT_EQ(classify(bytes({type, 0, 0, 0, 9, 8, 7, 6, 5})), Protocol::kWireGuard) << type;
    EXPECT_EQ(classify(bytes({type, 0, 1, 0, 9, 8, 7, 6, 5})), Protocol::kUnknown) << type;
  }
  EXPECT_EQ(classify(bytes({0, 0, 0, 0, 9, 8, 7, 6, 5})), Protocol::kUnknown);
  EXPECT_EQ(classify(bytes({5, 0, 0, 0, 9, 8, 7, 6, 5})), Protocol::kUnknown);
}

TEST(PeerDemux, AStunMessageOfAWireGuardTypeIsStun) {
  // STUN type 0x0100 with length 0: its first four bytes are those of a WireGuard initiation.
  EXPECT_EQ(classify(bytes({0x01, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42})), Protocol::kStun);
}

TEST(PeerDemux, WhatIsTooShortForItsProtocolIsUnknown) {
  EXPECT_EQ(classify({}), Protocol::kUnknown);
  EXPECT_EQ(classify(bytes({0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4})), Protocol::kUnknown);
  EXPECT_EQ(classify(bytes({0x04, 0, 0, 0, 1, 2, 3})), Protocol::kUnknown);
}

}  // namespace
}  // namespace bamgate::peer
