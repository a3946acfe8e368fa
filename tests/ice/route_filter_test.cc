// Which addresses lead into the tunnel.
#include "ice/route_filter.h"

#include <gtest/gtest.h>

namespace bamgate::ice {
namespace {

std::vector<IpPrefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<IpPrefix> result;
  for (const char* text : texts) result.push_back(*IpPrefix::parse(text));
  return result;
}

bool through_tunnel(const RouteFilter& filter, const char* address) {
  return filter.through_tunnel(*IpAddress::parse(address));
}

TEST(IceRouteFilter, AnEmptyFilterCallsEveryAddressDirect) {
  EXPECT_FALSE(through_tunnel({}, "10.100.0.1"));
  EXPECT_FALSE(through_tunnel({}, "fd12::1"));
}

TEST(IceRouteFilter, TheTunnelsPrefixesAreInsideAndOthersOutside) {
  const RouteFilter filter(prefixes({"10.100.0.0/16", "fd12::/64", "192.168.1.0/24"}));
  EXPECT_TRUE(through_tunnel(filter, "10.100.255.255"));
  EXPECT_FALSE(through_tunnel(filter, "10.101.0.0"));
  EXPECT_TRUE(through_tunnel(filter, "fd12::ffff"));
  EXPECT_FALSE(through_tunnel(filter, "fd12:0:0:1::1"));
  EXPECT_TRUE(through_tunnel(filter, "192.168.1.5")) << "behind a peer, and this host is elsewhere";
}

TEST(IceRouteFilter, ALanInsideARoutedNetworkIsDirectForAHostThatIsThere) {
  const RouteFilter at_home(prefixes({"192.168.1.0/24"}), prefixes({"192.168.1.7/24"}));
  EXPECT_FALSE(through_tunnel(at_home, "192.168.1.5"));
  EXPECT_FALSE(through_tunnel(at_home, "192.168.1.7"));
}

TEST(IceRouteFilter, TheLongestPrefixDecidesInBothDirections) {
  const RouteFilter narrow_lan(prefixes({"10.0.0.0/8"}), prefixes({"10.1.2.0/24"}));
  EXPECT_FALSE(through_tunnel(narrow_lan, "10.1.2.3"));
  EXPECT_TRUE(through_tunnel(narrow_lan, "10.1.3.3"));
  const RouteFilter narrow_tunnel(prefixes({"10.1.2.0/24"}), prefixes({"10.0.0.5/8"}));
  EXPECT_TRUE(through_tunnel(narrow_tunnel, "10.1.2.3"));
  EXPECT_FALSE(through_tunnel(narrow_tunnel, "10.1.3.3"));
}

TEST(IceRouteFilter, TheTunnelInterfacesOwnAddressIsInsideEvenWhereTheLanHasTheSamePrefix) {
  const RouteFilter filter(prefixes({"10.100.0.2/16", "fd12::2/64"}), prefixes({"10.100.7.7/16"}));
  EXPECT_TRUE(through_tunnel(filter, "10.100.0.2"));
  EXPECT_FALSE(through_tunnel(filter, "10.100.0.3"));
  EXPECT_TRUE(through_tunnel(filter, "fd12::2"));
  EXPECT_TRUE(through_tunnel(filter, "fd12::3"));
}

TEST(IceRouteFilter, AnExitNodesDefaultRouteExcludesNothing) {
  const RouteFilter filter(prefixes({"0.0.0.0/0", "::/0", "10.100.0.0/16"}));
  EXPECT_FALSE(through_tunnel(filter, "203.0.113.5"));
  EXPECT_FALSE(through_tunnel(filter, "2001:db8::1"));
  EXPECT_TRUE(through_tunnel(filter, "10.100.0.1"));
}

TEST(IceRouteFilter, FamiliesDoNotMix) {
  const RouteFilter filter(prefixes({"::/1", "128.0.0.0/1"}));
  EXPECT_FALSE(through_tunnel(filter, "10.0.0.1"));
  EXPECT_TRUE(through_tunnel(filter, "203.0.113.5"));
  EXPECT_TRUE(through_tunnel(filter, "2001:db8::1"));
}

}  // namespace
}  // namespace bamgate::ice
