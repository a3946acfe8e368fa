#include "core/packet_buffer.h"

#include <gtest/gtest.h>

#include "core/buffer_pool.h"
#include "core/timer_table.h"

namespace bamgate {
namespace {

using std::chrono::seconds;

TEST(PacketBuffer, GrowsAndShrinksAtBothEndsWithoutMovingTheRest) {
  BufferPool pool;
  PacketBuffer packet = pool.copy(as_bytes("payload"));
  const std::byte* payload = packet.data().data();
  copy_bytes(as_bytes("head"), packet.prepend(4));
  copy_bytes(as_bytes("tail"), packet.append(4));
  EXPECT_EQ(as_text(packet.data()), "headpayloadtail");
  packet.remove_prefix(4);
  packet.remove_suffix(4);
  EXPECT_EQ(as_text(packet.data()), "payload");
  EXPECT_EQ(packet.data().data(), payload);
  EXPECT_EQ(packet.headroom(), kHeadroom);
}

TEST(PacketBuffer, MovedFromPacketIsEmpty) {
  BufferPool pool;
  PacketBuffer first = pool.copy(as_bytes("x"));
  PacketBuffer second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(first.headroom() + first.tailroom(), 0U);
  first = std::move(second);
  EXPECT_EQ(as_text(first.data()), "x");
}

TEST(BufferPool, AllocatesNothingAfterWarmUp) {
  BufferPool pool;
  for (int i = 0; i < 3; ++i) {
    const PacketBuffer one = pool.take();
    const PacketBuffer two = pool.take();
  }
  EXPECT_EQ(pool.allocations(), 2U);
  EXPECT_EQ(pool.free_blocks(), 2U);
}

TEST(BufferPool, KeepsNoMoreThanItsLimitAndNoLargeBlocks) {
  BufferPool pool(1);
  {
    const PacketBuffer one = pool.take();
    const PacketBuffer two = pool.take();
    PacketBuffer large = pool.take(100'000);
    EXPECT_EQ(large.append(100'000).size(), 100'000U);
  }
  EXPECT_EQ(pool.free_blocks(), 1U);
}

enum class Alarm { kFirst, kSecond, kCount };

TEST(TimerTable, TellsTheEarliestDeadlineAndExpiresEachOnce) {
  TimerTable<Alarm> timers;
  EXPECT_EQ(timers.next(), kNever);
  timers.set(Alarm::kFirst, Instant(seconds(5)));
  timers.set(Alarm::kSecond, Instant(seconds(3)));
  EXPECT_EQ(timers.next(), Instant(seconds(3)));
  EXPECT_FALSE(timers.take_expired(Alarm::kSecond, Instant(seconds(2))));
  EXPECT_TRUE(timers.take_expired(Alarm::kSecond, Instant(seconds(4))));
  EXPECT_FALSE(timers.take_expired(Alarm::kSecond, Instant(seconds(4))));
  EXPECT_EQ(timers.next(), Instant(seconds(5)));
}

}  // namespace
}  // namespace bamgate
