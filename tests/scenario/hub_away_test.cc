// A hub that is away for an hour: what needs it ends, what does not stays, and when it is back everything is as before,
// without a storm. Tunnels that are direct are in resilience_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "sim/replay.h"
#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

struct RelayedPair {
  const char* name;
  Mapping mapping;
  Passes passes;
};

std::string pair_name(const ::testing::TestParamInfo<RelayedPair>& info) { return info.param.name; }

class HubAway : public ::testing::TestWithParam<RelayedPair> {};

INSTANTIATE_TEST_SUITE_P(Relayed, HubAway,
                         ::testing::Values(RelayedPair{"ByUdp", Mapping::kAddressAndPortDependent, Passes::kAll},
                                           RelayedPair{"ByWebSocket", Mapping::kEndpointIndependent, Passes::kTcp}),
                         pair_name);

bool all_know_the_hub(World& world) {
  return std::ranges::all_of(
      world.devices(), [&](const auto& device) { return device->agent().status(world.agenda.now()).hub_connected; });
}

// The hub is the only relay, so the tunnel ends with it. It must not wait for a patience that has grown over the hour.
TEST_P(HubAway, ARelayedTunnelIsBackAsSoonAsTheHubIs) {
  World world(first_seed());
  const LanOptions left{
      .external = "198.51.100.1", .nat = {.mapping = GetParam().mapping}, .passes = GetParam().passes};
  LanOptions right = left;
  right.external = "198.51.100.2";
  Device& anna = world.add_device("anna", world.network.add_network("left", left), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_network("right", right), {"192.168.2.2"});
  ASSERT_TRUE(world.start_all(5s));
  ASSERT_NE(anna.peer("bert").relay, "");
  world.hub.stop();
  world.run_for(1h);
  EXPECT_FALSE(world.all_connected());

  world.hub.start();
  // The longest wait between two attempts is 30 s.
  ASSERT_TRUE(world.run_until([&] { return all_know_the_hub(world); }, 35s));
  const Instant known = world.agenda.now();
  EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 5s));
  std::cout << GetParam().name << ": " << std::chrono::duration<double>(world.agenda.now() - known).count()
            << " s after both are connected to the hub\n";
  EXPECT_TRUE(world.ping(anna, bert));
  world.run_for(10min);
  EXPECT_TRUE(world.all_connected());
}

// Nobody has a tunnel, so that everybody wants all that the hub gives. No datagram passes and there is no relay: what
// is counted is what is asked of the hub.
TEST(HubIsBack, OfAHundredDevicesNoStormComes) {
  constexpr int kDevices = 100;
  World world(first_seed(), {.relay = false});
  world.network.fault = [](const Flight&) { return true; };
  for (int i = 0; i < kDevices; ++i) {
    world.add_device("device-" + std::to_string(i), world.network.internet(), {"203.0.113." + std::to_string(100 + i)});
  }
  world.hub.stop();
  for (const auto& device : world.devices()) device->start();
  world.run_for(1h);

  world.hub.requests.clear();
  world.hub.start();
  int busiest = 0;
  int before = 0;
  for (int second = 0; second < 60 && !all_know_the_hub(world); ++second) {
    world.run_for(1s);
    const int asked = world.hub.requests["/auth/refresh"] + world.hub.requests["/connect"];
    busiest = std::max(busiest, asked - std::exchange(before, asked));
  }
  std::cout << kDevices << " devices: " << world.hub.requests["/auth/refresh"] << " refreshes, "
            << world.hub.requests["/connect"] << " joins, at most " << busiest << " of them in one second\n";
  EXPECT_TRUE(all_know_the_hub(world));
  EXPECT_EQ(world.hub.requests["/auth/refresh"], kDevices) << "one for each";
  EXPECT_EQ(world.hub.requests["/connect"], kDevices) << "one for each";
  // Two requests of each, spread over the longest wait of 30 s: seven a second on average.
  EXPECT_LE(busiest, 30);
}

}  // namespace
}  // namespace bamgate::sim
