// Bad networks: loss of all kinds, delay, reordering, duplicates, NATs that rebind or forget early, and hosts whose
// interfaces come and go.
#include <gtest/gtest.h>

#include "sim/replay.h"
#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

/// anna and bert behind two NATs. Every datagram between them meets one impaired link (Network::impair).
class Conditions : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  struct Outcome {
    Flow::Result there;
    Flow::Result back;
  };

  void impair(const std::function<void(LinkOptions&)>& change) { world.network.impair(change); }
  /// 10 datagrams a second in each direction.
  Outcome talk_for(Duration length) {
    Flow there(world.agenda, anna, bert, 1000, 100ms);
    Flow back(world.agenda, bert, anna, 1000, 100ms);
    world.run_for(length);
    there.stop();
    back.stop();
    world.run_for(5s);
    return {there.result(), back.result()};
  }
  static double lost_share(const Flow::Result& result) {
    return static_cast<double>(result.lost()) / static_cast<double>(result.sent);
  }

  World world{GetParam()};
  Segment& left = world.network.add_lan("left", "198.51.100.1");
  Segment& right = world.network.add_lan("right", "198.51.100.2");
  Device& anna = world.add_device("anna", left, {"192.168.1.2"});
  Device& bert = world.add_device("bert", right, {"192.168.2.2"});
};

INSTANTIATE_TEST_SUITE_P(Seeds, Conditions, ::testing::ValuesIn(seeds(3)), seed_name);

// ---- Loss ----

/// A share of lost datagrams, with what may come of it.
struct Loss {
  int percent;
  Duration connects_within;
  int reconnections;  // at most, in 10 minutes
};

class ConditionsOfLoss : public ::testing::TestWithParam<std::tuple<std::uint64_t, Loss>> {};

std::string loss_name(const ::testing::TestParamInfo<ConditionsOfLoss::ParamType>& info) {
  const auto& [seed, loss] = info.param;
  return std::to_string(loss.percent) + "PercentSeed" + std::to_string(seed);
}

// At 20 % a whole consent check fails in 36 of 100 cases, so six in a row do now and then.
INSTANTIATE_TEST_SUITE_P(Shares, ConditionsOfLoss,
                         ::testing::Combine(::testing::ValuesIn(seeds(3)),
                                            ::testing::Values(Loss{0, 2s, 0}, Loss{1, 5s, 0}, Loss{5, 10s, 0},
                                                              Loss{10, 20s, 0}, Loss{20, 90s, 3})),
                         loss_name);

TEST_P(ConditionsOfLoss, IsBorne) {
  const auto& [seed, loss] = GetParam();
  World world(seed);
  Device& anna = world.add_device("anna", world.network.add_lan("left", "198.51.100.1"), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_lan("right", "198.51.100.2"), {"192.168.2.2"});
  const double share = loss.percent / 100.0;
  world.network.impair([share](LinkOptions& link) { link.loss = share; });
  ASSERT_TRUE(world.start_all(loss.connects_within));
  const int attempts = anna.attempts();
  Flow flow(world.agenda, anna, bert, 1000, 100ms);
  world.run_for(10min);
  flow.stop();
  world.run_for(5s);
  EXPECT_LE(anna.attempts() - attempts, loss.reconnections);
  const auto result = flow.result();
  EXPECT_EQ(result.twice, 0U);
  const auto lost = static_cast<double>(result.lost()) / static_cast<double>(result.sent);
  if (loss.reconnections == 0) {
    EXPECT_NEAR(lost, share, share == 0 ? 0.0 : 0.03) << "the tunnel adds loss of its own, or repeats";
  } else {
    EXPECT_LE(lost, share + 0.2);
  }
}

TEST_P(Conditions, BurstsOfTwentyLostDatagramsEndNoConnection) {
  impair([](LinkOptions& link) { link.burst = BurstLoss::of(0.05, 20, 3s); });
  ASSERT_TRUE(world.start_all(30s));
  const int attempts = anna.attempts();
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(anna.attempts(), attempts);
  EXPECT_LE(lost_share(outcome.there), 0.12);
  EXPECT_LE(lost_share(outcome.back), 0.12);
}

// ---- Delay and order ----

TEST_P(Conditions, ThreeHundredMillisecondsOneWayAreBorne) {
  impair([](LinkOptions& link) { link.latency = 300ms; });
  ASSERT_TRUE(world.start_all(10s));
  const auto round_trip = world.ping(anna, bert);
  ASSERT_TRUE(round_trip);
  EXPECT_GE(*round_trip, 600ms);
  EXPECT_LE(*round_trip, 650ms);
  const int attempts = anna.attempts();
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(anna.attempts(), attempts);
  EXPECT_EQ(outcome.there.lost() + outcome.back.lost(), 0U);
  EXPECT_LE(outcome.there.longest, 350ms);
}

TEST_P(Conditions, JitterOf100MillisecondsLosesNothing) {
  impair([](LinkOptions& link) { link.jitter = 100ms; });
  ASSERT_TRUE(world.start_all(10s));
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(outcome.there.lost() + outcome.back.lost(), 0U);
  EXPECT_LE(outcome.there.longest, 150ms);
}

TEST_P(Conditions, ReorderedDatagramsArriveOnceAndHoldUpNoOther) {
  impair([](LinkOptions& link) {
    link.reorder = 0.2;
    link.reorder_delay = 150ms;  // a later one overtakes it
  });
  ASSERT_TRUE(world.start_all(10s));
  const int attempts = anna.attempts();
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(anna.attempts(), attempts);
  for (const Flow::Result& result : {outcome.there, outcome.back}) {
    // A packet that three later ones overtake counts as lost in SCTP (RFC 9260 §7.2.4), which sends nothing twice here:
    // at a rekey of WireGuard so many follow each other closely.
    EXPECT_LE(result.lost(), 5U) << "the last at " << clock_text(result.last_sent_lost);
    EXPECT_EQ(result.twice, 0U);
    // The channel is unordered: one that is late holds up no other.
    EXPECT_LE(result.longest, 200ms);
  }
}

