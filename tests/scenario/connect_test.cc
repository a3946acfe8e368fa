// Two and more devices find each other through a real hub and carry packets, on the networks that people have.
#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "sim/replay.h"
#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

class Connect : public ::testing::TestWithParam<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, Connect, ::testing::ValuesIn(seeds(3)), seed_name);

void expect_pings_both_ways(World& world, Device& one, Device& other) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    EXPECT_TRUE(world.ping(one, other, family));
    EXPECT_TRUE(world.ping(other, one, family));
  }
  EXPECT_EQ(one.damaged + other.damaged, 0U);
}

TEST_P(Connect, TwoDevicesOnOneLanReachEachOtherByBothFamilies) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1");
  Device& anna = world.add_device("anna", lan, {"192.168.1.2"});
  Device& bert = world.add_device("bert", lan, {"192.168.1.3"});
  ASSERT_TRUE(world.start_all(1s));

  EXPECT_EQ(anna.peer("bert").ice_remote.substr(0, 16), "host 192.168.1.3");
  for (const Family family : {Family::kV4, Family::kV6}) {
    EXPECT_EQ(world.ping(anna, bert, family), 2ms);
    EXPECT_EQ(world.ping(bert, anna, family), 2ms);
  }
  // 1,280 bytes, the MTU of the tunnel: 20 or 40 of IP, 8 of ICMP, and these.
  EXPECT_EQ(world.ping(anna, bert, Family::kV4, 1s, 1252), 2ms);
  EXPECT_EQ(world.ping(anna, bert, Family::kV6, 1s, 1232), 2ms);
  EXPECT_EQ(world.network.counters().too_large, 0U);
  EXPECT_EQ(anna.damaged + bert.damaged, 0U);
}

TEST_P(Connect, TwoDevicesBehindTwoNatsPunchThrough) {
  World world(GetParam());
  Segment& left = world.network.add_lan("left", "198.51.100.1");
  Segment& right = world.network.add_lan("right", "198.51.100.2");
  Device& anna = world.add_device("anna", left, {"192.168.1.2"});
  Device& bert = world.add_device("bert", right, {"192.168.1.2"});  // the same private address
  ASSERT_TRUE(world.start_all(3s));

  EXPECT_NE(anna.peer("bert").ice_remote.find("rflx 198.51.100.2"), std::string::npos) << anna.peer("bert").ice_remote;
  EXPECT_NE(bert.peer("anna").ice_remote.find("rflx 198.51.100.1"), std::string::npos) << bert.peer("anna").ice_remote;
  expect_pings_both_ways(world, anna, bert);
}

TEST_P(Connect, ADeviceBehindASymmetricNatReachesOneBehindAnOpenNat) {
  World world(GetParam());
  Segment& left = world.network.add_lan(
      "left", "198.51.100.1",
      {.mapping = Mapping::kAddressAndPortDependent, .filtering = Filtering::kAddressAndPortDependent});
  Segment& right = world.network.add_lan(
      "right", "198.51.100.2", {.mapping = Mapping::kEndpointIndependent, .filtering = Filtering::kAddressDependent});
  Device& anna = world.add_device("anna", left, {"192.168.1.2"});
  Device& bert = world.add_device("bert", right, {"192.168.1.2"});
  ASSERT_TRUE(world.start_all(3s));
  EXPECT_EQ(bert.peer("anna").ice_remote.substr(0, 18), "prflx 198.51.100.1");
  expect_pings_both_ways(world, anna, bert);
}

TEST_P(Connect, ADeviceOnTheOpenInternetIsReachedFromBehindASymmetricNat) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1", {.mapping = Mapping::kAddressAndPortDependent});
  Device& anna = world.add_device("anna", world.network.internet(), {"203.0.113.9", "2001:db8::9"});
  Device& bert = world.add_device("bert", lan, {"192.168.1.2"});
  ASSERT_TRUE(world.start_all(3s));
  expect_pings_both_ways(world, anna, bert);
}

