#include "sctp/association.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sctp/link.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::Link;
using testing::LinkOptions;
using testing::pattern;

// What every channel of bamgate is.
ChannelOptions tunnel_channel() { return {.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0}; }
ChannelOptions reliable_channel() { return {.label = "files", .protocol = "copy"}; }

bool equal(const PacketBuffer& left, Bytes right) { return std::ranges::equal(left.data(), right); }

TEST(SctpAssociation, TwoSidesThatBothSendInitConnectInTwoRoundTrips) {
  Link link;
  const Instant begin = link.now();
  ASSERT_TRUE(link.connect());
  EXPECT_LE(link.now() - begin, 45ms);
  EXPECT_TRUE(link.a().association.connected());
}

TEST(SctpAssociation, TheOptionsOfAChannelArriveAtTheOtherSide) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  ASSERT_EQ(link.b().seen.opened.size(), 1U);
  EXPECT_EQ(link.b().seen.opened[0].channel, id);
  EXPECT_EQ(link.b().seen.opened[0].options, tunnel_channel());
  EXPECT_TRUE(link.b().seen.opened[0].by_remote);
  ASSERT_EQ(link.a().seen.opened.size(), 1U);
  EXPECT_FALSE(link.a().seen.opened[0].by_remote);
}

TEST(SctpAssociation, TheDtlsClientOpensEvenStreamsAndTheServerOddOnes) {
  Link link;
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), ChannelId{0});
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), ChannelId{2});
  EXPECT_EQ(link.b().association.open_channel(link.now(), reliable_channel()), ChannelId{1});
  EXPECT_EQ(link.b().association.open_channel(link.now(), reliable_channel()), ChannelId{3});
  EXPECT_TRUE(link.run(5s, [&] { return link.a().seen.opened.size() == 4 && link.b().seen.opened.size() == 4; }));
}

TEST(SctpAssociation, AChannelThatIsOpenedBeforeTheAssociationIsUpIsAnnouncedWhenItIs) {
  Link link;
  const auto id = link.a().association.open_channel(link.now(), tunnel_channel());
  ASSERT_TRUE(id);
  EXPECT_EQ(link.a().association.send(link.now(), *id, MessageKind::kBinary, pattern(1, 1)),
            std::unexpected(Error::kNotConnected));
  ASSERT_TRUE(link.connect());
  EXPECT_TRUE(link.run(1s, [&] { return link.a().seen.opened.size() == 1 && link.b().seen.opened.size() == 1; }));
}

TEST(SctpAssociation, AMessageMayFollowTheOpenAtOnceAndArrivesBehindIt) {
  Link link;
  ASSERT_TRUE(link.connect());
  const auto id = link.a().association.open_channel(link.now(), tunnel_channel());
  ASSERT_TRUE(id);
  ASSERT_TRUE(link.a().association.send(link.now(), *id, MessageKind::kBinary, pattern(148, 1)));
  ASSERT_TRUE(link.run(11ms, [&] { return !link.b().seen.messages.empty(); }));
  EXPECT_EQ(link.b().seen.opened.size(), 1U);
  EXPECT_TRUE(equal(link.b().seen.messages[0].data, pattern(148, 1)));
}

TEST(SctpAssociation, KindsAndEmptyMessagesArriveAsTheyWereSent) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  const Bytes text = as_bytes("text");
  for (const MessageKind kind : {MessageKind::kText, MessageKind::kBinary}) {
    ASSERT_TRUE(link.a().association.send(link.now(), id, kind, text));
    ASSERT_TRUE(link.a().association.send(link.now(), id, kind, {}));
  }
  const auto& messages = link.b().seen.messages;
  ASSERT_TRUE(link.run(1s, [&] { return messages.size() == 4; }));
  EXPECT_EQ(messages[0].kind, MessageKind::kText);
  EXPECT_TRUE(equal(messages[0].data, text));
  EXPECT_EQ(messages[1].kind, MessageKind::kText);
  EXPECT_TRUE(messages[1].data.empty());
  EXPECT_EQ(messages[2].kind, MessageKind::kBinary);
  EXPECT_EQ(messages[3].kind, MessageKind::kBinary);
  EXPECT_TRUE(messages[3].data.empty());
}

// Sends `count` messages as fast as the send buffer takes them; tells how many were taken.
std::size_t send_all(Link& link, ChannelId id, std::uint32_t count, auto size_of) {
  std::uint32_t sent = 0;
  link.run(600s, [&] {
    while (sent < count) {
      if (!link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(size_of(sent), sent))) break;
      ++sent;
      link.drain();
    }
    return sent == count;
  });
  return sent;
}

