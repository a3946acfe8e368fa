// Messages in a stream, and several in one WebSocket message.
#include <gtest/gtest.h>

#include "core/buffer_pool.h"
#include "core/encoding.h"
#include "stun/binding.h"
#include "turn/channel_data.h"
#include "turn/framing.h"
#include "turn/hex.h"

namespace bamgate::turn {
namespace {

using bamgate::testing::unhex;

std::vector<std::byte> binding_request() {
  std::vector<std::byte> request(28);
  request.resize(stun::write_binding_request(request, {}).value());
  return request;
}

// ChannelData with so much data, as it stands in a stream.
std::vector<std::byte> padded_channel_data(std::size_t size) {
  BufferPool pool;
  PacketBuffer packet = pool.take(size + 3);
  for (std::byte& byte : packet.append(size)) byte = std::byte{0xda};
  EXPECT_TRUE(seal_channel_data(packet, 0x4002));
  EXPECT_TRUE(pad_frame(packet));
  const Bytes data = packet.data();
  return {data.begin(), data.end()};
}

void append(std::vector<std::byte>& to, Bytes more) { to.insert(to.end(), more.begin(), more.end()); }

TEST(TurnStream, MessagesArePutTogetherHoweverTheStreamIsCut) {
  std::vector<std::byte> stream;
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 9; ++size) {
    append(stream, padded_channel_data(size));
    sizes.push_back(kChannelHeader + size);
    append(stream, binding_request());
    sizes.push_back(28);
  }
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    StreamReader reader;
    std::vector<std::size_t> seen;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      reader.append(Bytes(stream).subspan(at, std::min(cut, stream.size() - at)));
      for (auto next = reader.next(); next.value(); next = reader.next()) seen.push_back((**next).size());
    }
    ASSERT_EQ(seen, sizes) << "pieces of " << cut << " bytes";
    EXPECT_EQ(reader.held(), 0U);
  }
}

TEST(TurnStream, ViewsLiveUntilMoreIsAppended) {
  StreamReader reader;
  std::vector<std::byte> stream = padded_channel_data(5);
  append(stream, padded_channel_data(6));
  reader.append(stream);
  const MutableBytes first = reader.next().value().value();
  const MutableBytes second = reader.next().value().value();
  first[kChannelHeader] = std::byte{1};
  EXPECT_EQ(parse_channel_data(first)->data.size(), 5U);
  EXPECT_EQ(parse_channel_data(second)->data.size(), 6U);
}

TEST(TurnStream, ChannelDataWaitsForItsPadding) {
  StreamReader reader;
  const auto message = padded_channel_data(1);
  reader.append(Bytes(message).first(7));
  EXPECT_FALSE(reader.next().value());
  reader.append(Bytes(message).last(1));
  EXPECT_TRUE(reader.next().value());
}

TEST(TurnStream, WhatIsNeitherStunNorChannelDataEndsTheStream) {
  for (const char* hex : {"80000000", "c0000000", "00010001", "00010002", "ffffffff"}) {
    StreamReader reader;
    reader.append(unhex(hex));
    EXPECT_EQ(reader.next().error(), Error::kBadFrame) << hex;
    reader.append(binding_request());
    EXPECT_EQ(reader.next().error(), Error::kBadFrame) << "a lost stream is not found again";
    EXPECT_EQ(reader.held(), 0U);
  }
}

TEST(TurnStream, ReservedChannelsKeepTheStreamInStep) {
  StreamReader reader;
  auto stream = unhex("5000000101000000");
  append(stream, binding_request());
  reader.append(stream);
  EXPECT_EQ(parse_channel_data(reader.next().value().value()).error(), Error::kBadChannel);
  EXPECT_EQ(reader.next().value().value().size(), 28U);
}

TEST(TurnStream, NoMoreIsHeldThanTheLimitAllows) {
  StreamReader exact(28);
  exact.append(binding_request());
  EXPECT_TRUE(exact.next().value());
  StreamReader reader(24);
  reader.append(Bytes(binding_request()).first(4));
  EXPECT_EQ(reader.next().error(), Error::kFrameTooLarge) << "known from the first four bytes on";
  reader.append(std::vector<std::byte>(100000));
  EXPECT_EQ(reader.held(), 0U);
}

TEST(TurnStream, TheLargestMessagesFitTheDefaultLimit) {
  for (const char* head : {"0001fffc2112a442", "4000ffff"}) {
    StreamReader reader;
    reader.append(unhex(head));
    ASSERT_FALSE(reader.next().value()) << head;
    reader.append(std::vector<std::byte>(kLargestFrame));
    EXPECT_TRUE(reader.next().value()) << head;
  }
}

TEST(TurnStream, PaddingNeedsRoomBehindThePacket) {
  BufferPool pool;
  PacketBuffer packet = pool.take();
  packet.append(packet.tailroom() - 1);
  while (packet.size() % 4 != 2) packet.remove_prefix(1);
  const std::size_t size = packet.size();
  EXPECT_EQ(pad_frame(packet).error(), Error::kNoRoom);
  EXPECT_EQ(packet.size(), size);
}

TEST(TurnBatch, SeveralMessagesTravelInOne) {
  std::array<std::byte, 100> out{};
  BatchWriter writer(out);
  ASSERT_TRUE(writer.add(unhex("4000000101")));
  ASSERT_TRUE(writer.add(binding_request()));
  ASSERT_TRUE(writer.add(unhex("400100020102")));
  EXPECT_EQ(writer.size(), 8U + 28U + 8U);
  std::vector<std::byte> batch(writer.written().begin(), writer.written().end());
  BatchReader reader(batch);
  EXPECT_EQ(to_hex(reader.next().value().value()), "4000000101");
  EXPECT_EQ(reader.next().value().value().size(), 28U);
  EXPECT_EQ(to_hex(reader.next().value().value()), "400100020102");
  EXPECT_FALSE(reader.next().value());
}

TEST(TurnBatch, WhatDoesNotFitIsNotWritten) {
  std::array<std::byte, 15> out{};
  BatchWriter writer(out);
  ASSERT_TRUE(writer.add(unhex("4000000101")));
  EXPECT_FALSE(writer.add(unhex("4000000101"))) << "five bytes would fit, their padding would not";
  EXPECT_EQ(writer.size(), 8U);
  EXPECT_TRUE(writer.add(unhex("40000000")));
}

TEST(TurnBatch, TheLastMessageMayComeWithoutPadding) {
  auto batch = unhex("40000001010000004001000102");
  BatchReader reader(batch);
  EXPECT_EQ(to_hex(reader.next().value().value()), "4000000101");
  EXPECT_EQ(to_hex(reader.next().value().value()), "4001000102");
  EXPECT_FALSE(reader.next().value());
}

TEST(TurnBatch, NothingIsReadBehindAMalformedMessage) {
  for (const auto& [hex, error] :
       {std::pair{"40000001ff00000040000009ff", Error::kTruncated}, std::pair{"40000001ff000000ff", Error::kTruncated},
        std::pair{"40000001ff00000080000000", Error::kBadFrame}}) {
    auto batch = unhex(hex);
    BatchReader reader(batch);
    EXPECT_TRUE(reader.next().value());
    EXPECT_EQ(reader.next().error(), error) << hex;
    EXPECT_FALSE(reader.next().value());
  }
}

}  // namespace
}  // namespace bamgate::turn
