// The paces alone; that requests, upgrades and messages keep to them is in limits_test.cc.
#include "hub/rate_limit.h"

#include <gtest/gtest.h>

#include "hub/client.h"

namespace bamgate::hub {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant(1h);

TEST(RateLimit, ABurstIsFreeAndThenOneEachInterval) {
  RateLimit limit(kFailurePace);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limit.take(kStart, "a"), 0) << i;
  EXPECT_EQ(limit.take(kStart, "a"), 6);
  EXPECT_EQ(limit.retry_after(kStart + 5500ms, "a"), 1);
  EXPECT_EQ(limit.take(kStart + 6s, "a"), 0);
  EXPECT_EQ(limit.take(kStart + 6s, "a"), 6);
  EXPECT_EQ(limit.take(kStart + 6s, "b"), 0);
}

TEST(RateLimit, WhatIsRefusedCountsNothing) {
  RateLimit limit(Pace{1, 1s});
  EXPECT_EQ(limit.take(kStart, "a"), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limit.take(kStart, "a"), 1);
  EXPECT_EQ(limit.take(kStart + 1s, "a"), 0);
}

TEST(RateLimit, FourClientsMayHaveTwoThousandRequestsASecond) {
  RateLimit limit(kRequestPace);
  for (int i = 0; i < 20'000; ++i) {
    const Instant at = kStart + i * Duration(500us);
    ASSERT_EQ(limit.take(at, std::to_string(i % 4)), 0) << i;
  }
}

TEST(RateLimit, TheTableStaysBoundedAndForgetsWhoWasQuietLongest) {
  RateLimit limit(Pace{1, 1h});
  for (std::size_t i = 0; i < 2 * RateLimit::kMaxEntries; ++i) {
    limit.count(kStart + std::chrono::milliseconds(i), std::to_string(i));
    ASSERT_LE(limit.size(), RateLimit::kMaxEntries);
  }
  const Instant end = kStart + 10s;
  EXPECT_EQ(limit.retry_after(end, "0"), 0);
  EXPECT_GT(limit.retry_after(end, std::to_string(2 * RateLimit::kMaxEntries - 1)), 0);
}

TEST(RateLimit, AFullTableForgetsAllWhosePastCountsNoMore) {
  RateLimit limit(Pace{2, 1s});
  for (std::size_t i = 0; i < RateLimit::kMaxEntries; ++i) {
    limit.count(kStart, std::to_string(i));
    if (i % 2 == 0) limit.count(kStart, std::to_string(i));  // these end a second later
  }
  limit.count(kStart + 1s, "newcomer");
  EXPECT_EQ(limit.size(), RateLimit::kMaxEntries / 2 + 1);
  EXPECT_EQ(limit.next("1"), Instant{}) << "its past is over";
  EXPECT_EQ(limit.next("0"), kStart + 1s) << "and this one's is not";
}

TEST(RateLimit, WhoComesAgainIsForgottenByItsLastTime) {
  RateLimit limit(Pace{1, 1h});
  for (std::size_t i = 0; i < RateLimit::kMaxEntries; ++i) limit.count(kStart, std::to_string(i));
  limit.count(kStart, "0");
  for (std::size_t i = 0; i < RateLimit::kMaxEntries - 1; ++i) limit.count(kStart + 1s, "new" + std::to_string(i));
  EXPECT_GT(limit.retry_after(kStart + 1s, "0"), 0);
  EXPECT_EQ(limit.next("1"), Instant{});
  EXPECT_EQ(limit.size(), RateLimit::kMaxEntries);
}

TEST(HubClient, AnIpv6ClientIsItsWholeSlash64) {
  const auto key = [](std::string_view text) { return client_key(*IpAddress::parse(text)); };
  EXPECT_EQ(key("2001:db8::1"), key("2001:db8::ffff:1"));
  EXPECT_NE(key("2001:db8::1"), key("2001:db8:0:1::1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
  EXPECT_NE(key("32.1.13.184"), key("2001:db8::1"));
}

TEST(HubClient, ALogNamesTheNetworkOnly) {
  EXPECT_EQ(client_network(*IpAddress::parse("192.0.2.77")), "192.0.2.0/24");
  EXPECT_EQ(client_network(*IpAddress::parse("2001:db8:1:2::3")), "2001:db8:1::/48");
  EXPECT_EQ(client_network(IpAddress()), "unknown");
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
  EXPECT_EQ(rate.next(), kStart + MessageRate::kPace.interval);
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
