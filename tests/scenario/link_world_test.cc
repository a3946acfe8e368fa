// The simulated links: what a link is told to do it does, measured.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/link.h"
#include "support/seeded_random.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

/// Sends numbered datagrams over one link and notes when which one arrives.
class SimulatedLink : public ::testing::Test {
 protected:
  struct Arrived {
    std::size_t number;
    Instant at;
  };

  Crossing send(Link& link, std::size_t size) {
    const Crossing crossing =
        link.send(size, [this, number = sent.size()] { arrived.push_back({number, agenda.now()}); });
    sent.push_back(agenda.now());
    return crossing;
  }
  void send_every(Link& link, Duration interval, std::size_t count, std::size_t size = 100) {
    for (std::size_t i = 0; i < count; ++i) {
      agenda.at(kStart + interval * static_cast<int>(i), [this, &link, size] { send(link, size); });
    }
    run();
  }
  void run() {
    while (agenda.next() != kNever) agenda.run_next();
  }
  /// Of `count` draws with chance `p` this many may differ from the mean: five standard deviations, which chance
  /// exceeds once in two million times.
  static double bound(std::size_t count, double p) { return 5 * std::sqrt(static_cast<double>(count) * p * (1 - p)); }

  static constexpr Instant kStart = Agenda::kStart;
  Agenda agenda;
  testing::SeededRandom random{42};
  std::vector<Instant> sent;
  std::vector<Arrived> arrived;
};

TEST_F(SimulatedLink, TakesItsLatencyAndKeepsTheOrder) {
  Link link(agenda, random, {.latency = 25ms});
  send_every(link, 1ms, 100);
  ASSERT_EQ(arrived.size(), 100U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(arrived[i].number, i);
    EXPECT_EQ(arrived[i].at, sent[i] + 25ms);
  }
}

TEST_F(SimulatedLink, NeverDeliversWithinTheCall) {
  Link link(agenda, random);
  EXPECT_EQ(send(link, 100), Crossing::kPassed);
  EXPECT_TRUE(arrived.empty());
  run();
  EXPECT_EQ(arrived.size(), 1U);
}

