// ChannelData and indications: what is put around a packet comes off again, and what is malformed is refused.
#include <gtest/gtest.h>

#include <functional>

#include "core/buffer_pool.h"
#include "core/encoding.h"
#include "stun/builder.h"
#include "turn/channel_data.h"
#include "turn/hex.h"
#include "turn/indication.h"

namespace bamgate::turn {
namespace {

using bamgate::testing::unhex;

constexpr Endpoint kPeer4{IpAddress::v4(198, 51, 100, 7), 49152};
const Endpoint kPeer6{IpAddress::parse("2001:db8::7").value(), 49152};
constexpr stun::TransactionId kId{std::byte{1}, std::byte{2}};

TEST(TurnChannelData, HeaderIsFourBytesInFrontOfTheData) {
  BufferPool pool;
  PacketBuffer packet = pool.copy(as_bytes("hello"));
  ASSERT_TRUE(seal_channel_data(packet, 0x4001));
  EXPECT_EQ(to_hex(packet.data()), "4001000568656c6c6f");
  EXPECT_EQ(open_channel_data(packet).value(), 0x4001);
  EXPECT_EQ(as_text(packet.data()), "hello");
}

TEST(TurnChannelData, EmptyDataIsAMessageToo) {
  const auto bytes = unhex("4fff0000");
  const auto message = parse_channel_data(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->channel, 0x4fff);
  EXPECT_TRUE(message->data.empty());
}

TEST(TurnChannelData, PaddingBehindTheDataIsTakenOff) {
  BufferPool pool;
  PacketBuffer packet = pool.copy(unhex("40000001ff000000"));
  ASSERT_TRUE(open_channel_data(packet));
  EXPECT_EQ(to_hex(packet.data()), "ff");
}

TEST(TurnChannelData, ShorterThanItClaimsIsRefusedAndLeftAlone) {
  BufferPool pool;
  for (const char* hex : {"", "40", "400000", "40000001", "40000005ffffffff"}) {
    PacketBuffer packet = pool.copy(unhex(hex));
    EXPECT_EQ(open_channel_data(packet).error(), Error::kTruncated) << hex;
    EXPECT_EQ(to_hex(packet.data()), hex);
  }
}

TEST(TurnChannelData, NumbersOutsideTheRangeAreNoChannels) {
  for (const char* hex : {"3fff0000", "50000000", "7fff0000", "ffff0000"}) {
    EXPECT_EQ(parse_channel_data(unhex(hex)).error(), Error::kBadChannel) << hex;
  }
  EXPECT_TRUE(parse_channel_data(unhex("40000000")));
}

TEST(TurnChannelData, IsToldFromStunAndDtlsByItsFirstBits) {
  EXPECT_TRUE(is_channel_data(unhex("40")));
  EXPECT_TRUE(is_channel_data(unhex("7f")));
  EXPECT_FALSE(is_channel_data(unhex("3f")));
  EXPECT_FALSE(is_channel_data(unhex("80")));
  EXPECT_FALSE(is_channel_data({}));
}

TEST(TurnChannelData, PacketWithoutRoomIsLeftAsItWas) {
  BufferPool pool;
  PacketBuffer packet = pool.copy(as_bytes("hello"), kChannelHeader - 1);
  EXPECT_EQ(seal_channel_data(packet, 0x4000).error(), Error::kNoRoom);
  EXPECT_EQ(as_text(packet.data()), "hello");
  PacketBuffer large = pool.take(0x10000);
  large.append(0x10000);
  EXPECT_EQ(seal_channel_data(large, 0x4000).error(), Error::kNoRoom);
  large.remove_suffix(1);
  EXPECT_TRUE(seal_channel_data(large, 0x4000));
  EXPECT_EQ(parse_channel_data(large.data())->data.size(), 0xffffU);
}

TEST(TurnIndication, IsTheSameMessageThatTheBuilderWrites) {
  BufferPool pool;
  for (const Endpoint& peer : {kPeer4, kPeer6}) {
    for (const std::string_view data : {"", "a", "ab", "abc", "abcd"}) {
      std::array<std::byte, 100> written{};
      const auto size = stun::Builder(written, stun::Class::kIndication, stun::Method::kSend, kId)
                            .xor_address(stun::Attribute::kXorPeerAddress, peer)
                            .bytes(stun::Attribute::kData, as_bytes(data))
                            .finish();
      PacketBuffer packet = pool.copy(as_bytes(data));
      ASSERT_TRUE(seal_indication(packet, stun::Method::kSend, kId, peer));
      EXPECT_EQ(to_hex(packet.data()), to_hex(Bytes(written).first(size.value())));

      const auto indication = parse_send(stun::Message::parse(packet.data()).value());
      ASSERT_TRUE(indication);
      EXPECT_EQ(indication->peer, peer);
      open_indication(packet, *indication);
      EXPECT_EQ(as_text(packet.data()), data);
    }
  }
}

TEST(TurnIndication, PacketWithoutRoomIsLeftAsItWas) {
  BufferPool pool;
  PacketBuffer front = pool.copy(as_bytes("abcd"), kLongestIndicationHead - 1);
  EXPECT_EQ(seal_indication(front, stun::Method::kData, kId, kPeer6).error(), Error::kNoRoom);
  EXPECT_EQ(as_text(front.data()), "abcd");
  ASSERT_TRUE(seal_indication(front, stun::Method::kData, kId, kPeer4));

  PacketBuffer back = pool.take(kBlockSize, kHeadroom);
  back.append(back.tailroom() - 1);
  while (back.size() % 4 != 1) back.remove_prefix(1);
  const std::size_t size = back.size();
  EXPECT_EQ(seal_indication(back, stun::Method::kData, kId, kPeer4).error(), Error::kNoRoom);
  EXPECT_EQ(back.size(), size);

  PacketBuffer large = pool.take(0xfffc, kHeadroom);
  large.append(0xfffc - 16);
  ASSERT_TRUE(seal_indication(large, stun::Method::kSend, kId, kPeer4));
  EXPECT_EQ(stun::Message::parse(large.data()).value().bytes(stun::Attribute::kData)->size(), 0xfffcU - 16);
  PacketBuffer larger = pool.take(0xfffc, kHeadroom);
  larger.append(0xfffc - 15);
  EXPECT_EQ(seal_indication(larger, stun::Method::kSend, kId, kPeer4).error(), Error::kNoRoom);
}

// An indication of the builder, and what the parser says of it.
class Written {
 public:
  explicit Written(const std::function<void(stun::Builder&)>& write) {
    stun::Builder builder(bytes_, stun::Class::kIndication, stun::Method::kData, kId);
    write(builder);
    size_ = builder.finish().value();
  }
  stun::Message message() const { return stun::Message::parse(Bytes(bytes_).first(size_)).value(); }