TEST_P(Conditions, DuplicatesNeverReachTheTun) {
  impair([](LinkOptions& link) { link.duplicate = 0.3; });
  ASSERT_TRUE(world.start_all(10s));
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(outcome.there.lost() + outcome.back.lost(), 0U);
  EXPECT_EQ(outcome.there.twice + outcome.back.twice, 0U);
}

TEST_P(Conditions, EverythingAtOnceIsBorne) {
  impair([](LinkOptions& link) {
    link = {.latency = 80ms,
            .jitter = 40ms,
            .loss = 0.02,
            .burst = BurstLoss::of(0.02, 5, 1s),
            .duplicate = 0.02,
            .reorder = 0.05,
            .reorder_delay = 50ms,
            .rate = 2'000'000};
  });
  ASSERT_TRUE(world.start_all(20s));
  const int attempts = anna.attempts();
  const Outcome outcome = talk_for(10min);
  EXPECT_EQ(anna.attempts(), attempts);
  EXPECT_LE(lost_share(outcome.there), 0.08);
  EXPECT_EQ(outcome.there.twice, 0U);
}

TEST_P(Conditions, APathWithASmallMtuConnectsAndCarriesPacketsThatFit) {
  impair([](LinkOptions& link) { link.mtu = 1280; });  // the least that IPv6 allows
  ASSERT_TRUE(world.start_all(10s));
  EXPECT_TRUE(world.ping(anna, bert, Family::kV4, 5s, 1000));
  EXPECT_TRUE(world.all_connected());
}

// ---- NATs ----

TEST_P(Conditions, ARebindingUnderTrafficHealsEachTime) {
  ASSERT_TRUE(world.start_all(5s));
  for (int i = 0; i < 10; ++i) {
    const auto port = static_cast<std::uint16_t>(1000 + i);
    Flow there(world.agenda, anna, bert, port, 100ms);
    Flow back(world.agenda, bert, anna, port, 100ms);
    world.run_for(5s);
    Segment& router = i % 2 == 0 ? left : right;
    // Every third time the provider hands out another address as well.
    router.nat->rebind(i % 3 == 0 ? IpAddress::parse("198.51.100.10" + std::to_string(i)) : std::nullopt);
    const Instant rebound = world.agenda.now();
    world.run_for(60s);
    there.stop();
    back.stop();
    world.run_for(1s);
    EXPECT_TRUE(world.all_connected()) << "rebinding " << i;
    EXPECT_LE(there.result().last_sent_lost, rebound + 40s) << "rebinding " << i;
    EXPECT_LE(back.result().last_sent_lost, rebound + 40s) << "rebinding " << i;
    EXPECT_LE(there.result().longest, 4s) << "what waited through the outage is worth nothing (docs/agent.md)";
  }
}

TEST_P(Conditions, AnIdleTunnelKeepsItsMappingsAliveAgainstImpatientNats) {
  // Shorter than any NAT may be (RFC 4787 §4.3); some are.
  Segment& hasty = world.network.add_lan("hasty", "198.51.100.3", {.lifetime = 20s});
  Device& carl = world.add_device("carl", hasty, {"192.168.1.2"});
  ASSERT_TRUE(world.start_all(5s));
  const int attempts = carl.attempts();
  world.run_for(3h);
  EXPECT_EQ(carl.attempts(), attempts) << "the connection was made anew";
  EXPECT_TRUE(world.ping(anna, carl));
  EXPECT_TRUE(world.ping(carl, bert));
  EXPECT_LE(hasty.nat->mappings(world.agenda.now()), 2U);
}

// ---- Interfaces ----

TEST_P(Conditions, ACableThatIsPulledLeavesTheOtherInterfaceToCarryOn) {
  Segment& wireless = world.network.add_lan("wireless", "198.51.100.4");
  Interface& wlan = world.network.add_interface(anna.host(), "wlan0", wireless, {"10.0.0.2"});
  Interface& cable = anna.host().interface();
  ASSERT_TRUE(world.start_all(5s));
  for (int i = 0; i < 3; ++i) {
    world.network.set_up(cable, false);
    EXPECT_TRUE(world.run_until([&] { return !world.all_connected(); }, 20s) || world.ping(anna, bert));
    EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 40s));
    EXPECT_TRUE(world.ping(anna, bert));
    EXPECT_NE(bert.peer("anna").ice_remote.find("198.51.100.4"), std::string::npos) << bert.peer("anna").ice_remote;
    world.network.set_up(cable, true);
    world.network.set_up(wlan, false);
    EXPECT_TRUE(world.run_until([&] { return !world.all_connected(); }, 20s) || world.ping(anna, bert));
    EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 40s));
    EXPECT_TRUE(world.ping(anna, bert));
    EXPECT_NE(bert.peer("anna").ice_remote.find("198.51.100.1"), std::string::npos) << bert.peer("anna").ice_remote;
    world.network.set_up(wlan, true);
  }
}

TEST_P(Conditions, AHostWithoutAnyInterfaceWaitsAndComesBackWithIt) {
  ASSERT_TRUE(world.start_all(5s));
  world.network.set_up(anna.host().interface(), false);
  world.run_for(10min);
  EXPECT_FALSE(world.all_connected());
  world.network.set_up(anna.host().interface(), true);
  EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 35s));
  EXPECT_TRUE(world.ping(anna, bert));
}

}  // namespace
}  // namespace bamgate::sim
