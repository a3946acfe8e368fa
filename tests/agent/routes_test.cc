#include "agent/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bamgate::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }

const IpPrefix kNetwork = prefix("10.100.0.0/16");
const IpPrefix kNetwork6 = prefix("fd12:3456:789a::/64");

signaling::PeerInfo peer(std::string address, std::string address6, std::vector<std::string> routes = {}) {
  signaling::PeerInfo info;
  info.peer_id = "bert";
  info.address = std::move(address);
  info.address6 = std::move(address6);
  info.routes = std::move(routes);
  return info;
}

TEST(AllowedIps, AreThePeersOwnAddressesWithoutTheirNetwork) {
  EXPECT_THAT(allowed_ips(peer("10.100.0.2/16", "fd12:3456:789a::2/64"), kNetwork, kNetwork6, {}),
              ElementsAre(prefix("10.100.0.2/32"), prefix("fd12:3456:789a::2/128")));
}

// The Go original gave such a peer 0.0.0.0/0: everybody's traffic.
TEST(AllowedIps, AreNoneForAPeerWithoutAddress) {
  EXPECT_THAT(allowed_ips(peer("", ""), kNetwork, kNetwork6, {}), IsEmpty());
  EXPECT_THAT(allowed_ips(peer("nonsense", "/"), kNetwork, kNetwork6, {}), IsEmpty());
}

TEST(AllowedIps, LieInsideTheNetworkOrNowhere) {
  EXPECT_THAT(allowed_ips(peer("192.168.1.1/24", "2001:db8::1/64"), kNetwork, kNetwork6, {}), IsEmpty());
  EXPECT_THAT(allowed_ips(peer("0.0.0.0/0", "::/0"), kNetwork, kNetwork6, {}), IsEmpty());
}

TEST(AllowedIps, HoldNoIpv6WhereThisDeviceHasNone) {
  EXPECT_THAT(allowed_ips(peer("10.100.0.2/16", "fd12:3456:789a::2/64"), kNetwork, IpPrefix{}, {}),
              ElementsAre(prefix("10.100.0.2/32")));
}

TEST(AllowedIps, GrowByAcceptedRoutes) {
  EXPECT_THAT(
      allowed_ips(peer("10.100.0.2/16", "", {"192.168.1.0/24"}), kNetwork, kNetwork6, {prefix("192.168.0.0/16")}),
      ElementsAre(prefix("10.100.0.2/32"), prefix("192.168.1.0/24")));
}

TEST(AcceptedRoutes, AreNoneUnlessThisDeviceSaysSo) {
  EXPECT_THAT(accepted_routes(peer("", "", {"192.168.1.0/24", "0.0.0.0/0"}), {}), IsEmpty());
}

TEST(AcceptedRoutes, AreThoseInsideAnAcceptedOne) {
  const auto announced = peer("", "", {"192.168.1.0/24", "192.168.2.0/24", "192.168.1.128/25", "10.0.0.0/8"});
  EXPECT_THAT(accepted_routes(announced, {prefix("192.168.1.0/24")}),
              ElementsAre(prefix("192.168.1.0/24"), prefix("192.168.1.128/25")));
}

TEST(AcceptedRoutes, AreNeverWiderThanTheAcceptedOne) {
  EXPECT_THAT(accepted_routes(peer("", "", {"192.168.0.0/16", "0.0.0.0/0"}), {prefix("192.168.1.0/24")}), IsEmpty());
}

TEST(AcceptedRoutes, DoNotMixFamilies) {
  EXPECT_THAT(accepted_routes(peer("", "", {"::/0", "fd00::/8"}), {prefix("0.0.0.0/0")}), IsEmpty());
  EXPECT_THAT(accepted_routes(peer("", "", {"0.0.0.0/0"}), {prefix("::/0")}), IsEmpty());
}

TEST(AcceptedRoutes, LoseHostBitsDuplicatesAndWhatIsNoPrefix) {
  const auto announced = peer("", "", {"192.168.1.7/24", "192.168.1.0/24", "192.168.1.0/33", "x", ""});
  EXPECT_THAT(accepted_routes(announced, {prefix("192.168.1.0/24")}), ElementsAre(prefix("192.168.1.0/24")));
}

}  // namespace
}  // namespace bamgate::agent
