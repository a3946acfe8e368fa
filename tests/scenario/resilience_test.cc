// What breaks in real networks, and how soon packets flow again: hubs and agents that restart, cables that are pulled,
// NATs that forget, machines that sleep, devices that are revoked.
#include <gtest/gtest.h>

#include "sim/replay.h"
#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

/// anna and bert behind two NATs, connected. anna makes the offers.
class Resilience : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override { ASSERT_TRUE(world.start_all(5s)); }

  bool reconnect_within(Duration limit) {
    return world.run_until([this] { return world.all_connected(); }, limit);
  }

  World world{GetParam()};
  Segment& left = world.network.add_lan("left", "198.51.100.1");
  Segment& right = world.network.add_lan("right", "198.51.100.2");
  Device& anna = world.add_device("anna", left, {"192.168.1.2"});
  Device& bert = world.add_device("bert", right, {"192.168.2.2"});
};

INSTANTIATE_TEST_SUITE_P(Seeds, Resilience, ::testing::ValuesIn(seeds(4)), seed_name);

TEST_P(Resilience, ARestartOfTheHubInterruptsNoPacketFlow) {
  const int attempts = anna.attempts();
  Flow there(world.agenda, anna, bert, 1000, 50ms);
  Flow back(world.agenda, bert, anna, 1000, 50ms);
  world.run_for(2s);
  world.hub.stop();
  world.run_for(3s);
  EXPECT_FALSE(anna.agent().status(world.agenda.now()).hub_connected);
  world.hub.start();
  world.run_for(20s);
  there.stop();
  back.stop();
  world.run_for(1s);

  for (const auto& result : {there.result(), back.result()}) {
    EXPECT_GE(result.sent, 500U);
    EXPECT_EQ(result.lost(), 0U);
    EXPECT_EQ(result.twice, 0U);
    EXPECT_LE(result.longest, 100ms);
  }
  EXPECT_TRUE(anna.agent().status(world.agenda.now()).hub_connected);
  EXPECT_TRUE(bert.agent().status(world.agenda.now()).hub_connected);
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
}

TEST_P(Resilience, AnHourWithoutTheHubIsNotNoticedByConnectedDevices) {
  Flow flow(world.agenda, anna, bert, 1000, 10s);
  world.hub.stop();
  world.run_for(1h);
  world.hub.start();
  // The longest wait between two attempts is 30 s.
  EXPECT_TRUE(world.run_until([&] { return anna.agent().status(world.agenda.now()).hub_connected; }, 35s));
  EXPECT_EQ(flow.result().lost(), 0U);
}

struct Restart {
  const char* who;
  bool in_order;
};

class AgentRestart : public ::testing::TestWithParam<std::tuple<std::uint64_t, Restart>> {};

std::string restart_name(const ::testing::TestParamInfo<AgentRestart::ParamType>& info) {
  const auto& [seed, restart] = info.param;
  return std::string(restart.who) + (restart.in_order ? "Stops" : "IsKilled") + "Seed" + std::to_string(seed);
}

INSTANTIATE_TEST_SUITE_P(BothSides, AgentRestart,
                         ::testing::Combine(::testing::ValuesIn(seeds(3)),
                                            ::testing::Values(Restart{"anna", true}, Restart{"anna", false},
                                                              Restart{"bert", true}, Restart{"bert", false})),
                         restart_name);

TEST_P(AgentRestart, HealsWithinTwoSeconds) {
  const auto& [seed, restart] = GetParam();
  World world(seed);
  Device& anna = world.add_device("anna", world.network.add_lan("left", "198.51.100.1"), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_lan("right", "198.51.100.2"), {"192.168.2.2"});
  ASSERT_TRUE(world.start_all(5s));
  Device& restarted = restart.who == std::string("anna") ? anna : bert;
  Device& other = &restarted == &anna ? bert : anna;
  world.run_for(3min);
  Flow flow(world.agenda, other, restarted, 1000, 20ms);
  world.run_for(1s);

  if (restart.in_order) {
    restarted.stop();
  } else {
    restarted.kill();
  }
  world.run_for(500ms);
  restarted.start();
  const Instant up = world.agenda.now();
  EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 2s));
  world.run_for(2s);
  flow.stop();
  world.run_for(1s);
  EXPECT_LE(flow.result().last_sent_lost, up + 2s);
  EXPECT_LE(flow.result().longest, 2s) << "an old packet was delivered late";
  world.run_for(5min);
  EXPECT_TRUE(world.all_connected());
  EXPECT_TRUE(world.ping(anna, bert));
}

TEST_P(Resilience, BothAgentsRestartTogether) {
  anna.kill();
  bert.kill();
  world.run_for(1s);
  anna.start();
  bert.start();
  EXPECT_TRUE(reconnect_within(2s));
  EXPECT_TRUE(world.ping(anna, bert));
}

TEST_P(Resilience, AnAgentThatRestartsTenTimesIsConnectedAfterTheLast) {
  testing::SeededRandom random(GetParam());
  for (int i = 0; i < 10; ++i) {
    Device& restarted = random.below(2) == 0 ? anna : bert;
    restarted.kill();
    restarted.start();
    world.run_for(std::chrono::milliseconds(random.below(700)));
  }
  EXPECT_TRUE(reconnect_within(5s));
  EXPECT_TRUE(world.ping(anna, bert));
}

