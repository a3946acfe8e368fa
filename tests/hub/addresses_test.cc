#include "hub/addresses.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/seeded_random.h"

namespace bamgate::hub {
namespace {

IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value_or(IpPrefix{}); }

TEST(HubAddresses, TheLowestFreeHostIsGivenFromOneOn) {
  const IpPrefix subnet = prefix("10.100.0.0/16");
  EXPECT_EQ(lowest_free_host(subnet, {}), 1U);
  EXPECT_EQ(lowest_free_host(subnet, std::vector<std::uint32_t>{1, 2, 4}), 3U);
  EXPECT_EQ(lowest_free_host(subnet, std::vector<std::uint32_t>{2, 3}), 1U);
}

TEST(HubAddresses, TheBroadcastAddressIsNeverGiven) {
  const IpPrefix subnet = prefix("192.168.7.0/30");
  EXPECT_EQ(lowest_free_host(subnet, std::vector<std::uint32_t>{1}), 2U);
  EXPECT_EQ(lowest_free_host(subnet, std::vector<std::uint32_t>{1, 2}), std::nullopt);
}

TEST(HubAddresses, BothAddressesHaveTheSameHostPart) {
  EXPECT_EQ(address_of(prefix("10.100.0.0/16"), 258).to_string(), "10.100.1.2/16");
  EXPECT_EQ(address6_of(prefix("fd12:3456:789a::/64"), 258).to_string(), "fd12:3456:789a::102/64");
}

TEST(HubAddresses, TheRandomPrefixIsLocalWithFortyRandomBits) {
  testing::SeededRandom random(3);
  const IpPrefix one = random_prefix6(random);
  const IpPrefix other = random_prefix6(random);
  EXPECT_TRUE(prefix("fd00::/8").contains(one.address));
  EXPECT_EQ(one.length, 64);
  EXPECT_EQ(one, one.network());
  EXPECT_EQ(one.address.bytes()[6], std::byte{0});
  EXPECT_EQ(one.address.bytes()[7], std::byte{0});
  EXPECT_NE(one, other);
}

TEST(HubAddresses, SubnetsThatOverlapTheRelayNetworkAreRefused) {
  for (const char* text : {"10.255.0.0/16", "10.255.3.0/24", "10.0.0.0/8", "10.254.0.0/15"}) {
    const auto checked = check_subnet(prefix(text));
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error(), Error::kReservedSubnet) << text;
  }
  EXPECT_TRUE(check_subnet(prefix("10.254.0.0/16")));
}

TEST(HubAddresses, SubnetsWithoutRoomOrOfAnotherKindAreRefused) {
  for (const char* text :
       {"10.1.0.0/31", "10.0.0.0/7", "fd00::/64", "127.0.0.0/8", "224.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8"}) {
    const auto checked = check_subnet(prefix(text));
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error(), Error::kBadSubnet) << text;
  }
  EXPECT_EQ(check_subnet(prefix("172.16.5.9/24")).value_or(IpPrefix{}).to_string(), "172.16.5.0/24");
}

}  // namespace
}  // namespace bamgate::hub
