// Associations come up, open channels and keep still.
#include "sctp/association.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sctp/engines.h"
#include "sctp/link.h"
#include "sctp/packet.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::LinkOf;
using testing::pattern;
using testing::reliable_channel;
using testing::tunnel_channel;

template <typename EngineType>
class SctpAssociation : public ::testing::Test {};
TYPED_TEST_SUITE(SctpAssociation, testing::Engines, testing::EngineName);

TYPED_TEST(SctpAssociation, TwoSidesThatBothSendInitConnectInTwoRoundTrips) {
  LinkOf<TypeParam> link;
  const Instant begin = link.now();
  ASSERT_TRUE(link.connect());
  EXPECT_LE(link.now() - begin, 45ms);
  EXPECT_TRUE(link.a().association.connected());
}

TYPED_TEST(SctpAssociation, TheOptionsOfAChannelArriveAtTheOtherSide) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  ASSERT_EQ(link.b().seen.opened.size(), 1U);
  EXPECT_EQ(link.b().seen.opened[0].channel, id);
  EXPECT_EQ(link.b().seen.opened[0].options, tunnel_channel());
  EXPECT_TRUE(link.b().seen.opened[0].by_remote);
  ASSERT_EQ(link.a().seen.opened.size(), 1U);
  EXPECT_FALSE(link.a().seen.opened[0].by_remote);
}

TYPED_TEST(SctpAssociation, TheDtlsClientOpensEvenStreamsAndTheServerOddOnes) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), ChannelId{0});
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), ChannelId{2});
  EXPECT_EQ(link.b().association.open_channel(link.now(), reliable_channel()), ChannelId{1});
  EXPECT_EQ(link.b().association.open_channel(link.now(), reliable_channel()), ChannelId{3});
  EXPECT_TRUE(link.run(5s, [&] { return link.a().seen.opened.size() == 4 && link.b().seen.opened.size() == 4; }));
}

TYPED_TEST(SctpAssociation, AChannelThatIsOpenedBeforeTheAssociationIsUpIsAnnouncedWhenItIs) {
  LinkOf<TypeParam> link;
  const auto id = link.a().association.open_channel(link.now(), tunnel_channel());
  ASSERT_TRUE(id);
  EXPECT_EQ(link.a().association.send(link.now(), *id, MessageKind::kBinary, pattern(1, 1)),
            std::unexpected(Error::kNotConnected));
  ASSERT_TRUE(link.connect());
  EXPECT_TRUE(link.run(1s, [&] { return link.a().seen.opened.size() == 1 && link.b().seen.opened.size() == 1; }));
}

TYPED_TEST(SctpAssociation, StreamsRunOutAtTheNegotiatedNumber) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  for (int i = 0; i < kStreams / 2; ++i) {
    ASSERT_TRUE(link.a().association.open_channel(link.now(), reliable_channel())) << i;
    link.drain();
  }
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), std::unexpected(Error::kNoStreamLeft));
  EXPECT_TRUE(link.run(5s, [&] { return link.b().seen.opened.size() == kStreams / 2; }));
}

TYPED_TEST(SctpAssociation, OptionsThatMakeNoSenseAreRefused) {
  LinkOf<TypeParam> link;
  auto& a = link.a().association;
  EXPECT_EQ(a.open_channel(link.now(), {.max_retransmits = 1, .max_lifetime = 1ms}),
            std::unexpected(Error::kBadOptions));
  EXPECT_EQ(a.open_channel(link.now(), {.max_lifetime = -1ms}), std::unexpected(Error::kBadOptions));
  EXPECT_EQ(a.open_channel(link.now(), {.label = std::string(1025, 'x')}), std::unexpected(Error::kBadOptions));
  for (const Association::Options& bad :
       {Association::Options{.path_mtu = 100}, Association::Options{.path_mtu = 1502},
        Association::Options{.max_message_size = 0}, Association::Options{.remote_port = 0}}) {
    const auto made = Association::create(link.engines(), bad, link.pool());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), Error::kBadOptions);
  }
}

TYPED_TEST(SctpAssociation, ASideThatStartsLaterStillConnects) {
  LinkOf<TypeParam> link;
  link.a().association.start(link.now());
  link.run(200ms);
  EXPECT_FALSE(link.a().seen.connected);
  link.b().association.start(link.now());
  EXPECT_TRUE(link.run(100ms, [&] { return link.a().seen.connected && link.b().seen.connected; }));
}

TYPED_TEST(SctpAssociation, AConnectionIsMadeThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LinkOf<TypeParam> link({.delay = 30ms, .loss_permille = 200, .seed = seed});
    ASSERT_TRUE(link.connect()) << seed;
    link.open(tunnel_channel());
    EXPECT_EQ(link.b().seen.opened.size(), 1U) << seed;
  }
}

TYPED_TEST(SctpAssociation, AnIdleAssociationHasNoBusyTimer) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  link.open(tunnel_channel());
  link.run(5s);
  const std::uint64_t before = link.wakeups();
  link.run(600s);
  // Twice a second for each side, and a few more for each heartbeat.
  EXPECT_LE(link.wakeups() - before, 2U * 600U * 2U * 3U);
}

TYPED_TEST(SctpAssociation, EveryChecksumIsRight) {
  // RFC 9260 §6.8: a peer drops packets whose CRC32c is wrong, also above DTLS.
  LinkOf<TypeParam> link;
  int wrong = 0;
  link.filter = [&](bool, Bytes packet) {
    std::uint32_t crc = 0xffffffff;
    for (std::size_t i = 0; i < packet.size(); ++i) {
      crc ^= i >= 8 && i < 12 ? 0 : std::to_integer<std::uint32_t>(packet[i]);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    crc = ~crc;
    for (std::size_t i = 0; i < 4; ++i) wrong += packet[8 + i] != static_cast<std::byte>(crc >> (8 * i) & 0xff) ? 1 : 0;
    return true;
  };
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1001, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 1; }));
  EXPECT_EQ(wrong, 0);
}

TYPED_TEST(SctpAssociation, AnIdleAssociationNoticesThatThePeerIsGone) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  link.run(10s);
  link.filter = [](bool, Bytes) { return false; };
  // Heartbeats (RFC 9260 §8.3) go unanswered.
  ASSERT_TRUE(link.run(20min, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.a().seen.closed, Error::kTimedOut);
}

TYPED_TEST(SctpAssociation, NoChunkOfTheHandshakeNamesAnIpAddress) {
  LinkOf<TypeParam> link;
  int addresses = 0;
  int handshakes = 0;
  link.filter = [&](bool, Bytes packet) {
    for (ChunkWalk walk(packet); walk.next();) {
      if (walk.type() != ChunkType::kInit && walk.type() != ChunkType::kInitAck) continue;
      ++handshakes;
      // Parameters stand behind 20 bytes: type, length, value.
      for (Bytes rest = walk.bytes().subspan(20); rest.size() >= 4;) {
        const unsigned type = std::to_integer<unsigned>(rest[0]) << 8 | std::to_integer<unsigned>(rest[1]);
        const std::size_t length = std::to_integer<std::size_t>(rest[2]) << 8 | std::to_integer<std::size_t>(rest[3]);
        if (type == 5 || type == 6) ++addresses;
        rest = rest.subspan(std::min(rest.size(), std::max<std::size_t>(4, (length + 3) / 4 * 4)));
      }
    }
    return true;
  };
  ASSERT_TRUE(link.connect());
  EXPECT_GE(handshakes, 2);
  EXPECT_EQ(addresses, 0);
}

}  // namespace
}  // namespace bamgate::sctp
