#include "hub/rate_limit.h"

#include <gtest/gtest.h>

namespace bamgate::hub {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant(1h);
const IpAddress kClient = IpAddress::v4(192, 0, 2, 1);

TEST(FailureLimit, TenFailuresAreFreeAndThenOneEachSixSeconds) {
  FailureLimit limit;
  for (int i = 0; i < FailureLimit::kBurst; ++i) {
    EXPECT_EQ(limit.retry_after(kStart, kClient), 0) << i;
    limit.failed(kStart, kClient);
  }
  EXPECT_EQ(limit.retry_after(kStart, kClient), 6);
  EXPECT_EQ(limit.retry_after(kStart + 5500ms, kClient), 1);
  EXPECT_EQ(limit.retry_after(kStart + 6s, kClient), 0);
  limit.failed(kStart + 6s, kClient);
  EXPECT_EQ(limit.retry_after(kStart + 6s, kClient), 6);
  EXPECT_EQ(limit.retry_after(kStart + 6s, IpAddress::v4(192, 0, 2, 2)), 0);
}

TEST(FailureLimit, AnIpv6ClientIsItsWholeSlash64) {
  FailureLimit limit;
  for (int i = 0; i < FailureLimit::kBurst; ++i) {
    std::array<std::byte, 16> address{std::byte{0x20}, std::byte{1}};
    address[15] = static_cast<std::byte>(i);
    limit.failed(kStart, IpAddress::from_bytes(address));
  }
  EXPECT_GT(limit.retry_after(kStart, *IpAddress::parse("2001::ffff")), 0);
  EXPECT_EQ(limit.retry_after(kStart, *IpAddress::parse("2001:0:0:1::1")), 0);
}

TEST(FailureLimit, TheTableStaysBounded) {
  FailureLimit limit;
  for (std::uint32_t i = 0; i < 2 * FailureLimit::kMaxClients; ++i) {
    limit.failed(kStart + std::chrono::milliseconds(i), IpAddress::v4(i));
    ASSERT_LE(limit.size(), FailureLimit::kMaxClients);
  }
  EXPECT_GT(limit.size(), FailureLimit::kMaxClients / 2);
}

TEST(MessageRate, TwoHundredASecondPassWithoutDelay) {
  MessageRate rate;
  Instant now = kStart;
  for (int i = 0; i < 2000; ++i, now += 5ms) {
    EXPECT_TRUE(rate.arrived(now));
    EXPECT_TRUE(rate.take(now));
  }
}

TEST(MessageRate, ABurstOfASecondPassesAndTheRestWaits) {
  MessageRate rate;
  for (int i = 0; i < MessageRate::kDelayedAbove; ++i) EXPECT_TRUE(rate.take(kStart)) << i;
  EXPECT_FALSE(rate.take(kStart));
  EXPECT_EQ(rate.next(), kStart + MessageRate::kInterval);
  EXPECT_TRUE(rate.take(rate.next()));
}

TEST(MessageRate, MoreThanTwoThousandInASecondAreAFlood) {
  MessageRate rate;
  for (int i = 0; i < MessageRate::kFloodAbove; ++i) ASSERT_TRUE(rate.arrived(kStart + std::chrono::microseconds(i)));
  EXPECT_FALSE(rate.arrived(kStart + 999ms));
  EXPECT_TRUE(rate.arrived(kStart + 1s));
}

}  // namespace
}  // namespace bamgate::hub
