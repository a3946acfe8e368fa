// Messages of all kinds and sizes, through loss, full queues and outages.
#include "sctp/association.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "sctp/engines.h"
#include "sctp/link.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::LinkOf;
using testing::pattern;
using testing::reliable_channel;
using testing::tunnel_channel;

bool equal(const PacketBuffer& left, Bytes right) { return std::ranges::equal(left.data(), right); }

// Sends `count` messages as fast as the send buffer takes them; tells how many were taken.
std::size_t send_all(testing::Link& link, ChannelId id, std::uint32_t count, auto size_of) {
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

template <typename EngineType>
class SctpTransfer : public ::testing::Test {};
TYPED_TEST_SUITE(SctpTransfer, testing::Engines, testing::EngineName);

TYPED_TEST(SctpTransfer, AMessageMayFollowTheOpenAtOnceAndArrivesBehindIt) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const auto id = link.a().association.open_channel(link.now(), tunnel_channel());
  ASSERT_TRUE(id);
  ASSERT_TRUE(link.a().association.send(link.now(), *id, MessageKind::kBinary, pattern(148, 1)));
  ASSERT_TRUE(link.run(11ms, [&] { return !link.b().seen.messages.empty(); }));
  EXPECT_EQ(link.b().seen.opened.size(), 1U);
  EXPECT_TRUE(equal(link.b().seen.messages[0].data, pattern(148, 1)));
}

TYPED_TEST(SctpTransfer, KindsAndEmptyMessagesArriveAsTheyWereSent) {
  LinkOf<TypeParam> link;
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

TYPED_TEST(SctpTransfer, TenThousandMessagesOfAllSizesUpTo1312ArriveUnchangedOnATunnelChannel) {
  LinkOf<TypeParam> link;
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

TYPED_TEST(SctpTransfer, AMessageOf1312BytesTravelsInOnePacketOf1340) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  const auto before = link.a().association.engine_counters();
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1312, 7)));
  ASSERT_TRUE(link.run(1s, [&] { return link.b().seen.messages.size() == 1; }));
  EXPECT_EQ(link.a().association.engine_counters().chunks_sent - before.chunks_sent, 1U);
  EXPECT_EQ(link.largest_packet(), 1340U);
}

TYPED_TEST(SctpTransfer, AMessageOf256KiBArrivesWholeOnAReliableChannel) {
  LinkOf<TypeParam> link({.delay = 5ms, .loss_permille = 10});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  const auto large = pattern(262144, 3);
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, large));
  EXPECT_EQ(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(262145, 3)),
            std::unexpected(Error::kMessageTooLarge));
  ASSERT_TRUE(link.run(60s, [&] { return link.b().seen.messages.size() == 1; }));
  EXPECT_TRUE(equal(link.b().seen.messages[0].data, large));
}

TYPED_TEST(SctpTransfer, APeerThatSendsMoreThanWeAcceptLosesTheAssociation) {
  LinkOf<TypeParam> link({}, {.dtls_client = true}, {.max_message_size = 100000});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100001, 3)));
  ASSERT_TRUE(link.run(10s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.b().seen.closed, Error::kMessageTooLarge);
  EXPECT_EQ(link.a().seen.closed, Error::kAborted);
  EXPECT_TRUE(link.b().seen.messages.empty());
}

TYPED_TEST(SctpTransfer, AReliableOrderedChannelDeliversEverythingInOrderThroughFivePercentLoss) {
  LinkOf<TypeParam> link({.delay = 10ms, .loss_permille = 50});
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
  EXPECT_GT(link.a().association.engine_counters().chunks_resent, 50U);
}

TYPED_TEST(SctpTransfer, AChannelWithoutRetransmissionsNeverSendsAMessageTwice) {
  LinkOf<TypeParam> link({.delay = 10ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.options.loss_permille = 50;
  const auto before = link.a().association.engine_counters();
  // A packet every 20 ms: what is measured is loss, not congestion.
  for (std::uint32_t i = 0; i < 2000; ++i) {
    static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, i)));
    link.run(20ms);
  }
  link.run(10s);
  const auto after = link.a().association.engine_counters();
  EXPECT_EQ(after.chunks_resent, before.chunks_resent);
  EXPECT_GT(link.b().seen.message_count, 1800U);
  EXPECT_LT(link.b().seen.message_count, 1960U);
}

