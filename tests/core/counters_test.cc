// Counters and their list.
#include "core/counters.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bamgate {
namespace {

struct Traffic {
  std::uint64_t in = 0;
  std::uint64_t out = 0;

  static constexpr auto list() {
    return std::to_array<Counter<Traffic>>({{"out", "sent", &Traffic::out}, {"in", "received", &Traffic::in}});
  }
  Traffic& operator+=(const Traffic& other) { return add_counters(*this, other); }
};

struct LacksOne {
  std::uint64_t in = 0;
  std::uint64_t out = 0;

  static constexpr auto list() { return std::to_array<Counter<LacksOne>>({{"in", "received", &LacksOne::in}}); }
};

struct HasOneTwice {
  std::uint64_t in = 0;
  std::uint64_t out = 0;

  static constexpr auto list() {
    return std::to_array<Counter<HasOneTwice>>(
        {{"in", "received", &HasOneTwice::in}, {"out", "sent", &HasOneTwice::in}});
  }
};

enum class Fault : std::uint8_t { kLate, kForged, kNeverCounted };
constexpr auto kFaults = std::to_array<DropReason<Fault>>({
    {Fault::kLate, "late", "came late"},
    {Fault::kForged, "forged", "forged"},
});

template <typename T>
std::vector<std::string> lines_of(const T& counters) {
  std::vector<std::string> lines;
  for_each_counter(counters, [&](std::string_view name, std::string_view words, std::uint64_t value) {
    lines.push_back(std::string(name) + "/" + std::string(words) + "/" + std::to_string(value));
  });
  return lines;
}

TEST(Counters, AreShownInTheOrderOfTheirList) {
  EXPECT_EQ(lines_of(Traffic{.in = 3, .out = 7}), (std::vector<std::string>{"out/sent/7", "in/received/3"}));
}

TEST(Counters, SumHoldsEachOfThem) {
  Traffic sum{.in = 3, .out = 7};
  sum += Traffic{.in = 10, .out = 20};
  EXPECT_EQ(sum.in, 13U);
  EXPECT_EQ(sum.out, 27U);
}

TEST(Counters, AListIsWholeOnlyWithEachCounterOnce) {
  EXPECT_TRUE(lists_each_counter_once<Traffic>());
  EXPECT_FALSE(lists_each_counter_once<LacksOne>());
  EXPECT_FALSE(lists_each_counter_once<HasOneTwice>());
}

TEST(Counters, DropsAreCountedByReason) {
  DropCounters<kFaults> drops;
  drops.add(Fault::kForged);
  drops.add(Fault::kForged);
  drops.add(Fault::kNeverCounted);
  EXPECT_EQ(drops.count(Fault::kForged), 2U);
  EXPECT_EQ(drops.count(Fault::kLate), 0U);
  EXPECT_EQ(drops.count(Fault::kNeverCounted), 0U);
  drops += drops;
  EXPECT_EQ(drops.total(), 4U);
  EXPECT_EQ(lines_of(drops), (std::vector<std::string>{"late/came late/0", "forged/forged/4"}));
}

}  // namespace
}  // namespace bamgate
