// Two and more devices find each other through a real hub and carry packets, on the networks that people have.
#include <gtest/gtest.h>

#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

class Connect : public ::testing::TestWithParam<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, Connect, ::testing::Values(1, 2, 3));

TEST_P(Connect, TwoDevicesOnOneLanReachEachOtherByBothFamilies) {
  World world(GetParam());
  Segment& lan = world.network.add_lan("lan", "198.51.100.1");
  Device& anna = world.add_device("anna", lan, {"192.168.1.2"});
  Device& bert = world.add_device("bert", lan, {"192.168.1.3"});
  ASSERT_TRUE(world.start_all(5s));

  EXPECT_EQ(anna.peer("bert").ice_remote.substr(0, 16), "host 192.168.1.3");
  for (const Family family : {Family::kV4, Family::kV6}) {
    EXPECT_EQ(world.ping(anna, bert, family), 2ms);
    EXPECT_EQ(world.ping(bert, anna, family), 2ms);
  }
  // 1,280 bytes: the MTU of the tunnel, header and ICMP header included.
  EXPECT_EQ(world.ping(anna, bert, Family::kV4, 1s, 1252), 2ms);
  EXPECT_EQ(world.ping(anna, bert, Family::kV6, 1s, 1232), 2ms);
  EXPECT_EQ(world.network.counters().too_large, 0U);
  EXPECT_EQ(anna.damaged + bert.damaged, 0U);
}

}  // namespace
}  // namespace bamgate::sim
