#include "agent/restart_policy.h"

#include <gtest/gtest.h>

#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;
using testing::SeededRandom;

TEST(RestartPolicy, DoublesFromHalfASecondToThirtySecondsWithAQuarterOfJitter) {
  SeededRandom random(1);
  RestartPolicy policy;
  for (const Duration base : {Duration(500ms), Duration(1s), Duration(2s), Duration(4s), Duration(8s), Duration(16s),
                              Duration(30s), Duration(30s)}) {
    const Duration wait = policy.next(random);
    EXPECT_LE(wait, base);
    EXPECT_GE(wait, base * 3 / 4);
  }
}

// A backoff of 2^N that overflowed to no wait at all once sent 45,000 requests.
TEST(RestartPolicy, NeverFallsBackToAShortWaitHoweverOftenItFails) {
  SeededRandom random(2);
  RestartPolicy policy;
  for (int i = 0; i < 10; ++i) policy.next(random);
  for (int i = 0; i < 100'000; ++i) {
    const Duration wait = policy.next(random);
    ASSERT_GE(wait, 22'500ms) << "after " << i << " failures";
    ASSERT_LE(wait, 30s);
  }
  EXPECT_GT(policy.failures(), 0U);
}

TEST(RestartPolicy, DevicesThatFailTogetherDoNotComeBackTogether) {
  SeededRandom one(3);
  SeededRandom other(4);
  RestartPolicy policy;
  RestartPolicy other_policy;
  int equal = 0;
  for (int i = 0; i < 20; ++i) equal += policy.next(one) == other_policy.next(other) ? 1 : 0;
  EXPECT_LE(equal, 2);
}

TEST(RestartPolicy, StartsAgainWithAShortWaitAfterAConnectionThatHeld) {
  SeededRandom random(5);
  RestartPolicy policy;
  for (int i = 0; i < 20; ++i) policy.next(random);
  policy.reset();
  EXPECT_EQ(policy.failures(), 0U);
  EXPECT_LE(policy.next(random), 500ms);
}

}  // namespace
}  // namespace bamgate::agent