TEST(SctpAssociation, TenThousandMessagesOfAllSizesUpTo1312ArriveUnchangedOnATunnelChannel) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  const auto size_of = [](std::uint32_t number) { return std::size_t{1} + number % 1312; };
  std::uint32_t expected = 0;
  std::uint32_t wrong = 0;
  link.b().on_message = [&](Message& message) {
    if (!equal(message.data, pattern(size_of(expected), expected))) ++wrong;
    ++expected;
  };
  EXPECT_EQ(send_all(link, id, 10000, size_of), 10000U);
  link.run(5s, [&] { return expected == 10000; });
  EXPECT_EQ(expected, 10000U);
  EXPECT_EQ(wrong, 0U);
  EXPECT_LE(link.largest_packet(), 1340U);
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
}

TEST(SctpAssociation, AMessageOf1312BytesTravelsInOnePacketOf1340) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  const auto before = link.a().association.counters().engine;
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1312, 7)));
  ASSERT_TRUE(link.run(1s, [&] { return link.b().seen.messages.size() == 1; }));
  EXPECT_EQ(link.a().association.counters().engine.chunks_sent - before.chunks_sent, 1U);
  EXPECT_EQ(link.largest_packet(), 1340U);
}

TEST(SctpAssociation, AMessageOf256KiBArrivesWholeOnAReliableChannel) {
  Link link({.delay = 5ms, .loss_permille = 10});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  const auto large = pattern(262144, 3);
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, large));
  EXPECT_EQ(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(262145, 3)),
            std::unexpected(Error::kMessageTooLarge));
  ASSERT_TRUE(link.run(60s, [&] { return link.b().seen.messages.size() == 1; }));
  EXPECT_TRUE(equal(link.b().seen.messages[0].data, large));
}

TEST(SctpAssociation, APeerThatSendsMoreThanWeAcceptLosesTheAssociation) {
  Link link({}, {.dtls_client = true}, {.max_message_size = 100000});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100001, 3)));
  ASSERT_TRUE(link.run(10s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.b().seen.closed, Error::kMessageTooLarge);
  EXPECT_EQ(link.a().seen.closed, Error::kAborted);
  EXPECT_TRUE(link.b().seen.messages.empty());
}

TEST(SctpAssociation, AReliableOrderedChannelDeliversEverythingInOrderThroughFivePercentLoss) {
  Link link({.delay = 10ms, .loss_permille = 50});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  std::uint32_t expected = 0;
  std::uint32_t wrong = 0;
  link.b().on_message = [&](Message& message) {
    if (!equal(message.data, pattern(1000, expected))) ++wrong;
    ++expected;
  };
  EXPECT_EQ(send_all(link, id, 2000, [](std::uint32_t) { return std::size_t{1000}; }), 2000U);
  link.run(300s, [&] { return expected == 2000; });
  EXPECT_EQ(expected, 2000U);
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(link.a().association.counters().engine.chunks_resent, 50U);
}

TEST(SctpAssociation, AChannelWithoutRetransmissionsNeverSendsAMessageTwice) {
  Link link({.delay = 10ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.options.loss_permille = 50;
  const auto before = link.a().association.counters().engine;
  // A packet every 20 ms: what is measured is loss, not congestion.
  for (std::uint32_t i = 0; i < 2000; ++i) {
    static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, i)));
    link.run(20ms);
  }
  link.run(10s);
  const auto after = link.a().association.counters().engine;
  EXPECT_EQ(after.chunks_resent, before.chunks_resent);
  EXPECT_GT(link.b().seen.message_count, 1800U);
  EXPECT_LT(link.b().seen.message_count, 1960U);
}

TEST(SctpAssociation, NothingThatALostPacketCarriedHoldsUpLaterMessages) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.run(1s);
  bool lose = true;
  link.filter = [&](bool to_b, Bytes) { return !to_b || !std::exchange(lose, false); };
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
  link.drain();
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 2)));
  ASSERT_TRUE(link.run(11ms, [&] { return link.b().seen.messages.size() == 1; }));
  EXPECT_TRUE(equal(link.b().seen.messages[0].data, pattern(100, 2)));
}

TEST(SctpAssociation, AFullSendBufferRefusesAndTakesAgainWhenItHasDrained) {
  Link link({.delay = 50ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  std::size_t taken = 0;
  std::expected<void, Error> result;
  while (result && taken < 10000) {
    result = link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0));
    if (result) ++taken;
  }
  EXPECT_EQ(result, std::unexpected(Error::kWouldBlock));
  EXPECT_LE(link.a().association.buffered_bytes(), 65536U);
  EXPECT_GT(link.a().association.buffered_bytes(), 64000U);
  EXPECT_LT(taken, 100U);
  EXPECT_TRUE(link.run(2s, [&] { return link.b().seen.message_count == taken; }));
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
  EXPECT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0)));
}

