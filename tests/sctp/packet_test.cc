#include <gtest/gtest.h>

#include <vector>

#include "sctp/usrsctp_packet.h"

namespace bamgate::sctp {
namespace {

// A packet of a common header and one DATA chunk for each of `sizes`, with TSNs from 100 on.
std::vector<std::byte> packet_of(std::initializer_list<std::size_t> sizes) {
  std::vector<std::byte> packet(kCommonHeader);
  std::uint8_t tsn = 100;
  for (const std::size_t size : sizes) {
    const std::size_t begin = packet.size();
    packet.resize(begin + (kDataHeader + size + 3) / 4 * 4);
    packet[begin + 2] = static_cast<std::byte>((kDataHeader + size) >> 8);
    packet[begin + 3] = static_cast<std::byte>((kDataHeader + size) & 0xff);
    packet[begin + 7] = static_cast<std::byte>(tsn++);
  }
  return packet;
}

TEST(UsrsctpPacket, TheWalkFindsEveryDataChunk) {
  const auto packet = packet_of({1, 20, 1000});
  std::vector<DataChunk> chunks;
  for (ChunkWalk walk(packet); walk.next();) chunks.push_back(walk.data().value());
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[0].size, 1U);
  EXPECT_EQ(chunks[1].tsn, 101U);
  EXPECT_EQ(chunks[2].size, 1000U);
}

TEST(UsrsctpPacket, APacketIsCutBehindTheLastChunkThatFits) {
  const auto packet = packet_of({100, 100, 100});
  EXPECT_EQ(find_cut(packet, packet.size()), std::nullopt);
  EXPECT_EQ(find_cut(packet, packet.size() - 1), kCommonHeader + 2 * (kDataHeader + 100));
  EXPECT_EQ(find_cut(packet, 200), kCommonHeader + kDataHeader + 100);
}

TEST(UsrsctpPacket, AChunkThatIsTooLongByItselfIsNotCut) {
  EXPECT_EQ(find_cut(packet_of({1000, 20}), 500), std::nullopt);
  EXPECT_EQ(find_cut(std::vector<std::byte>(600), 500), std::nullopt) << "a chunk of length 0";
}

}  // namespace
}  // namespace bamgate::sctp
