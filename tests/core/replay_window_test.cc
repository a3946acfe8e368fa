#include "core/replay_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/seeded_random.h"

namespace bamgate {
namespace {

using testing::SeededRandom;

TEST(ReplayWindow, EachCounterIsAcceptedOnce) {
  ReplayWindow window;
  for (const std::uint64_t counter : {0U, 1U, 5U, 3U, 2U, 100U, 64U, 63U, 65U}) {
    EXPECT_TRUE(window.accept(counter)) << counter;
    EXPECT_FALSE(window.accept(counter)) << counter;
    EXPECT_FALSE(window.is_fresh(counter)) << counter;
  }
}

TEST(ReplayWindow, ReachEndsWhereItSays) {
  ReplayWindow window;
  const std::uint64_t greatest = 3 * ReplayWindow::kBits + 17;
  EXPECT_TRUE(window.accept(greatest));
  EXPECT_TRUE(window.accept(greatest - ReplayWindow::kReach));
  EXPECT_FALSE(window.accept(greatest - ReplayWindow::kReach));
  EXPECT_FALSE(window.accept(greatest - ReplayWindow::kReach - 1));
  EXPECT_FALSE(window.accept(0));
}

TEST(ReplayWindow, AgreesWithAPlainSetUnderRandomReordering) {
  SeededRandom random(3);
  ReplayWindow window;
  std::vector<bool> seen(80'000);
  std::uint64_t greatest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t base = static_cast<std::uint64_t>(i) / 2;
    const std::uint64_t counter = base + random.below(i % 100 == 0 ? 20'000 : 300);
    const bool fresh = !seen[counter] && counter + ReplayWindow::kReach >= greatest;
    ASSERT_EQ(window.accept(counter), fresh) << counter;
    seen[counter] = true;
    greatest = std::max(greatest, counter);
  }
}

TEST(ReplayWindow, JumpToTheLastCounterForgetsAllOldBits) {
  ReplayWindow window;
  for (std::uint64_t i = 0; i < ReplayWindow::kBits; ++i) window.accept(i);
  EXPECT_TRUE(window.accept(UINT64_MAX));
  for (std::uint64_t i = 1; i <= ReplayWindow::kReach; ++i) ASSERT_TRUE(window.is_fresh(UINT64_MAX - i));
  EXPECT_FALSE(window.is_fresh(UINT64_MAX - ReplayWindow::kReach - 1));
  EXPECT_FALSE(window.is_fresh(UINT64_MAX));
}

}  // namespace
}  // namespace bamgate
