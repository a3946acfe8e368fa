// Every promise at once, over links that do everything that networks do.
#include "sctp/torture.h"

#include <gtest/gtest.h>

#include <chrono>

#include "sctp/engines.h"
#include "sctp/link.h"
#include "support/sanitized.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::LinkOf;
using testing::LinkOptions;
using testing::Torture;

/// Of each random run.
constexpr std::uint64_t kSeeds = bamgate::testing::kSanitized ? 1 : 3;

template <typename EngineType>
class SctpTorture : public ::testing::Test {
 protected:
  struct Outcome {
    std::uint64_t trace = 0;
    std::uint64_t packets = 0;
    std::uint64_t arrived = 0;
    bool operator==(const Outcome&) const = default;
  };

  // Tells what was on the wire; the promises are checked here.
  static Outcome run(const LinkOptions& options, Duration span) {
    LinkOf<EngineType> link(options);
    EXPECT_TRUE(link.connect()) << "seed " << options.seed;
    Torture torture(link, options.seed + 77);
    torture.run(span);
    torture.settle();
    for (const std::string& fault : torture.faults()) ADD_FAILURE() << "seed " << options.seed << ": " << fault;
    EXPECT_GT(torture.arrived(), torture.sent() / 4) << "seed " << options.seed;
    EXPECT_LE(link.largest_packet(), 1340U);
    // Twelve long channels, each with a queue of 64 KiB, and what short ones hold.
    EXPECT_LE(torture.most_buffered(), 12U * 65536U + 400000U);
    return {link.trace(), link.packets(), torture.arrived()};
  }
};
TYPED_TEST_SUITE(SctpTorture, testing::Engines, testing::EngineName);

TYPED_TEST(SctpTorture, EveryPromiseIsKeptThroughLossDuplicatesAndReordering) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    this->run({.delay = 15ms, .loss_permille = 10, .duplicate_permille = 10, .jitter = 8ms, .seed = seed}, 30s);
  }
}

TYPED_TEST(SctpTorture, EveryPromiseIsKeptThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    this->run({.delay = 40ms, .loss_permille = 100, .duplicate_permille = 50, .jitter = 60ms, .seed = seed}, 30s);
  }
}

TYPED_TEST(SctpTorture, ARunIsRepeatedByteForByteFromItsSeed) {
  const LinkOptions options{.delay = 15ms, .loss_permille = 5, .jitter = 3ms, .seed = 42};
  const auto first = this->run(options, 15s);
  EXPECT_GT(first.packets, 1500U);
  EXPECT_EQ(this->run(options, 15s), first);
  EXPECT_NE(this->run({.delay = 15ms, .loss_permille = 5, .jitter = 3ms, .seed = 43}, 1s).trace, first.trace);
}

}  // namespace
}  // namespace bamgate::sctp
