// The reference flow must behave like TCP before anything is compared with it.
#include "sim/reno_flow.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "sim/reno_receiver.h"
#include "sim/reno_sender.h"
#include "sim/steady_flow.h"
#include "sim/world.h"
#include "support/seeded_random.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

constexpr double kMegabit = 1e6;

struct Path {
  Path(LinkOptions options, LinkOptions back_options, std::uint64_t seed)
      : random(seed), forth(agenda, random, options), back(agenda, random, back_options) {}
  void run_for(Duration duration) {
    const Instant until = agenda.now() + duration;
    while (agenda.next() <= until) agenda.run_next();
    agenda.advance(until);
  }
  Agenda agenda;
  testing::SeededRandom random;
  Link forth;
  Link back;
};

struct Outcome {
  double megabits;  // a second, of data
  RenoCounters counters;
  LinkCounters link;
};

Outcome run(double loss, Duration round_trip, std::uint64_t seed = 1, Duration duration = 20s) {
  LinkOptions options{.latency = round_trip / 2, .rate = 100'000'000, .queue = 625'000};
  LinkOptions back = options;
  options.loss = loss;
  Path path(options, back, seed);
  const auto flow = reno_over_links(path.agenda, path.forth, path.back);
  flow->start();
  path.run_for(5s);
  const std::uint64_t before = flow->delivered();
  path.run_for(duration);
  const double bits = 8 * static_cast<double>(flow->delivered() - before);
  return {bits / std::chrono::duration<double>(duration).count() / kMegabit, flow->counters(), path.forth.counters()};
}

TEST(RenoFlow, FillsALinkWithoutLoss) {
  const double wire_share = 1240.0 / 1280;
  EXPECT_GT(run(0, 50ms, 1, 5s).megabits, 90 * wire_share);
  EXPECT_GT(run(0, 5ms, 1, 2s).megabits, 90 * wire_share);
}

TEST(RenoFlow, FollowsTheMathisFormulaWithinAFactorOfTwo) {
  for (const double loss : {0.001, 0.005, 0.01, 0.02}) {
    // Mathis, Semke, Mahdavi, Ott (1997): MSS / RTT * sqrt(3 / 2) / sqrt(p), far below the rate of the link.
    const double formula = 1240 * 8 / 0.05 * std::sqrt(1.5 / loss) / kMegabit;
    const double measured = run(loss, 50ms, 3, 60s).megabits;
    EXPECT_GT(measured, formula / 2) << loss;
    EXPECT_LT(measured, formula * 2) << loss;
  }
}

TEST(RenoFlow, SendsAgainExactlyWhatWasLostUnlessATimerEnds) {
  const Outcome result = run(0.001, 50ms);
  EXPECT_EQ(result.counters.timeouts, 0u);
  EXPECT_GT(result.counters.recoveries, 0u);
  const std::uint64_t dropped = result.link.lost + result.link.queue_full;
  EXPECT_LE(result.counters.retransmitted, dropped);
  EXPECT_GE(result.counters.retransmitted + 40, dropped) << "all but those of the last round trip";
}

TEST(RenoFlow, IsDecidedByTheSeed) {
  const auto figures = [](std::uint64_t seed) {
    const Outcome result = run(0.01, 50ms, seed, 5s);
    return std::vector{result.counters.sent,     result.counters.retransmitted, result.counters.recoveries,
                       result.counters.timeouts, result.counters.received,      result.link.lost};
  };
  EXPECT_EQ(figures(1), figures(1));
  EXPECT_NE(figures(1), figures(2));
}

TEST(RenoFlow, SurvivesAnOutageWithTimeoutsThatDouble) {
  Path path({.latency = 10ms, .rate = 10'000'000}, {.latency = 10ms}, 1);
  const auto flow = reno_over_links(path.agenda, path.forth, path.back);
  flow->start();
  path.run_for(2s);
  path.forth.options.loss = 1;
  path.run_for(1s);
  const std::uint64_t before = flow->delivered();
  path.run_for(14s);
  EXPECT_EQ(flow->delivered(), before);
  // 1, 2, 4 and 8 s after the last acknowledgment.
  EXPECT_GE(flow->counters().timeouts, 3u);
  EXPECT_LE(flow->counters().timeouts, 5u);
  path.forth.options.loss = 0;
  path.run_for(20s);
  EXPECT_GT(flow->delivered(), before + 5'000'000);
}

TEST(RenoFlow, AStoppedFlowComesToRest) {
  Path path({.latency = 10ms, .rate = 10'000'000}, {.latency = 10ms}, 1);
  const auto flow = reno_over_links(path.agenda, path.forth, path.back);
  flow->start();
  path.run_for(1s);
  flow->stop();
  path.run_for(5s);
  const std::uint64_t delivered = flow->delivered();
  EXPECT_GT(delivered, 0u);
  path.run_for(5s);
  EXPECT_EQ(flow->delivered(), delivered);
  EXPECT_EQ(path.agenda.pending(), 0u);
}

TEST(RenoFlow, CrossesATunnelBesideASteadyFlow) {
  World world(1);
  Device& from = world.add_device("alpha", world.network.internet(), {"198.51.100.1"});
  Device& to = world.add_device("beta", world.network.internet(), {"198.51.100.2"});
  from.host().interface().out.options.rate = 20'000'000;
  ASSERT_TRUE(world.start_all(30s));
  const auto bulk = reno_through_tunnel(world.agenda, from, to, 5001);
  const auto steady = steady_through_tunnel(world.agenda, from, to, 5002, {.interval = 20ms, .size = 200});
  bulk->start();
  steady->start();
  world.run_for(3s);
  steady->reset();
  world.run_for(2s);
  EXPECT_GT(bulk->delivered(), 2'000'000u) << "of at most 12.5 MB";
  EXPECT_EQ(steady->result().sent, 100u);
  EXPECT_GT(steady->result().arrived, 50u);
  EXPECT_EQ(steady->result().arrived, steady->result().delays.size());
  for (const Duration delay : steady->result().delays) EXPECT_GE(delay, 20ms) << "sooner than the links allow";
  EXPECT_TRUE(to.arrivals.empty()) << "programs take their own datagrams";
  EXPECT_EQ(to.damaged, 0u);
}

// ---- The halves ----

TEST(RenoSender, ThreeSackedSegmentsAboveMakeALossAndHalveTheWindowOnce) {
  RenoSender sender({});
  Instant now{};
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(sender.poll_segment(now), i);
  EXPECT_EQ(sender.poll_segment(now), std::nullopt) << "the initial window is ten segments";
  now += 50ms;
  sender.handle_ack(now, 0, std::vector<SackBlock>{{1, 3}});
  EXPECT_EQ(sender.counters().recoveries, 0u) << "two may be reordering";
  EXPECT_EQ(sender.poll_segment(now), 10u) << "what arrived makes room";
  EXPECT_EQ(sender.poll_segment(now), 11u);
  sender.handle_ack(now, 0, std::vector<SackBlock>{{1, 7}});
  EXPECT_EQ(sender.congestion_window(), 5);
  EXPECT_EQ(sender.poll_segment(now), std::nullopt) << "5 are on their way: 7 to 11";
  sender.handle_ack(now, 0, std::vector<SackBlock>{{1, 9}});
  EXPECT_EQ(sender.poll_segment(now), 0u);
  EXPECT_EQ(sender.poll_segment(now), 12u);
  EXPECT_EQ(sender.counters().recoveries, 1u);
  EXPECT_EQ(sender.counters().retransmitted, 1u);
}

TEST(RenoSender, StartsSlowlyAndThenGrowsByOneSegmentARoundTrip) {
  RenoSender sender({});
  Instant now{};
  const auto round_trip = [&] {
    std::vector<std::uint32_t> sent;
    while (const auto number = sender.poll_segment(now)) sent.push_back(*number);
    now += 50ms;
    for (const std::uint32_t number : sent) sender.handle_ack(now, number + 1, {});
  };
  round_trip();
  EXPECT_EQ(sender.congestion_window(), 20);
  round_trip();
  EXPECT_EQ(sender.congestion_window(), 40);
  for (int i = 0; i < 40; ++i) sender.poll_segment(now);
  sender.handle_timeout(now + 2s);
  EXPECT_EQ(sender.congestion_window(), 1);
  EXPECT_EQ(sender.counters().timeouts, 1u);
  for (int i = 0; i < 6; ++i) round_trip();  // all 40 again, then beyond ssthresh
  const double before = sender.congestion_window();
  round_trip();
  EXPECT_NEAR(sender.congestion_window(), before + 1, 0.1);
}

TEST(RenoReceiver, AcknowledgesEverySecondSegmentAndAtOnceWhatIsOutOfOrder) {
  RenoReceiver receiver({});
  const Instant now{};
  receiver.handle_segment(now, 0);
  EXPECT_FALSE(receiver.wants_ack(now));
  EXPECT_EQ(receiver.next_timeout(), now + 40ms);
  receiver.handle_segment(now, 1);
  EXPECT_TRUE(receiver.wants_ack(now));
  EXPECT_TRUE(receiver.take_ack().empty());
  receiver.handle_segment(now, 3);
  EXPECT_TRUE(receiver.wants_ack(now));
  receiver.handle_segment(now, 6);
  receiver.handle_segment(now, 8);
  receiver.handle_segment(now, 10);
  receiver.handle_segment(now, 4);
  EXPECT_EQ(receiver.next(), 2u);
  EXPECT_EQ(receiver.take_ack(), (std::vector<SackBlock>{{3, 5}, {6, 7}, {8, 9}}));
  receiver.handle_segment(now, 2);
  EXPECT_EQ(receiver.next(), 5u);
  EXPECT_TRUE(receiver.wants_ack(now)) << "a gap is filled";
  receiver.handle_segment(now, 2);
  EXPECT_TRUE(receiver.wants_ack(now)) << "a duplicate";
  EXPECT_EQ(receiver.next(), 5u);
}

}  // namespace
}  // namespace bamgate::sim
