// Limits of a session by messages, of initiations by time, and what padding adds: each at its edge. Sessions start with
// a high counter (Tunnel::Options::first_counter), since nobody can send 2^60 messages.
#include <gtest/gtest.h>

#include <algorithm>

#include "wg/pair.h"
#include "wg/tunnel.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;

TEST(WgLimits, EitherSideRekeysAfter2To60Messages) {
  for (const Side side : {Side::kA, Side::kB}) {
    // The initiator's first message is the keepalive that confirms the session.
    const std::uint64_t confirmation = side == Side::kA ? 1 : 0;
    Pair pair({.first_counter = kRekeyAfterMessages - 4 - confirmation});
    pair.connect();
    pair.run(seconds(10));
    const std::size_t before = pair.sent(side, MessageType::kInitiation);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pair.send(side, ipv4_packet(40)));
    EXPECT_EQ(pair.sent(side, MessageType::kInitiation), before);
    ASSERT_TRUE(pair.send(side, ipv4_packet(40)));
    EXPECT_EQ(pair.sent(side, MessageType::kInitiation), before + 1) << "after message 2^60";
    pair.run(seconds(1));
    EXPECT_EQ(pair.a.handshakes(), 2U);
    EXPECT_EQ(pair.b.handshakes(), 2U);
  }
}

TEST(WgLimits, NothingIsSealedAfterTheLastMessageUntilThereIsANewSession) {
  Pair pair({.first_counter = kRejectAfterMessages - 3});
  pair.connect();
  pair.run(seconds(10));
  pair.lose = [](Side, const Message& message) { return message_type(message) == MessageType::kInitiation; };
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  EXPECT_FALSE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(3));
  EXPECT_EQ(pair.received_by_b.size(), 2U) << "up to the last one";
  pair.lose = [](Side, const Message&) { return false; };
  pair.run(seconds(6));
  EXPECT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
}

TEST(WgLimits, NothingIsOpenedFromTheFirstRefusedCounterOn) {
  Pair pair;
  pair.connect();
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  Message message = pair.last_sent(Side::kA, MessageType::kData);
  const auto header = DataHeader::parse(message);
  const auto open_with = [&](std::uint64_t counter) {
    Message changed = message;
    DataHeader{header->receiver, counter}.write(std::span<std::byte, kDataHeaderSize>(changed.data(), kDataHeaderSize));
    BufferPool pool;
    PacketBuffer buffer = pool.copy(changed);
    return pair.b.open(pair.now, buffer).error();
  };
  EXPECT_EQ(open_with(kRejectAfterMessages - 1), Error::kBadTag);
  EXPECT_EQ(open_with(kRejectAfterMessages), Error::kExpiredKeypair);
  EXPECT_EQ(open_with(UINT64_MAX), Error::kExpiredKeypair);
}

TEST(WgLimits, CountersStartAtZeroAndGrowByOne) {
  Pair pair;
  pair.connect();
  EXPECT_EQ(DataHeader::parse(pair.last_sent(Side::kA, MessageType::kData))->counter, 0U);
  for (std::uint64_t i = 1; i < 20; ++i) {
    ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
    EXPECT_EQ(DataHeader::parse(pair.last_sent(Side::kA, MessageType::kData))->counter, i);
  }
}

TEST(WgLimits, PaddingEndsAtTheMtu) {
  Pair pair({.mtu = 1273});
  pair.connect();
  const auto message_size = [&](std::size_t size) {
    EXPECT_TRUE(pair.send(Side::kA, ipv4_packet(size)));
    return pair.last_sent(Side::kA, MessageType::kData).size() - kDataOverhead;
  };
  EXPECT_EQ(message_size(1257), 1264U);
  EXPECT_EQ(message_size(1264), 1264U);
  EXPECT_EQ(message_size(1265), 1273U);
  EXPECT_EQ(message_size(1273), 1273U);
  EXPECT_EQ(message_size(1274), 1274U) << "longer than the MTU: as it is";
  pair.run(seconds(1));
  ASSERT_EQ(pair.received_by_b.size(), 5U);
  EXPECT_EQ(pair.received_by_b[2], ipv4_packet(1265));
}

TEST(WgLimits, PaddingIsZero) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  PacketBuffer packet = pool.take();
  std::ranges::fill(packet.append(packet.tailroom()), std::byte{0xee});  // what a recycled block may hold
  packet.remove_suffix(packet.size());
  const Message inner = ipv4_packet(33);
  copy_bytes(inner, packet.append(inner.size()));
  ASSERT_TRUE(pair.a.seal(pair.now, packet));
  EXPECT_EQ(packet.size(), kDataOverhead + 48);
  PacketBuffer copy = pool.copy(packet.data());
  ASSERT_TRUE(pair.b.open(pair.now, copy));
  EXPECT_EQ(Message(copy.data().begin(), copy.data().end()), inner);
  // It was opened in place, so the padding still lies behind the packet.
  const Bytes behind(copy.data().data() + inner.size(), 15);
  EXPECT_TRUE(std::ranges::all_of(behind, [](std::byte byte) { return byte == std::byte{0}; }));
}

