// The timers of paper §6, each through what two tunnels do in virtual time.
#include "wg/timers.h"

#include <gtest/gtest.h>

#include <set>

#include "wg/pair.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;
using std::chrono::hours;

TEST(WgTimers, UnansweredInitiationIsRepeatedEveryFiveSecondsWithJitter) {
  Pair pair;
  pair.lose = [](Side, const Message&) { return true; };
  pair.a.initiate(pair.now);
  pair.run(milliseconds(4999));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 1U);
  pair.run(milliseconds(1 + 333));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 2U);
  pair.run(milliseconds(5333));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 3U);
}

TEST(WgTimers, NoTwoRetransmissionsFallIntoStep) {
  Pair pair;
  std::vector<Instant> sent;
  pair.lose = [&](Side, const Message&) {
    sent.push_back(pair.now);
    return true;
  };
  pair.a.initiate(pair.now);
  pair.run(seconds(80));
  ASSERT_GE(sent.size(), 15U);
  std::set<Duration> gaps;
  for (std::size_t i = 1; i < sent.size(); ++i) {
    gaps.insert(sent[i] - sent[i - 1]);
    EXPECT_GE(sent[i] - sent[i - 1], kRekeyTimeout);
    EXPECT_LE(sent[i] - sent[i - 1], kRekeyTimeout + kMaxJitter);
  }
  EXPECT_GE(gaps.size(), 10U);
}

TEST(WgTimers, AttemptEndsAfter90SecondsAndTheNextPacketStartsAgain) {
  Pair pair;
  pair.lose = [](Side, const Message&) { return true; };
  EXPECT_FALSE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(89));
  EXPECT_EQ(pair.count<HandshakeFailed>(Side::kA), 0U);
  pair.run(seconds(8));
  EXPECT_EQ(pair.count<HandshakeFailed>(Side::kA), 1U);
  EXPECT_EQ(pair.a.counters().handshakes_failed, 1U);
  const std::size_t tries = pair.sent(Side::kA, MessageType::kInitiation);
  EXPECT_GE(tries, 17U);
  EXPECT_LE(tries, 18U);
  pair.run(seconds(100));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), tries);
  EXPECT_FALSE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(milliseconds(1));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), tries + 1);
}

TEST(WgTimers, PacketsDuringAnAttemptProlongItAndSendNoMoreOften) {
  Pair pair;
  pair.lose = [](Side, const Message&) { return true; };
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(pair.send(Side::kA, ipv4_packet(40)));
    pair.run(seconds(1));
  }
  EXPECT_EQ(pair.count<HandshakeFailed>(Side::kA), 0U);
  EXPECT_GE(pair.sent(Side::kA, MessageType::kInitiation), 37U);
  EXPECT_LE(pair.sent(Side::kA, MessageType::kInitiation), 40U);
}

/// A packet from `from` every second.
void talk(Pair& pair, Side from, int packets) {
  for (int i = 0; i < packets; ++i) {
    ASSERT_TRUE(pair.send(from, ipv4_packet(60))) << "second " << i;
    pair.run(seconds(1));
  }
}

TEST(WgTimers, InitiatorThatSendsRekeysAfter120Seconds) {
  Pair pair;
  pair.connect();
  talk(pair, Side::kA, 118);
  EXPECT_EQ(pair.a.handshakes(), 1U);
  talk(pair, Side::kA, 4);
  EXPECT_EQ(pair.a.handshakes(), 2U);
  EXPECT_EQ(pair.b.handshakes(), 2U);
  EXPECT_EQ(pair.received_by_b.size(), 122U);
}

TEST(WgTimers, ResponderThatSendsAloneIsRekeyedThroughTheInitiatorsKeepalives) {
  Pair pair;
  pair.connect();
  talk(pair, Side::kB, 400);
  EXPECT_GE(pair.a.handshakes(), 3U);
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kInitiation), 0U);
  EXPECT_EQ(pair.received_by_a.size(), 400U);
}

TEST(WgTimers, ReceivingShortlyBeforeTheEndRekeysOnce) {
  Pair pair;
  pair.connect();
  pair.run(seconds(163));
  ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(40)));
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 1U);
  pair.run(seconds(2));
  pair.lose = [](Side from, const Message&) { return from == Side::kA; };
  for (int i = 0; i < 20; ++i) {
    pair.send(Side::kB, ipv4_packet(40));
    pair.run(milliseconds(100));
  }
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 2U);
}

TEST(WgTimers, SessionRefusesToSealAndOpenAfter180Seconds) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  PacketBuffer late = pool.copy(ipv4_packet(40));
  ASSERT_TRUE(pair.a.seal(pair.now, late));
  pair.lose = [](Side, const Message&) { return true; };
  pair.run(seconds(177));
  EXPECT_TRUE(pair.a.can_seal(pair.now));
  pair.run(seconds(3));
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  EXPECT_FALSE(pair.b.can_seal(pair.now));
  EXPECT_EQ(pair.count<SessionExpired>(Side::kA), 1U);
  EXPECT_EQ(pair.count<SessionExpired>(Side::kB), 1U);
  EXPECT_EQ(pair.b.open(pair.now, late).error(), Error::kExpiredKeypair);
}

