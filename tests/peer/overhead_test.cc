// The sums that fix MTUs, and that a real connection keeps them.
#include "peer/overhead.h"

#include <gtest/gtest.h>

#include "peer/link.h"

namespace bamgate::peer {
namespace {

using namespace std::chrono_literals;
using testing::Link;
using testing::pattern;

TEST(PeerOverhead, WireGuardPadsToSixteenBytes) {
  EXPECT_EQ(padded(0), 0U);
  EXPECT_EQ(padded(1), 16U);
  EXPECT_EQ(padded(16), 16U);
  EXPECT_EQ(padded(1279), 1280U);
}

TEST(PeerOverhead, AnInnerPacketOf1280BytesFitsThePathsThatPeopleHave) {
  EXPECT_EQ(sctp_packet(1280), 1280U + 32 + 28);
  EXPECT_EQ(datagram(1280), 1280U + 32 + 28 + 37);
  EXPECT_EQ(datagram(1280) + kUdpHeader + kIpv4Header, 1405U);
  EXPECT_EQ(datagram(1280) + kUdpHeader + kIpv6Header, 1425U);
  // Ethernet, PPPoE (RFC 2516 §7) and what remains of Ethernet inside an IPv6 tunnel (RFC 2473 §7.1).
  for (const std::size_t path : {1500U, 1492U, 1460U}) {
    EXPECT_LE(datagram(1280) + kUdpHeader + kIpv6Header + kChannelDataHeader, path);
  }
}

TEST(PeerOverhead, EachMessageOfTheTunnelTravelsInOneDatagramOfTheComputedSize) {
  Link link;
  ASSERT_TRUE(link.connect());
  link.run(2s);
  std::vector<std::size_t> large;
  link.filter = [&](const testing::Side& from, Bytes datagram) {
    if (&from == &link.a && datagram.size() > 200) large.push_back(datagram.size());
    return true;
  };
  for (std::uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(link.a.send(link.now(), pattern(padded(1280) + kWireGuardData, i)));
    link.run(20ms);
  }
  EXPECT_EQ(link.b.message_count, 20U);
  ASSERT_EQ(large.size(), 20U);
  // A SACK chunk may ride along with none of them: the packet is full.
  for (const std::size_t size : large) EXPECT_EQ(size, sctp_packet(1280) + kDtlsRecordChaCha20);
  static_assert(kDtlsRecordChaCha20 <= kDtlsRecord);
}

TEST(PeerOverhead, NoDatagramIsEverLargerThanThatOfAFullInnerPacket) {
  Link link({.loss_permille = 50, .channels = {testing::tunnel_channel(), testing::reliable_channel()}});
  ASSERT_TRUE(link.connect());
  link.run(1s);
  ASSERT_TRUE(link.a->send(link.now(), link.a.channel("reliable"), pattern(60000, 1)));
  ASSERT_TRUE(link.run(60s, [&] { return link.b.message_count == 1; }));
  EXPECT_EQ(link.a->counters().unsealed, 0U);
  EXPECT_EQ(link.a.largest_datagram, sctp_packet(1280) + kDtlsRecordChaCha20) << "a long message fills its packets";
  EXPECT_LE(link.b.largest_datagram, datagram(1280));
}

}  // namespace
}  // namespace bamgate::peer