/// Initiations of A as B would see them, made by hand so that stamps can be chosen.
struct HandMade {
  std::expected<void, Error> offer(const Tai64n& stamp) {
    const auto identity = Identity::create(pair.key(Side::kA), pair.key(Side::kB).public_key(), {});
    const auto created = create_initiation(*identity, ReceiverIndex{next_index++}, stamp, random);
    Message message(kInitiationSize);
    created->message.write(std::span<std::byte, kInitiationSize>(message.data(), kInitiationSize));
    Macs(identity->local_public, identity->remote).write(pair.now, created->message.sender, message);
    return pair.b.handle_input(pair.now, Received{.path = {}, .data = message});
  }
  Pair pair;
  bamgate::testing::SeededRandom random{5};
  std::uint32_t next_index = 1;
};

TEST(WgLimits, OnlyAGreaterTimestampIsTakenAndAnEqualOneRefused) {
  HandMade made;
  const auto at = [](std::int64_t s, std::uint32_t ns) { return Tai64n::from_unix(s, ns); };
  EXPECT_TRUE(made.offer(at(1000, 5)));
  made.pair.now += seconds(1);
  EXPECT_EQ(made.offer(at(1000, 5)).error(), Error::kReplayedInitiation) << "equal, though newly made";
  EXPECT_EQ(made.offer(at(1000, 4)).error(), Error::kReplayedInitiation);
  EXPECT_EQ(made.offer(at(999, 999'999'999)).error(), Error::kReplayedInitiation);
  EXPECT_TRUE(made.offer(at(1000, 6)));
  made.pair.now += seconds(1);
  EXPECT_TRUE(made.offer(at(1001, 0)));
  made.pair.now += seconds(1);
  EXPECT_EQ(made.offer(at(1000, 7)).error(), Error::kReplayedInitiation) << "the greatest counts, not the last";
}

TEST(WgLimits, NoMoreThanFiftyInitiationsASecondAreTakenFromAPeer) {
  HandMade made;
  std::size_t taken = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto offered = made.offer(Tai64n::from_unix(1000 + i, 0));
    taken += offered ? 1 : 0;
    if (!offered) {
      EXPECT_EQ(offered.error(), Error::kFlooded);
    }
    made.pair.now += milliseconds(1);
  }
  EXPECT_EQ(taken, 100U) << "in two seconds";
}

TEST(WgLimits, FloodedInitiationDoesNotCountAsSeen) {
  HandMade made;
  EXPECT_TRUE(made.offer(Tai64n::from_unix(1000, 0)));
  EXPECT_EQ(made.offer(Tai64n::from_unix(2000, 0)).error(), Error::kFlooded);
  made.pair.now += kInitiationInterval;
  EXPECT_TRUE(made.offer(Tai64n::from_unix(1500, 0)));
}

TEST(WgLimits, EachRetransmissionHasANewEphemeralKeyIndexAndTimestamp) {
  Pair pair;
  std::vector<Message> initiations;
  pair.lose = [&](Side, const Message& message) {
    initiations.push_back(message);
    return true;
  };
  pair.a.initiate(pair.now);
  pair.run(seconds(30));
  ASSERT_GE(initiations.size(), 5U);
  for (std::size_t i = 1; i < initiations.size(); ++i) {
    const auto last = InitiationMessage::parse(initiations[i - 1]);
    const auto next = InitiationMessage::parse(initiations[i]);
    EXPECT_NE(last->ephemeral, next->ephemeral);
    EXPECT_NE(last->sender, next->sender);
    EXPECT_NE(last->sealed_timestamp, next->sealed_timestamp);
  }
}

TEST(WgLimits, ResponseToAnEarlierInitiationIsNotTaken) {
  Pair pair;
  pair.lose = [](Side from, const Message&) { return from == Side::kB; };
  pair.a.initiate(pair.now);
  pair.run(milliseconds(100));
  const Message late = pair.last_sent(Side::kB, MessageType::kResponse);
  pair.run(seconds(6));
  pair.inject(Side::kA, late);
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.a.drops(Error::kUnknownIndex), 1U);
  EXPECT_FALSE(pair.a.can_seal(pair.now));
}

}  // namespace
}  // namespace bamgate::wg