TEST(WgTimers, IdleSessionCausesNoTrafficAndItsKeysAreForgottenAfter540Seconds) {
  Pair pair;
  pair.connect();
  const std::uint64_t bytes = pair.a.tx_bytes() + pair.b.tx_bytes();
  const Message keepalive = pair.last_sent(Side::kA, MessageType::kData);
  pair.run(seconds(538));
  pair.inject(Side::kB, keepalive);
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.b.drops(Error::kExpiredKeypair), 1U);
  pair.run(seconds(2));
  pair.inject(Side::kB, keepalive);
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.b.drops(Error::kUnknownIndex), 1U) << "the keypair is gone";
  EXPECT_EQ(pair.a.tx_bytes() + pair.b.tx_bytes(), bytes);
  EXPECT_EQ(pair.a.next_timeout(), kNever);
  EXPECT_EQ(pair.b.next_timeout(), kNever);
}

TEST(WgTimers, ReceivedPacketIsAnsweredByAKeepaliveAfterTenSecondsOnce) {
  Pair pair;
  pair.connect();
  const std::size_t before = pair.sent(Side::kB, MessageType::kData);
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(5));
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(milliseconds(5009));
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kData), before);
  pair.run(milliseconds(1));
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kData), before + 1);
  EXPECT_EQ(pair.last_sent(Side::kB, MessageType::kData).size(), kDataOverhead);
  pair.run(seconds(60));
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kData), before + 1) << "a keepalive is not answered";
  EXPECT_EQ(pair.a.handshakes(), 1U);
}

TEST(WgTimers, AnAnswerOfItsOwnReplacesTheKeepalive) {
  Pair pair;
  pair.connect();
  const std::size_t before = pair.sent(Side::kB, MessageType::kData);
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(9));
  ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(40)));
  pair.run(seconds(9));
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kData), before + 1);
}

TEST(WgTimers, SilenceAfterDataLeadsToANewHandshakeAfterFifteenSeconds) {
  Pair pair;
  pair.connect();
  pair.b.reset(pair.now);  // the peer has forgotten everything
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(milliseconds(14'999));
  EXPECT_EQ(pair.a.handshakes(), 1U);
  pair.run(milliseconds(1 + 333 + 100));
  EXPECT_EQ(pair.a.handshakes(), 2U);
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(1));
  EXPECT_EQ(pair.received_by_b.size(), 1U);
}

TEST(WgTimers, PersistentKeepaliveKeepsTheSessionForGood) {
  Pair pair({.persistent_keepalive_a = seconds(25)});
  pair.connect();
  const std::size_t before = pair.sent(Side::kA, MessageType::kData);
  pair.run(seconds(100));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kData), before + 4);
  pair.run(hours(1));
  EXPECT_TRUE(pair.a.can_seal(pair.now));
  EXPECT_TRUE(pair.b.can_seal(pair.now));
  EXPECT_GE(pair.a.handshakes(), 25U);
  EXPECT_EQ(pair.count<SessionExpired>(Side::kA), 0U);
}

TEST(WgTimers, PersistentKeepaliveComesBackAfterALongOutage) {
  Pair pair({.persistent_keepalive_a = seconds(25)});
  pair.connect();
  pair.lose = [](Side, const Message&) { return true; };
  pair.run(hours(2));
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  pair.lose = [](Side, const Message&) { return false; };
  pair.run(seconds(30));
  EXPECT_TRUE(pair.a.can_seal(pair.now));
}

TEST(WgTimers, TwentyFourHoursOfTrafficBothWaysLoseNothing) {
  Pair pair;
  pair.connect();
  std::size_t sent = 0;
  for (int i = 0; i < 24 * 3600 / 4; ++i) {
    ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(80, 1)));
    ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(80, 2)));
    ++sent;
    pair.run(seconds(4));
  }
  EXPECT_EQ(pair.received_by_a.size(), sent);
  EXPECT_EQ(pair.received_by_b.size(), sent);
  EXPECT_EQ(pair.a.drops() + pair.b.drops(), 0U);
  EXPECT_GE(pair.a.handshakes(), 24U * 3600 / 126);
  EXPECT_LE(pair.a.handshakes(), 24U * 3600 / 118);
}

TEST(WgTimers, TwentyFourHoursOfSparseTrafficWithLossComeBackEachTime) {
  Pair pair;
  bamgate::testing::SeededRandom random(77);
  pair.lose = [&](Side, const Message&) { return random.below(10) == 0; };
  std::size_t sent = 0;
  for (int i = 0; i < 24 * 60; ++i) {
    const Side side = random.below(2) == 0 ? Side::kA : Side::kB;
    sent += pair.send(side, ipv4_packet(80)) ? 1 : 0;
    pair.run(seconds(1 + random.below(120)));
  }
  const std::size_t received = pair.received_by_a.size() + pair.received_by_b.size();
  EXPECT_GT(sent, 700U);
  EXPECT_GT(received, sent * 8 / 10);
}

}  // namespace
}  // namespace bamgate::wg