 private:
  std::array<std::byte, 200> bytes_{};
  std::size_t size_ = 0;
};

TEST(TurnIndication, SendNeedsPeerAndData) {
  const Written no_peer([](auto& builder) { builder.bytes(stun::Attribute::kData, as_bytes("x")); });
  EXPECT_EQ(parse_send(no_peer.message()).error(), Error::kBadIndication);
  const Written no_data([](auto& builder) { builder.xor_address(stun::Attribute::kXorPeerAddress, kPeer4); });
  EXPECT_EQ(parse_send(no_data.message()).error(), Error::kBadIndication);
  const Written whole([](auto& builder) {
    builder.xor_address(stun::Attribute::kXorPeerAddress, kPeer4)
        .flag(stun::Attribute::kDontFragment)
        .bytes(stun::Attribute::kData, {});
  });
  EXPECT_TRUE(parse_send(whole.message()));
}

TEST(TurnIndication, DataNeedsPeerAndEitherDataOrAnIcmpError) {
  const stun::IcmpError too_big{.type = 3, .code = 4, .data = 1400};
  const Written icmp(
      [&](auto& builder) { builder.xor_address(stun::Attribute::kXorPeerAddress, kPeer4).icmp(too_big); });
  const auto heard = parse_data(icmp.message());
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->icmp, too_big);
  EXPECT_FALSE(heard->data);
  const Written nothing([](auto& builder) { builder.xor_address(stun::Attribute::kXorPeerAddress, kPeer4); });
  EXPECT_EQ(parse_data(nothing.message()).error(), Error::kBadIndication);
  const Written no_peer([&](auto& builder) { builder.icmp(too_big); });
  EXPECT_EQ(parse_data(no_peer.message()).error(), Error::kBadIndication);
}

TEST(TurnIndication, UnknownRequiredAttributesSpoilIt) {
  const Written strange([](auto& builder) {
    builder.xor_address(stun::Attribute::kXorPeerAddress, kPeer4)
        .bytes(static_cast<stun::Attribute>(0x7001), as_bytes("?"))
        .bytes(stun::Attribute::kData, as_bytes("x"));
  });
  EXPECT_EQ(parse_send(strange.message()).error(), Error::kBadIndication);
  EXPECT_EQ(parse_data(strange.message()).error(), Error::kBadIndication);
}

}  // namespace
}  // namespace bamgate::turn