TEST(SctpAssociation, WhatWaitedThroughAnOutageIsLessThanTheSendBuffer) {
  Link link({.delay = 20ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  const auto offer = [&](Duration span) {
    const Instant end = link.now() + span;
    while (link.now() < end) {
      static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0)));
      link.run(2ms);
    }
  };
  offer(2s);
  link.run(1s);
  link.filter = [](bool, Bytes) { return false; };
  offer(10s);
  link.filter = nullptr;
  link.b().seen.message_bytes = 0;
  EXPECT_TRUE(link.run(6s, [&] { return link.b().seen.message_bytes > 0; })) << "the association does not recover";
  link.run(10s);
  EXPECT_LE(link.b().seen.message_bytes, 65536U);
  EXPECT_TRUE(link.a().association.connected());
}

TEST(SctpAssociation, ALostMessageThatIsTooOldIsNotSentAgain) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open({.label = "old", .ordered = false, .max_lifetime = 100ms});
  link.filter = [](bool, Bytes) { return false; };
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 1)));
  link.run(3s);
  link.filter = nullptr;
  link.run(20s);
  EXPECT_EQ(link.b().seen.message_count, 0U);
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 2)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 1; }));
}

TEST(SctpAssociation, ACloseIsSeenByBothSidesAndFreesTheNumber) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId first = link.open(reliable_channel());
  const ChannelId second = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(5000, 1)));
  link.a().association.close_channel(link.now(), first);
  EXPECT_EQ(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(10, 1)),
            std::unexpected(Error::kUnknownChannel));
  ASSERT_TRUE(link.run(
      5s, [&] { return link.a().seen.closed_channels.size() == 1 && link.b().seen.closed_channels.size() == 1; }));
  EXPECT_EQ(link.a().seen.closed_channels[0], first);
  EXPECT_EQ(link.b().seen.closed_channels[0], first);
  EXPECT_EQ(link.b().seen.message_bytes, 5000U) << "what was sent before the close is delivered";
  EXPECT_EQ(link.open(tunnel_channel()), first);
  ASSERT_TRUE(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(10, 2)));
  ASSERT_TRUE(link.a().association.send(link.now(), second, MessageKind::kBinary, pattern(10, 3)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 3; }));
}

TEST(SctpAssociation, ChannelsThatAreClosedTogetherByBothSidesThroughLossAllClose) {
  Link link({.delay = 10ms, .loss_permille = 100});
  ASSERT_TRUE(link.connect());
  for (int i = 0; i < 8; ++i) link.open(reliable_channel());
  for (std::uint16_t i = 0; i < 8; ++i) {
    link.a().association.close_channel(link.now(), ChannelId(2 * i));
    link.b().association.close_channel(link.now(), ChannelId(14 - 2 * i));
  }
  EXPECT_TRUE(link.run(
      120s, [&] { return link.a().seen.closed_channels.size() == 8 && link.b().seen.closed_channels.size() == 8; }))
      << link.a().seen.closed_channels.size() << " and " << link.b().seen.closed_channels.size();
}

TEST(SctpAssociation, AChannelThatIsClosedBeforeTheAssociationIsUpIsNeverAnnounced) {
  Link link;
  const ChannelId id = link.a().association.open_channel(link.now(), tunnel_channel()).value();
  link.a().association.close_channel(link.now(), id);
  ASSERT_TRUE(link.connect());
  link.run(1s);
  EXPECT_EQ(link.a().seen.closed_channels.size(), 1U);
  EXPECT_TRUE(link.b().seen.opened.empty());
}

TEST(SctpAssociation, StreamsRunOutAtTheNegotiatedNumber) {
  Link link;
  ASSERT_TRUE(link.connect());
  for (int i = 0; i < kStreams / 2; ++i) {
    ASSERT_TRUE(link.a().association.open_channel(link.now(), reliable_channel())) << i;
    link.drain();
  }
  EXPECT_EQ(link.a().association.open_channel(link.now(), reliable_channel()), std::unexpected(Error::kNoStreamLeft));
  EXPECT_TRUE(link.run(5s, [&] { return link.b().seen.opened.size() == kStreams / 2; }));
}