TEST_P(Resilience, ACableThatWasOutForAMinuteHeals) {
  for (Device* device : {&anna, &bert}) {
    Flow flow(world.agenda, anna, bert, 1000, 100ms);
    device->host().cut = true;
    world.run_for(60s);
    EXPECT_FALSE(world.all_connected());
    device->host().cut = false;
    const Instant back = world.agenda.now();
    EXPECT_TRUE(reconnect_within(40s));
    world.run_for(5s);
    flow.stop();
    world.run_for(1s);
    EXPECT_LE(flow.result().last_sent_lost, back + 40s);
    // What waited through the outage is worth nothing (docs/agent.md).
    EXPECT_LE(flow.result().longest, 4s);
  }
}

TEST_P(Resilience, ACableThatWasOutForFiveSecondsIsNotEvenNoticed) {
  const int attempts = anna.attempts();
  Flow flow(world.agenda, anna, bert, 1000, 100ms);
  anna.host().cut = true;
  world.run_for(5s);
  anna.host().cut = false;
  const Instant back = world.agenda.now();
  world.run_for(30s);
  flow.stop();
  world.run_for(1s);
  EXPECT_EQ(anna.attempts(), attempts);
  EXPECT_LE(flow.result().last_sent_lost, back + 1s);
  EXPECT_TRUE(world.all_connected());
}

// The hub sees nothing of it, so that no news from it helps: what comes back must come back by itself.
TEST_P(Resilience, AnOutageOfUdpAloneHeals) {
  for (const Duration length : {20s, 60s, 600s}) {
    world.network.fault = [](const Flight&) { return true; };
    world.run_for(length);
    world.network.fault = nullptr;
    // An attempt that began in vain takes 40 s, the wait after it up to 30 s.
    EXPECT_TRUE(reconnect_within(72s)) << std::chrono::duration_cast<std::chrono::seconds>(length).count() << " s";
    world.run_for(31s);
    EXPECT_TRUE(world.all_connected());
    EXPECT_TRUE(world.ping(anna, bert));
  }
}

TEST_P(Resilience, ANatThatForgetsItsMappingsHeals) {
  left.nat->forget();
  world.run_for(1min);
  EXPECT_TRUE(reconnect_within(30s));
  EXPECT_TRUE(world.ping(anna, bert));
}

TEST_P(Resilience, OneDatagramInTwentyIsLostAndTheConnectionStands) {
  const int attempts = anna.attempts();
  testing::SeededRandom random(GetParam() + 100);
  world.network.fault = [&](const Flight&) { return random.below(20) == 0; };
  // One way only: what comes back are WireGuard's keepalives, one each 10 s, and some of them are lost.
  Flow flow(world.agenda, anna, bert, 1000, 100ms);
  world.run_for(30min);
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
  EXPECT_LE(flow.result().lost() * 100 / flow.result().sent, 8U);
}

TEST_P(Resilience, DevicesConnectWhileOneDatagramInTenIsLost) {
  anna.kill();
  bert.kill();
  testing::SeededRandom random(GetParam() + 200);
  world.network.fault = [&](const Flight&) { return random.below(10) == 0; };
  anna.start();
  bert.start();
  EXPECT_TRUE(reconnect_within(20s));
  const int attempts = anna.attempts();
  world.run_for(2min);
  EXPECT_TRUE(world.all_connected());
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
}

TEST_P(Resilience, AMachineThatSleptForThreeHoursIsBackWithinAMinute) {
  Flow flow(world.agenda, bert, anna, 1000, 1s);
  anna.sleep();
  world.run_for(3h);
  anna.wake();
  EXPECT_TRUE(reconnect_within(60s));
  EXPECT_TRUE(world.ping(anna, bert));
  EXPECT_FALSE(anna.given_up);
}

TEST_P(Resilience, AMachineThatMovesToAnotherNetworkIsBackWithinAMinute) {
  Segment& cafe = world.network.add_lan("cafe", "198.51.100.77");
  world.network.move(bert.host(), cafe, {"10.0.0.23"});
  world.run_for(31s);
  EXPECT_TRUE(reconnect_within(29s));
  EXPECT_TRUE(world.ping(anna, bert));
  EXPECT_NE(anna.peer("bert").ice_remote.find("198.51.100.77"), std::string::npos);
}

TEST_P(Resilience, ARevokedDeviceIsDroppedByAllAtOnce) {
  Device& carl = world.add_device("carl", left, {"192.168.1.4"});
  ASSERT_TRUE(world.start_all(5s));
  Flow to_anna(world.agenda, carl, anna, 1000, 10ms);
  Flow to_bert(world.agenda, carl, bert, 1000, 10ms);
  world.run_for(1s);

  EXPECT_EQ(world.revoke(anna, carl), 200);
  const Instant revoked = world.agenda.now();
  world.run_for(10s);
  // The hub is 20 ms away, and what was on its way may still arrive.
  for (Device* device : {&anna, &bert}) {
    EXPECT_EQ(device->peer("carl").id, "");
    ASSERT_FALSE(device->arrivals.empty());
    EXPECT_LE(device->arrivals.back().at, revoked + 50ms);
    EXPECT_TRUE(device->is_connected_to(device == &anna ? "bert" : "anna"));
  }
  EXPECT_EQ(carl.given_up, agent::StopReason::kRevoked);
  EXPECT_FALSE(carl.is_up());
  const int asked = world.hub.requests["/auth/refresh"];
  carl.start();  // its service manager knows no better
  world.run_for(1min);
  EXPECT_EQ(carl.given_up, agent::StopReason::kRevoked);
  EXPECT_EQ(world.hub.requests["/auth/refresh"], asked + 1);
}

}  // namespace
}  // namespace bamgate::sim
