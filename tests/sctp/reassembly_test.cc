#include "sctp/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "support/pattern.h"
#include "support/seeded_random.h"

namespace bamgate::sctp {
namespace {

using bamgate::testing::pattern;

TEST(Reassembly, NumbersMayPassTheEndOfTheirCircle) {
  constexpr std::uint32_t kLast = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> order{kLast - 1, kLast, 0, 1};
  do {
    Reassembly reassembly(1000);
    std::optional<Reassembly::Whole> whole;
    for (const std::uint32_t tsn : order) {
      ASSERT_FALSE(whole);
      const DataChunk chunk{.tsn = tsn, .unordered = true, .begins = tsn == kLast - 1, .ends = tsn == 1};
      whole = reassembly.insert(chunk, tsn, pattern(1, tsn)).value();
    }
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->content.size(), 4U);
    EXPECT_EQ(whole->content[2], pattern(1, 0)[0]);
    EXPECT_EQ(whole->ppid, kLast - 1) << "what the first fragment says";
    EXPECT_EQ(reassembly.bytes(), 0U);
  } while (std::ranges::next_permutation(order).found);
}

// Against the plainest possible way to say what is complete, and what may still be. Each fragment carries its number.
TEST(Reassembly, DeliversWhatIsCompleteAndForgetsWhatCannotBe) {
  constexpr std::uint32_t kCount = 40;
  bamgate::testing::SeededRandom random(5);
  for (int round = 0; round < 2000; ++round) {
    std::vector<DataChunk> sent;  // by TSN
    for (std::uint32_t tsn = 0; tsn < kCount; ++tsn) {
      const bool begins = sent.empty() || sent.back().ends;
      sent.push_back({.tsn = tsn, .stream = 0, .unordered = true, .begins = begins, .ends = random.below(3) == 0});
    }
    std::vector<DataChunk> order = sent;
    for (std::uint32_t i = kCount; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    order.resize(random.below(kCount + 1));
    // How far the sender has come: up to there is what has arrived and what is given up.
    const std::uint32_t cumulative = random.below(kCount);

    Reassembly reassembly(1000);
    std::set<std::vector<std::byte>> delivered;
    for (const DataChunk& chunk : order) {
      const std::vector<std::byte> content{static_cast<std::byte>(chunk.tsn)};
      if (const auto whole = reassembly.insert(chunk, 0, content).value()) delivered.insert(whole->content);
    }
    reassembly.settle(cumulative);

    std::set<std::vector<std::byte>> complete;
    std::size_t kept = 0;
    for (std::uint32_t begin = 0; begin < kCount;) {
      std::uint32_t end = begin + 1;
      while (end < kCount && !sent[end].begins) ++end;
      const auto has_arrived = [&](std::uint32_t tsn) { return std::ranges::count(order, tsn, &DataChunk::tsn) != 0; };
      std::vector<std::byte> content;
      std::optional<std::uint32_t> missing;  // the first that lacks
      for (std::uint32_t tsn = begin; tsn < end; ++tsn) {
        if (has_arrived(tsn)) content.push_back(static_cast<std::byte>(tsn));
        if (!has_arrived(tsn) && !missing) missing = tsn;
      }
      if (!missing && sent[end - 1].ends) complete.insert(content);
      // What lies before a hole within the cumulative TSN is forgotten with it, what lies behind one too.
      for (std::uint32_t tsn = begin; tsn < end && !(complete.contains(content)); ++tsn) {
        std::uint32_t low = tsn;
        std::uint32_t high = tsn;
        while (low > begin && has_arrived(low - 1)) --low;
        while (high + 1 < end && has_arrived(high + 1)) ++high;
        const bool lacks_begin = low > begin && low - 1 <= cumulative;
        const bool lacks_end = !sent[high].ends && high + 1 <= cumulative;
        if (has_arrived(tsn) && !lacks_begin && !lacks_end) kept += Reassembly::cost(1);
      }
      begin = end;
    }
    ASSERT_EQ(delivered, complete);
    ASSERT_EQ(reassembly.bytes(), kept);
  }
}

}  // namespace
}  // namespace bamgate::sctp