TEST(SctpAssociation, OptionsThatMakeNoSenseAreRefused) {
  Link link;
  auto& a = link.a().association;
  EXPECT_EQ(a.open_channel(link.now(), {.max_retransmits = 1, .max_lifetime = 1ms}),
            std::unexpected(Error::kBadOptions));
  EXPECT_EQ(a.open_channel(link.now(), {.max_lifetime = -1ms}), std::unexpected(Error::kBadOptions));
  EXPECT_EQ(a.open_channel(link.now(), {.label = std::string(1025, 'x')}), std::unexpected(Error::kBadOptions));
  for (const Association::Options& bad :
       {Association::Options{.path_mtu = 100}, Association::Options{.path_mtu = 1502},
        Association::Options{.max_message_size = 0}, Association::Options{.remote_port = 0}}) {
    const auto made = Association::create(link.runtime(), bad, link.pool());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), Error::kBadOptions);
  }
}

TEST(SctpAssociation, AShutdownDeliversWhatWaitsAndEndsBothSides) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(50000, 1)));
  link.a().association.shutdown(link.now());
  EXPECT_EQ(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1, 1)),
            std::unexpected(Error::kClosed));
  ASSERT_TRUE(link.run(10s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.a().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.b().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.b().seen.message_bytes, 50000U);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
  EXPECT_EQ(link.runtime().next_timeout(), kNever);
}

TEST(SctpAssociation, AnAbortEndsBothSidesWithinOneDelay) {
  Link link;
  ASSERT_TRUE(link.connect());
  link.a().association.abort(link.now());
  ASSERT_TRUE(link.run(11ms, [&] { return link.b().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kLocalAbort);
  EXPECT_EQ(link.b().seen.closed, Error::kAborted);
  EXPECT_EQ(link.b().association.open_channel(link.now(), {}), std::unexpected(Error::kClosed));
  std::vector<std::byte> late(16);
  EXPECT_EQ(link.b().association.handle_input(link.now(), {.path = {}, .data = late}), std::unexpected(Error::kClosed));
}

TEST(SctpAssociation, APeerThatNeverAnswersTimesOut) {
  Link link;
  link.filter = [](bool, Bytes) { return false; };
  link.a().association.start(link.now());
  ASSERT_TRUE(link.run(120s, [&] { return link.a().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kTimedOut);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
}

TEST(SctpAssociation, APeerThatFallsSilentTimesOutAfterIceConsentWould) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.filter = [](bool, Bytes) { return false; };
  const Instant begin = link.now();
  while (!link.a().seen.closed && link.now() - begin < 600s) {
    static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
    link.run(100ms);
  }
  EXPECT_EQ(link.a().seen.closed, Error::kTimedOut);
  EXPECT_GT(link.now() - begin, 30s);
  EXPECT_LT(link.now() - begin, 120s);
}

TEST(SctpAssociation, ThePeersFreshStartIsRecognisedAndEndsTheOldAssociation) {
  Link link;
  ASSERT_TRUE(link.connect());
  link.open(tunnel_channel());
  link.replace_b();
  link.b().association.start(link.now());
  ASSERT_TRUE(link.run(5s, [&] { return link.a().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kRestarted);
  // The fresh side hears of it at once and does not sit on a dead association.
  ASSERT_TRUE(link.run(1s, [&] { return link.b().seen.closed.has_value(); }));
  EXPECT_EQ(link.b().seen.closed, Error::kAborted);
}

TEST(SctpAssociation, ASideThatStartsLaterStillConnects) {
  Link link;
  link.a().association.start(link.now());
  link.run(200ms);
  EXPECT_FALSE(link.a().seen.connected);
  link.b().association.start(link.now());
  EXPECT_TRUE(link.run(100ms, [&] { return link.a().seen.connected && link.b().seen.connected; }));
}

TEST(SctpAssociation, AConnectionIsMadeThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Link link({.delay = 30ms, .loss_permille = 200, .seed = seed});
    ASSERT_TRUE(link.connect()) << seed;
    link.open(tunnel_channel());
    EXPECT_EQ(link.b().seen.opened.size(), 1U) << seed;
  }
}

TEST(SctpAssociation, AnIdleAssociationSleepsHalfASecondAtATime) {
  Link link;
  ASSERT_TRUE(link.connect());
  link.open(tunnel_channel());
  EXPECT_LE(link.a().association.next_timeout() - link.now(), 10ms);
  link.run(5s);
  link.runtime().handle_timeout(link.now());
  EXPECT_GT(link.a().association.next_timeout() - link.now(), 480ms);
  EXPECT_LE(link.a().association.next_timeout() - link.now(), 500ms);
}

TEST(SctpAssociation, EveryChecksumIsRight) {
  // RFC 9260 §6.8: a peer drops packets whose CRC32c is wrong, also above DTLS.
  Link link;
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

}  // namespace
}  // namespace bamgate::sctp