TEST_P(Connect, TwoDevicesThatShareOnlyIpv6UseItAndTheLargestPacketsFit) {
  World world(GetParam());
  Device& anna = world.add_device("anna", world.network.internet(), {"203.0.113.9", "2001:db8::9"});
  Device& bert = world.add_device("bert", world.network.internet(), {"2001:db8::10"});
  ASSERT_TRUE(world.start_all(3s));
  EXPECT_EQ(anna.peer("bert").ice_remote.substr(0, 19), "host [2001:db8::10]");
  EXPECT_TRUE(world.ping(anna, bert, Family::kV6, 1s, 1232));
  EXPECT_EQ(world.network.counters().too_large, 0U);
}

TEST_P(Connect, DevicesWithoutAnyPathTryOnPatiently) {
  World world(GetParam(), {.relay = false});
  const NatOptions symmetric{.mapping = Mapping::kAddressAndPortDependent};
  Device& anna = world.add_device("anna", world.network.add_lan("left", "198.51.100.1", symmetric), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_lan("right", "198.51.100.2", symmetric), {"192.168.2.2"});
  EXPECT_FALSE(world.start_all(1h));
  // An attempt takes 40 s, and the wait after it grows to 30 s.
  EXPECT_GE(anna.attempts(), 50);
  EXPECT_LE(anna.attempts(), 90);
  EXPECT_LE(bert.attempts(), 90);
  EXPECT_TRUE(anna.agent().status(world.agenda.now()).hub_connected);
}

TEST_P(Connect, APacketSentBeforeTheConnectionExistsArrivesWithinASecond) {
  World world(GetParam());
  Device& anna = world.add_device("anna", world.network.add_lan("left", "198.51.100.1"), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_lan("right", "198.51.100.2"), {"192.168.2.2"});
  anna.start();
  world.run_for(10s);
  bert.start();
  const auto knows = [](Device& device, const std::string& name) { return device.peer(name).id == name; };
  ASSERT_TRUE(world.run_until([&] { return knows(anna, "bert") && knows(bert, "anna"); }, 1s));
  ASSERT_FALSE(world.all_connected());
  const std::uint16_t there = anna.ping(bert.address());
  const std::uint16_t back = bert.ping(anna.address());
  EXPECT_TRUE(world.run_until([&] { return anna.pong_at(there) && bert.pong_at(back); }, 1s));
}

TEST_P(Connect, FiveDevicesMakeAMesh) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1");
  std::vector<Device*> devices{&world.add_device("anna", lan, {"192.168.1.2"}),
                               &world.add_device("bert", lan, {"192.168.1.3"}),
                               &world.add_device("carl", world.network.add_lan("far", "198.51.100.2"), {"192.168.1.2"}),
                               &world.add_device("dora", world.network.internet(), {"203.0.113.9"}),
                               &world.add_device("emil", world.network.add_lan("other", "198.51.100.3"), {"10.0.0.5"})};
  ASSERT_TRUE(world.start_all(3s));
  for (Device* from : devices) {
    for (Device* to : devices) {
      if (from == to) continue;
      EXPECT_TRUE(world.ping(*from, *to)) << from->host().name << " to " << to->host().name;
    }
  }
}

/// Twenty devices on four networks.
void add_twenty(World& world) {
  const std::array lans{&world.network.add_lan("lan", "198.51.100.1"), &world.network.add_lan("far", "198.51.100.2"),
                        &world.network.add_lan("cafe", "198.51.100.3"), &world.network.internet()};
  const std::array prefixes{"192.168.1.", "192.168.1.", "10.0.0.", "203.0.113."};
  for (std::size_t i = 0; i < 20; ++i) {
    world.add_device("device-" + std::to_string(i), *lans[i % 4], {prefixes[i % 4] + std::to_string(i + 10)});
  }
}