TEST_F(SimulatedLink, CarriesExactlyItsRate) {
  // 1,250 bytes each 0.5 ms are 20 Mbit/s, twice what the link carries.
  Link link(agenda, random, {.latency = 10ms, .rate = 10'000'000, .queue = 50'000});
  send_every(link, 500us, 20'000, 1250);
  const std::size_t within = static_cast<std::size_t>(
      std::ranges::count_if(arrived, [&](const Arrived& one) { return one.at <= kStart + 10ms + 10s; }));
  EXPECT_EQ(within, 10'000U) << "10 s at 1 ms for each datagram";
  // 40 datagrams wait at most: no one is older than that.
  for (const Arrived& one : arrived) EXPECT_LE(one.at - sent[one.number], 10ms + 41ms);
}

TEST_F(SimulatedLink, DropsAtTheTailOfAFullQueue) {
  Link link(agenda, random, {.rate = 1'000'000, .queue = 3000});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(link, 1000), Crossing::kPassed);
  EXPECT_EQ(link.backlog(), 3000U);
  EXPECT_EQ(send(link, 1000), Crossing::kQueueFull);
  EXPECT_EQ(send(link, 1), Crossing::kQueueFull);
  agenda.advance(agenda.now() + 8ms);  // the first one has left
  EXPECT_EQ(link.backlog(), 2000U);
  EXPECT_EQ(send(link, 1000), Crossing::kPassed);
  run();
  EXPECT_EQ(arrived.size(), 4U);
  EXPECT_EQ(arrived.back().at, kStart + 32ms);
  EXPECT_EQ(link.counters().queue_full, 2U);
  EXPECT_EQ(link.counters().peak_backlog, 3000U);
  EXPECT_EQ(link.counters().bytes, 4000U);
}

TEST_F(SimulatedLink, TakesOneDatagramHoweverSmallItsQueueIs) {
  Link link(agenda, random, {.rate = 1'000'000, .queue = 0});
  EXPECT_EQ(send(link, 1000), Crossing::kPassed);
  EXPECT_EQ(send(link, 1000), Crossing::kQueueFull);
}

TEST_F(SimulatedLink, DropsWhatIsLargerThanItsMtu) {
  Link link(agenda, random, {.mtu = 1400});
  EXPECT_EQ(send(link, 1400), Crossing::kPassed);
  EXPECT_EQ(send(link, 1401), Crossing::kTooLarge);
  EXPECT_EQ(link.counters().too_large, 1U);
}

TEST_F(SimulatedLink, LosesAsManyAsItIsTold) {
  constexpr std::size_t kCount = 20'000;
  for (const double loss : {0.0, 0.01, 0.05, 0.1, 0.2, 1.0}) {
    Link link(agenda, random, {.loss = loss});
    for (std::size_t i = 0; i < kCount; ++i) send(link, 100);
    EXPECT_NEAR(static_cast<double>(link.counters().lost), kCount * loss, bound(kCount, loss)) << loss;
    EXPECT_EQ(link.counters().offered(), kCount);
  }
}

TEST_F(SimulatedLink, LosesInBurstsOfTheLengthItIsTold) {
  constexpr std::size_t kCount = 100'000;
  Link link(agenda, random, {.burst = BurstLoss::of(0.05, 8)});
  std::vector<std::size_t> bursts;
  bool was_lost = false;
  for (std::size_t i = 0; i < kCount; ++i) {
    const bool lost = send(link, 100) == Crossing::kLost;
    if (lost && !was_lost) bursts.push_back(0);
    if (lost) ++bursts.back();
    was_lost = lost;
  }
  const auto lost = static_cast<double>(link.counters().lost);
  const auto count = static_cast<double>(bursts.size());
  // Lengths are geometric: their deviation is about their mean; so is that of the number of bursts.
  EXPECT_NEAR(lost / count, 8, 5 * 8 / std::sqrt(count));
  EXPECT_NEAR(lost / kCount, 0.05, 5 * 0.05 * std::sqrt(2 / count));
  EXPECT_GE(*std::ranges::max_element(bursts), 24U) << "some are much longer than the mean";
}

TEST_F(SimulatedLink, EndsABurstAfterItsLongestTime) {
  Link link(agenda, random, {.burst = {.enter = 1, .leave = 0, .loss = 1, .longest = 2s}});
  std::vector<Instant> passed;
  for (int i = 0; i < 100; ++i) {
    agenda.advance(agenda.now() + 100ms);
    if (send(link, 100) == Crossing::kPassed) passed.push_back(agenda.now());
  }
  // Each spell begins with the datagram after the last one's end and takes 2 s.
  ASSERT_EQ(passed.size(), 4U);
  for (std::size_t i = 1; i < passed.size(); ++i) EXPECT_EQ(passed[i] - passed[i - 1], 2200ms);
}

TEST_F(SimulatedLink, JitterSpreadsTheDelayAndKeepsTheOrder) {
  Link link(agenda, random, {.latency = 10ms, .jitter = 20ms});
  send_every(link, 50ms, 2000);
  ASSERT_EQ(arrived.size(), 2000U);
  Duration least = 1h;
  Duration most{};
  Duration sum{};
  for (std::size_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(arrived[i].number, i);
    const Duration delay = arrived[i].at - sent[i];
    least = std::min(least, delay);
    most = std::max(most, delay);
    sum += delay;
  }
  EXPECT_GE(least, 10ms);
  EXPECT_LE(least, 10200us);
  EXPECT_LE(most, 30ms);
  EXPECT_GE(most, 29800us);
  EXPECT_NEAR(std::chrono::duration<double>(sum / 2000).count(), 0.020, 0.001);
  // Closer together than the jitter: still in order.
  arrived.clear();
  for (int i = 0; i < 100; ++i) send(link, 100);
  run();
  EXPECT_TRUE(std::ranges::is_sorted(arrived, {}, &Arrived::number));
}

TEST_F(SimulatedLink, HoldsBackAsManyAsItIsToldAndOthersOvertakeThem) {
  Link link(agenda, random, {.latency = 10ms, .reorder = 0.1, .reorder_delay = 15ms});
  send_every(link, 10ms, 10'000);
  ASSERT_EQ(arrived.size(), 10'000U);
  std::size_t overtaken = 0;
  for (std::size_t i = 0; i + 1 < arrived.size(); ++i) {
    const Duration delay = arrived[i].at - sent[arrived[i].number];
    EXPECT_TRUE(delay == 10ms || delay == 25ms);
    if (arrived[i + 1].number < arrived[i].number) ++overtaken;
  }
  EXPECT_NEAR(static_cast<double>(link.counters().reordered), 1000, bound(10'000, 0.1));
  // One that is held back right after another is still in order with that one, so a few are not overtaken.
  EXPECT_GE(overtaken, 800U);
}

TEST_F(SimulatedLink, DoublesAsManyAsItIsTold) {
  Link link(agenda, random, {.latency = 10ms, .duplicate = 0.2});
  send_every(link, 1ms, 10'000);
  EXPECT_EQ(arrived.size(), 10'000 + link.counters().duplicated);
  EXPECT_NEAR(static_cast<double>(link.counters().duplicated), 2000, bound(10'000, 0.2));
}

TEST_F(SimulatedLink, ChangesWhatItDoesUnderWay) {
  Link link(agenda, random);
  EXPECT_EQ(send(link, 100), Crossing::kPassed);
  link.options.loss = 1;
  EXPECT_EQ(send(link, 100), Crossing::kLost);
  link.options = {};
  EXPECT_EQ(send(link, 100), Crossing::kPassed);
}

TEST(SimulatedLinks, DoTheSameWithTheSameSeed) {
  const auto losses = [](std::uint64_t seed) {
    Agenda agenda;
    testing::SeededRandom random(seed);
    Link link(agenda, random, {.jitter = 5ms, .loss = 0.1, .burst = BurstLoss::of(0.1, 4), .reorder = 0.1});
    std::vector<Crossing> fates;
    for (int i = 0; i < 1000; ++i) fates.push_back(link.send(100, [] {}));
    return fates;
  };
  EXPECT_EQ(losses(1), losses(1));
  EXPECT_NE(losses(1), losses(2));
}

}  // namespace
}  // namespace bamgate::sim
