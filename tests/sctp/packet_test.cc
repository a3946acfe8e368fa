#include "sctp/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sctp/crc32c.h"

namespace bamgate::sctp {
namespace {

// A packet of a common header and one DATA chunk for each of `sizes`, with TSNs from 100 on, on stream 7.
std::vector<std::byte> packet_of(std::initializer_list<std::size_t> sizes) {
  std::vector<std::byte> packet(kCommonHeader);
  std::uint8_t tsn = 100;
  for (const std::size_t size : sizes) {
    const std::size_t begin = packet.size();
    packet.resize(begin + (kDataHeader + size + 3) / 4 * 4);
    packet[begin + 1] = std::byte{2};
    packet[begin + 2] = static_cast<std::byte>((kDataHeader + size) >> 8);
    packet[begin + 3] = static_cast<std::byte>((kDataHeader + size) & 0xff);
    packet[begin + 7] = static_cast<std::byte>(tsn++);
    packet[begin + 9] = std::byte{7};
  }
  return packet;
}

TEST(SctpPacket, TheWalkFindsEveryDataChunk) {
  const auto packet = packet_of({1, 20, 1000});
  std::vector<DataChunk> chunks;
  for (ChunkWalk walk(packet); walk.next();) chunks.push_back(walk.data().value());
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[0].size, 1U);
  EXPECT_TRUE(chunks[0].begins);
  EXPECT_FALSE(chunks[0].ends);
  EXPECT_EQ(chunks[1].tsn, 101U);
  EXPECT_EQ(chunks[1].stream, 7U);
  EXPECT_EQ(chunks[2].size, 1000U);
}

TEST(SctpPacket, TheWalkEndsAtTheFirstChunkThatDoesNotFit) {
  auto packet = packet_of({20, 20});
  packet.pop_back();
  int chunks = 0;
  for (ChunkWalk walk(packet); walk.next();) ++chunks;
  EXPECT_EQ(chunks, 1);
  const std::vector<std::byte> zeros(600);
  for (ChunkWalk walk(zeros); walk.next();) ++chunks;
  EXPECT_EQ(chunks, 1) << "a chunk of length 0";
}

TEST(SctpPacket, NumbersArePickedOnlyFromInsideTheChunk) {
  const auto packet = packet_of({4});
  ChunkWalk walk(packet);
  ASSERT_TRUE(walk.next());
  EXPECT_EQ(walk.number_at(4), 100U);
  EXPECT_EQ(walk.number_at(16), 0U);
  EXPECT_EQ(walk.number_at(17), std::nullopt);
  EXPECT_EQ(walk.number_at(1000), std::nullopt);
}

TEST(SctpPacket, TheChecksumIsCrc32c) {
  // RFC 3720 appendix B.4 and the check value that catalogues of CRCs give.
  EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43U);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(as_bytes("56789"), crc32c(as_bytes("1234"))), 0xe3069283U);
}

TEST(SctpPacket, AWrittenChecksumIsRightUntilABitChanges) {
  auto packet = packet_of({33, 2});
  EXPECT_FALSE(has_right_checksum(packet));
  write_checksum(packet);
  for (std::size_t i = 0; i < packet.size(); ++i) {
    EXPECT_TRUE(has_right_checksum(packet));
    packet[i] ^= std::byte{0x10};
    EXPECT_FALSE(has_right_checksum(packet)) << i;
    packet[i] ^= std::byte{0x10};
  }
}

}  // namespace
}  // namespace bamgate::sctp