TYPED_TEST(SctpTransfer, NothingThatALostPacketCarriedHoldsUpLaterMessages) {
  LinkOf<TypeParam> link;
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

TYPED_TEST(SctpTransfer, AFullSendBufferRefusesAndTakesAgainWhenItHasDrained) {
  LinkOf<TypeParam> link({.delay = 50ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  std::size_t taken = 0;
  std::expected<void, Error> result;
  while (result && taken < 10000) {
    result = link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0));
    if (result) ++taken;
  }
  EXPECT_EQ(result, std::unexpected(Error::kWouldBlock));
  EXPECT_LE(link.a().association.buffered_bytes(), 65536U + 4096U);
  EXPECT_GT(link.a().association.buffered_bytes(), 64000U);
  EXPECT_LT(taken, 100U);
  EXPECT_TRUE(link.run(2s, [&] { return link.b().seen.message_count == taken; }));
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
  EXPECT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0)));
}

TYPED_TEST(SctpTransfer, WhatWaitedThroughAnOutageIsLessThanTheSendBuffer) {
  LinkOf<TypeParam> link({.delay = 20ms});
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
  EXPECT_LE(link.b().seen.message_bytes, 65536U + 4096U);
  EXPECT_TRUE(link.a().association.connected());
}

TYPED_TEST(SctpTransfer, ALostMessageThatIsTooOldIsNotSentAgain) {
  LinkOf<TypeParam> link;
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

TYPED_TEST(SctpTransfer, LargestMessagesCrossEachOtherInBothDirections) {
  LinkOf<TypeParam> link({.delay = 5ms, .loss_permille = 10, .jitter = 2ms});
  ASSERT_TRUE(link.connect());
  const ChannelId ordered = link.open(reliable_channel());
  const ChannelId loose = link.open({.label = "bag", .ordered = false});
  for (std::uint32_t i = 0; i < 4; ++i) {
    for (const ChannelId id : {ordered, loose}) {
      const auto taken = [&](testing::Side& side) {
        return side.association.send(link.now(), id, MessageKind::kBinary, pattern(262144, i)).has_value();
      };
      ASSERT_TRUE(link.run(120s, [&] { return taken(link.a()); }));
      ASSERT_TRUE(link.run(120s, [&] { return taken(link.b()); }));
    }
  }
  ASSERT_TRUE(link.run(300s, [&] { return link.a().seen.message_count == 8 && link.b().seen.message_count == 8; }));
  for (testing::Side* side : {&link.a(), &link.b()}) {
    std::uint32_t in_order = 0;
    for (const Message& message : side->seen.messages) {
      std::uint32_t number = 0;
      while (number < 4 && !equal(message.data, pattern(262144, number))) ++number;
      ASSERT_LT(number, 4U);
      if (message.channel != ordered) continue;
      EXPECT_EQ(number, in_order++);
    }
    EXPECT_EQ(in_order, 4U);
  }
}

TYPED_TEST(SctpTransfer, AMessageThatIsTooLongIsRefusedInBothDirectionsAndNothingOfItIsSent) {
  LinkOf<TypeParam> link({}, {.dtls_client = true, .max_message_size = 5000}, {.max_message_size = 5000});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  for (testing::Side* side : {&link.a(), &link.b()}) {
    EXPECT_EQ(side->association.send(link.now(), id, MessageKind::kText, pattern(5001, 1)),
              std::unexpected(Error::kMessageTooLarge));
    EXPECT_TRUE(side->association.send(link.now(), id, MessageKind::kText, pattern(5000, 1)));
  }
  EXPECT_TRUE(link.run(5s, [&] { return link.a().seen.message_count == 1 && link.b().seen.message_count == 1; }));
}

TYPED_TEST(SctpTransfer, AnAcknowledgementIsDelayedByLessThanTheRfcAllows) {
  LinkOf<TypeParam> link({.delay = 10ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  link.run(2s);
  bool acknowledged = false;
  link.filter = [&](bool to_b, Bytes) {
    acknowledged = acknowledged || !to_b;
    return true;
  };
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
  EXPECT_TRUE(link.run(45ms, [&] { return acknowledged; })) << "10 ms for the message, 20 ms of delay, one tick";
}

TYPED_TEST(SctpTransfer, ALostMessageComesAgainAfterMoreThanAPeersSlowAcknowledgementAndLessThanASecond) {
  LinkOf<TypeParam> link({.delay = 10ms});
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  link.run(2s);
  bool lose = true;
  link.filter = [&](bool to_b, Bytes) { return !to_b || !std::exchange(lose, false); };
  const Instant begin = link.now();
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
  ASSERT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 1; }));
  EXPECT_GT(link.now() - begin, 400ms);
}

}  // namespace
}  // namespace bamgate::sctp
