#include "core/deadline_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "support/seeded_random.h"

namespace bamgate {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = Instant(1h);

TEST(DeadlineIndex, WaitsForNothingWhenNobodyHasADeadline) {
  DeadlineIndex<char> index;
  EXPECT_EQ(index.next(), kNever);
  const DeadlineSlot a = index.add('a');
  EXPECT_EQ(index.deadline(a), kNever);
  EXPECT_EQ(index.next(), kNever);
  EXPECT_EQ(index.take_due(kNever), std::nullopt);
}

TEST(DeadlineIndex, TakesTheEarliestFirstAndOnce) {
  DeadlineIndex<char> index;
  const DeadlineSlot a = index.add('a');
  const DeadlineSlot b = index.add('b');
  index.set(a, kNow + 2s);
  index.set(b, kNow + 1s);
  EXPECT_EQ(index.next(), kNow + 1s);
  EXPECT_EQ(index.take_due(kNow), std::nullopt);
  EXPECT_EQ(index.take_due(kNow + 2s), 'b');
  EXPECT_EQ(index.take_due(kNow + 2s), 'a');
  EXPECT_EQ(index.take_due(kNow + 2s), std::nullopt);
  EXPECT_EQ(index.next(), kNever);
}

TEST(DeadlineIndex, TakesEqualDeadlinesInTheOrderOfTheirSlots) {
  DeadlineIndex<int> index;
  std::vector<DeadlineSlot> slots;
  for (int i = 0; i < 20; ++i) slots.push_back(index.add(i));
  std::ranges::reverse(slots);
  for (const DeadlineSlot slot : slots) index.set(slot, kNow);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(index.take_due(kNow), i);
}

TEST(DeadlineIndex, AMovedDeadlineTakesItsNewPlace) {
  DeadlineIndex<char> index;
  const DeadlineSlot a = index.add('a');
  const DeadlineSlot b = index.add('b');
  index.set(a, kNow + 1s);
  index.set(b, kNow + 2s);
  index.set(a, kNow + 3s);
  EXPECT_EQ(index.next(), kNow + 2s);
  index.set(a, kNow);
  EXPECT_EQ(index.next(), kNow);
  index.cancel(a);
  EXPECT_EQ(index.next(), kNow + 2s);
}

TEST(DeadlineIndex, ARemovedOwnerIsNeverDueAndItsPlaceServesAnother) {
  DeadlineIndex<char> index;
  const DeadlineSlot a = index.add('a');
  index.set(a, kNow);
  index.remove(a);
  EXPECT_EQ(index.next(), kNever);
  EXPECT_EQ(index.size(), 0U);
  const DeadlineSlot b = index.add('b');
  EXPECT_EQ(b, a);
  EXPECT_EQ(index.deadline(b), kNever);
  index.set(b, kNow);
  EXPECT_EQ(index.take_due(kNow), 'b');
}

// Against a plain map of all deadlines.
TEST(DeadlineIndex, AgreesWithAPlainTableUnderRandomCommands) {
  testing::SeededRandom random(7);
  DeadlineIndex<int> index;
  std::map<DeadlineSlot, std::pair<int, Instant>> plain;
  const auto pick = [&] { return std::next(plain.begin(), random.below(static_cast<std::uint32_t>(plain.size()))); };
  int last_owner = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t command = random.below(8);
    const Instant when = kNow + std::chrono::milliseconds(random.below(100));
    if (plain.empty() || command == 0) {
      const int owner = ++last_owner;
      plain.emplace(index.add(owner), std::pair(owner, kNever));
    } else if (command == 1 && plain.size() > 50) {
      const auto gone = pick();
      index.remove(gone->first);
      plain.erase(gone);
    } else if (command == 2) {
      const auto first = std::ranges::min_element(
          plain, {}, [](const auto& entry) { return std::pair(entry.second.second, entry.first); });
      const bool due = first->second.second <= when;
      ASSERT_EQ(index.take_due(when), due ? std::optional(first->second.first) : std::nullopt);
      if (due) first->second.second = kNever;
    } else {
      const auto entry = pick();
      entry->second.second = command == 3 ? kNever : when;
      index.set(entry->first, entry->second.second);
    }
    const auto earliest = std::ranges::min_element(plain, {}, [](const auto& entry) { return entry.second.second; });
    ASSERT_EQ(index.next(), earliest->second.second);
    ASSERT_EQ(index.size(), plain.size());
  }
}

}  // namespace
}  // namespace bamgate
