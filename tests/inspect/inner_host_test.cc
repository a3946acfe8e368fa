// Two hosts that ping each other, and packets that are none of their business.
#include "inspect/inner_host.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "support/seeded_random.h"

namespace bamgate::inspect {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = Instant(1h);
constexpr IpAddress kAlpha = IpAddress::v4(10, 0, 0, 1);
constexpr IpAddress kBeta = IpAddress::v4(10, 0, 0, 2);

struct InnerHosts : ::testing::Test {
  /// Carries packets until nobody has one.
  void carry() {
    for (int step = 0; step < 10'000; ++step) {
      auto packet = alpha.poll_packet(kNow);
      if (packet) beta.handle(kNow, packet->data());
      auto answer = beta.poll_packet(kNow);
      if (answer) alpha.handle(kNow, answer->data());
      if (!packet && !answer) return;
    }
    FAIL() << "packets without end";
  }

  BufferPool pool;
  InnerHost alpha{kAlpha, pool};
  InnerHost beta{kBeta, pool};
};

TEST_F(InnerHosts, EachPingIsAnsweredWithItsContent) {
  alpha.ping(kBeta, 2000);  // every size, the largest too, and around again
  carry();
  EXPECT_TRUE(alpha.done());
  EXPECT_EQ(alpha.counters().sent, 2000U);
  EXPECT_EQ(alpha.counters().answered, 2000U);
  EXPECT_EQ(alpha.counters().damaged, 0U);
  EXPECT_EQ(beta.counters().echoed, 2000U);
}

TEST_F(InnerHosts, NoMoreThanAWindowOfPingsIsOnItsWay) {
  alpha.ping(kBeta, 100);
  std::size_t count = 0;
  while (alpha.poll_packet(kNow)) ++count;
  EXPECT_EQ(count, InnerHost::kWindow);
}

TEST_F(InnerHosts, APingWithoutAnAnswerIsLostAfterASecondAndItsAnswerComesTooLate) {
  alpha.ping(kBeta, 1);
  auto ping = alpha.poll_packet(kNow);
  ASSERT_TRUE(ping);
  EXPECT_EQ(alpha.next_timeout(), kNow + 1s);
  alpha.handle_timeout(kNow + 1s - 1ns);
  EXPECT_FALSE(alpha.done());
  alpha.handle_timeout(kNow + 1s);
  EXPECT_TRUE(alpha.done());
  EXPECT_EQ(alpha.next_timeout(), kNever);
  beta.handle(kNow, ping->data());
  alpha.handle(kNow + 1s, beta.poll_packet(kNow).value().data());
  EXPECT_EQ(alpha.counters().answered, 0U);
  EXPECT_EQ(alpha.counters().unexpected, 1U);
}

TEST_F(InnerHosts, AnAnswerThatComesTwiceCountsOnce) {
  alpha.ping(kBeta, 1);
  beta.handle(kNow, alpha.poll_packet(kNow).value().data());
  auto answer = beta.poll_packet(kNow).value();
  alpha.handle(kNow, answer.data());
  alpha.handle(kNow, answer.data());
  EXPECT_EQ(alpha.counters().answered, 1U);
  EXPECT_EQ(alpha.counters().unexpected, 1U);
}

TEST_F(InnerHosts, AnAnswerWithAnotherContentIsDamaged) {
  alpha.ping(kBeta, 4);
  PacketBuffer last;
  while (auto ping = alpha.poll_packet(kNow)) last = std::move(*ping);
  beta.handle(kNow, last.data());
  auto answer = beta.poll_packet(kNow).value();
  // Two words of the content change places, so the checksum stays right.
  const MutableBytes content = answer.data().subspan(28);
  std::swap(content[0], content[2]);
  std::swap(content[1], content[3]);
  alpha.handle(kNow, answer.data());
  EXPECT_EQ(alpha.counters().damaged, 1U);
  EXPECT_EQ(alpha.counters().answered, 0U);
}

TEST_F(InnerHosts, APacketForAnotherAddressIsLeft) {
  alpha.ping(IpAddress::v4(10, 0, 0, 3), 1);
  beta.handle(kNow, alpha.poll_packet(kNow).value().data());
  EXPECT_FALSE(beta.poll_packet(kNow));
}

TEST_F(InnerHosts, ACutOrChangedPacketIsAnsweredByNobody) {
  alpha.ping(kBeta, 40);
  PacketBuffer ping;
  while (auto next = alpha.poll_packet(kNow)) ping = std::move(*next);
  for (std::size_t size = 0; size < ping.size(); ++size) beta.handle(kNow, ping.data().first(size));
  for (std::size_t i = 20; i < ping.size(); ++i) {
    ping.data()[i] ^= std::byte{0x10};
    beta.handle(kNow, ping.data());
    ping.data()[i] ^= std::byte{0x10};
  }
  EXPECT_FALSE(beta.poll_packet(kNow));
  beta.handle(kNow, ping.data());
  EXPECT_TRUE(beta.poll_packet(kNow));
}

TEST_F(InnerHosts, RubbishDoesNoHarm) {
  testing::SeededRandom random(4);
  std::vector<std::byte> rubbish(64);
  for (int round = 0; round < 2000; ++round) {
    random.fill(rubbish);
    rubbish[0] = std::byte{0x45};
    rubbish[9] = std::byte{1};
    copy_bytes(kBeta.bytes(), MutableBytes(rubbish).subspan(16));
    beta.handle(kNow, Bytes(rubbish).first(random.below(65)));
  }
  EXPECT_LE(beta.counters().echoed, 1U);
}

}  // namespace
}  // namespace bamgate::inspect
