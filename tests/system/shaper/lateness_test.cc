// The histogram behind the shaper's figures.
#include "system/shaper/lateness.h"

#include <gtest/gtest.h>

namespace bamgate::shaper {
namespace {

using namespace std::chrono_literals;

TEST(ShaperLateness, QuantilesAreWithinASixteenthOfTheTruth) {
  Lateness lateness;
  for (int i = 1; i <= 100'000; ++i) lateness.add(std::chrono::nanoseconds(i));
  EXPECT_NEAR(static_cast<double>(lateness.quantile(0.5)), 50'000, 50'000 / 16.0);
  EXPECT_NEAR(static_cast<double>(lateness.quantile(0.99)), 99'000, 99'000 / 16.0);
  EXPECT_EQ(lateness.most(), 100'000u);
  EXPECT_EQ(lateness.quantile(1), 100'000u);
}

TEST(ShaperLateness, TakesAnyDuration) {
  Lateness lateness;
  EXPECT_EQ(lateness.quantile(0.5), 0u);
  lateness.add(-1s);
  EXPECT_EQ(lateness.most(), 0u);
  lateness.add(Duration::max());
  EXPECT_EQ(lateness.quantile(1), static_cast<std::uint64_t>(Duration::max().count()));
}

}  // namespace
}  // namespace bamgate::shaper