TEST(Mesh, OfTwentyDevicesComesUpThoughTheHubRestartsMeanwhile) {
  World world(first_seed());
  add_twenty(world);
  EXPECT_FALSE(world.start_all(400ms));
  world.hub.stop();
  world.run_for(300ms);
  world.hub.start();
  EXPECT_TRUE(world.start_all(10s));
}

TEST(Mesh, OfTwentyDevicesCarriesPacketsBetweenAllPairs) {
  World world(first_seed());
  add_twenty(world);
  ASSERT_TRUE(world.start_all(10s));
  // All at once: each device asks each other one.
  std::vector<std::pair<Device*, std::uint16_t>> asked;
  for (const auto& from : world.devices()) {
    for (const auto& to : world.devices()) {
      if (from != to) asked.emplace_back(from.get(), from->ping(to->address()));
    }
  }
  EXPECT_EQ(asked.size(), 380U);
  world.run_for(1s);
  for (const auto& [from, sequence] : asked) {
    EXPECT_TRUE(from->pong_at(sequence)) << from->registration().name << ", echo " << sequence;
  }
  for (const auto& device : world.devices()) {
    EXPECT_EQ(device->attempts(), 19) << device->registration().name << ": one attempt for each peer";
  }
}

TEST_P(Connect, RoutesLeadOnlyWhereTheReceiverAcceptsThem) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1");
  Device& anna = world.add_device("anna", lan, {"192.168.1.2"});
  Device& bert = world.add_device("bert", lan, {"192.168.1.3"});
  bert.registration().routes = {*IpPrefix::parse("192.168.50.0/24"), *IpPrefix::parse("0.0.0.0/0")};
  anna.registration().accepted_routes["bert"] = {*IpPrefix::parse("192.168.0.0/16")};
  ASSERT_TRUE(world.start_all(3s));
  EXPECT_EQ(anna.routes, std::vector{*IpPrefix::parse("192.168.50.0/24")});

  const auto send_to = [&](const char* address) {
    anna.send({.source = {anna.address(), 9}, .destination = {*IpAddress::parse(address), 9}, .payload = {}});
  };
  send_to("192.168.50.7");
  send_to("192.168.51.7");
  send_to("8.8.8.8");
  world.run_for(1s);
  ASSERT_EQ(bert.arrivals.size(), 1U);
  EXPECT_EQ(bert.arrivals.front().packet.destination.address.to_string(), "192.168.50.7");
}

TEST_P(Connect, WhichRoutesAreAcceptedMayChangeWhileTheTunnelStays) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1");
  Device& anna = world.add_device("anna", lan, {"192.168.1.2"});
  Device& bert = world.add_device("bert", lan, {"192.168.1.3"});
  bert.registration().routes = {*IpPrefix::parse("192.168.50.0/24")};
  ASSERT_TRUE(world.start_all(3s));
  EXPECT_TRUE(anna.routes.empty());
  const auto attempts = anna.attempts();

  const auto accept = [&](std::map<std::string, std::vector<IpPrefix>> accepted) {
    anna.agent().set_accepted_routes(world.agenda.now(), std::move(accepted));
    world.run_for(1s);
  };
  accept({{"bert", {*IpPrefix::parse("192.168.0.0/16")}}});
  EXPECT_EQ(anna.routes, std::vector{*IpPrefix::parse("192.168.50.0/24")});
  anna.send({.source = {anna.address(), 9}, .destination = {*IpAddress::parse("192.168.50.7"), 9}, .payload = {}});
  world.run_for(1s);
  EXPECT_EQ(bert.arrivals.size(), 1U);
  accept({});
  EXPECT_TRUE(anna.routes.empty());
  anna.send({.source = {anna.address(), 9}, .destination = {*IpAddress::parse("192.168.50.7"), 9}, .payload = {}});
  world.run_for(1s);
  EXPECT_EQ(bert.arrivals.size(), 1U);
  EXPECT_EQ(anna.attempts(), attempts);
}

}  // namespace
}  // namespace bamgate::sim
