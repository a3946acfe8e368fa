#include "os/netlink.h"
#include "os/netlink_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <fstream>

#include "os/candidate_addresses.h"
#include "os/network_sandbox.h"
#include "os/tun.h"

namespace bamgate::os {
namespace {

using testing::in_empty_network;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }
IpPrefix prefix(const char* text) { return IpPrefix::parse(text).value(); }

/// A TUN stands in for any interface: up, with these addresses.
Tun make_interface(const char* name, std::initializer_list<const char*> addresses) {
  auto tun = Tun::create(name);
  if (!tun) {
    ADD_FAILURE() << tun.error().text;
    std::abort();
  }
  EXPECT_TRUE(set_mtu(name, 1280));
  EXPECT_TRUE(set_up(name));
  for (const char* text : addresses) {
    const auto added = add_address(name, prefix(text));
    EXPECT_TRUE(added) << added.error().text;
  }
  return std::move(*tun);
}

Interface interface_named(const char* name) {
  const auto all = interfaces_and_addresses().value();
  const auto found = std::ranges::find(all, name, &Interface::name);
  return found == all.end() ? Interface{} : *found;
}

std::vector<std::string> candidates(const char* own_tun) {
  std::vector<std::string> result;
  const auto found = local_candidate_addresses(own_tun).value();
  for (const LocalAddress& local : found) {
    result.push_back(local.address.to_string());
  }
  return result;
}

TEST(Netlink, ListsAnInterfaceWithItsAddressesMtuAndState) {
  in_empty_network([] {
    const Tun tun = make_interface("one", {"10.100.0.2/16", "fd12:3456::2/64"});
    const Interface one = interface_named("one");
    EXPECT_EQ(one.index, tun.index());
    EXPECT_EQ(one.mtu, 1280u);
    EXPECT_TRUE(one.up);
    EXPECT_TRUE(one.running);
    EXPECT_FALSE(one.loopback);
    ASSERT_EQ(one.addresses.size(), 2u);  // so there is no link-local address
    EXPECT_EQ(one.addresses[0].prefix, prefix("10.100.0.2/16"));
    EXPECT_EQ(one.addresses[1].prefix, prefix("fd12:3456::2/64"));
    EXPECT_FALSE(one.addresses[1].tentative);
    EXPECT_TRUE(interface_named("lo").loopback);
    EXPECT_FALSE(interface_named("lo").up);
  });
}

TEST(Netlink, AnAddressThatIsThereAlreadyIsRefused) {
  in_empty_network([] {
    const Tun tun = make_interface("one", {"10.100.0.2/16"});
    EXPECT_EQ(add_address("one", prefix("10.100.0.2/16")).error().code, Error::kExists);
  });
}

std::vector<IpPrefix> sorted_routes(const Tun& tun) {
  std::vector<IpPrefix> destinations;
  const auto routes = routes_through(tun.index()).value();
  for (const Route& route : routes) destinations.push_back(route.destination);
  std::ranges::sort(destinations);
  return destinations;
}

TEST(Netlink, ListsTheRoutesThroughOneInterfaceAndNoOther) {
  in_empty_network([] {
    const Tun one = make_interface("one", {"10.100.0.2/16", "fd12:3456::2/64"});
    const Tun two = make_interface("two", {"10.200.0.2/16"});
    ASSERT_TRUE(add_route("one", prefix("192.168.7.0/24"), address("10.100.0.2")));
    ASSERT_TRUE(add_route("one", prefix("0.0.0.0/0")));
    EXPECT_THAT(routes_through(one.index()).value(),
                ::testing::IsSupersetOf(
                    {Route{prefix("192.168.7.0/24"), address("10.100.0.2")}, Route{prefix("0.0.0.0/0"), IpAddress()}}));
    EXPECT_EQ(sorted_routes(one), (std::vector{prefix("0.0.0.0/0"), prefix("10.100.0.0/16"), prefix("192.168.7.0/24"),
                                               prefix("fd12:3456::/64")}));
    EXPECT_EQ(sorted_routes(two), std::vector{prefix("10.200.0.0/16")});
  });
}

TEST(Netlink, RoutesOfOneInterfaceAreAskedForAlone) {
  in_empty_network([] {
    const Tun one = make_interface("one", {"10.100.0.2/16"});
    const Tun two = make_interface("two", {"10.200.0.2/16"});
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(add_route("two", prefix(("172.16." + std::to_string(i) + ".0/24").c_str())));
    }
    EXPECT_EQ(sorted_routes(one), std::vector{prefix("10.100.0.0/16")});
    EXPECT_EQ(sorted_routes(two).size(), 101U);
    NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
    request.header<rtmsg>().rtm_family = AF_UNSPEC;
    request.put_u32(RTA_OIF, one.index());
    request.ask_for_these_alone();
    int answers = 0;
    ASSERT_TRUE(request.run("", [&](const nlmsghdr&) { ++answers; }));
    EXPECT_LT(answers, 50) << "as many as lead elsewhere";
    EXPECT_GT(answers, 0);
  });
}

TEST(Netlink, NothingLeadsThroughAnInterfaceThatIsGone) {
  in_empty_network([] { EXPECT_EQ(routes_through(4711).value(), std::vector<Route>()); });
}

TEST(Netlink, ARouteToTheNetworkThatWasTakenIsAddedAgainAsTheKernelDoesIt) {
  in_empty_network([] {
    const Tun one = make_interface("one", {"10.100.0.2/16", "fd12:3456::2/64"});
    const auto before = sorted_routes(one);
    for (const char* text : {"10.100.0.2/16", "fd12:3456::2/64"}) {
      EXPECT_EQ(add_network_route("one", prefix(text)).error().code, Error::kExists) << text;
      ASSERT_TRUE(delete_route("one", prefix(text))) << text;
      ASSERT_TRUE(add_network_route("one", prefix(text))) << text;
    }
    EXPECT_EQ(sorted_routes(one), before);
    EXPECT_EQ(route_to(address("10.100.7.7"))->preferred_source, address("10.100.0.2"));
  });
}

TEST(Netlink, IPv6ThatIsSwitchedOffIsNoMatterOfRights) {
  in_empty_network([] {
    const Tun one = make_interface("one", {"10.100.0.2/16"});
    EXPECT_TRUE(interface_named("one").ipv6);
    std::ofstream("/proc/sys/net/ipv6/conf/one/disable_ipv6") << 1;
    EXPECT_FALSE(interface_named("one").ipv6);
    for (const auto& refused :
         {add_address("one", prefix("fd12:3456::2/64")), add_route("one", prefix("2001:db8::/32"))}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Error::kUnsupported);
      EXPECT_NE(refused.error().text.find("disable_ipv6"), std::string::npos) << refused.error().text;
      EXPECT_EQ(refused.error().text.find("root"), std::string::npos) << refused.error().text;
    }
  });
}

TEST(Netlink, ATunWithASmallMtuHasNoIPv6) {
  in_empty_network([] {
    const Tun one = make_interface("one", {"10.100.0.2/16"});
    ASSERT_TRUE(set_mtu("one", 1200));
    EXPECT_FALSE(interface_named("one").ipv6);
    ASSERT_TRUE(set_down("one"));
    EXPECT_FALSE(interface_named("one").up);
    ASSERT_TRUE(set_mtu("one", 1280));
    ASSERT_TRUE(set_up("one"));
    EXPECT_TRUE(interface_named("one").ipv6);
    ASSERT_EQ(interface_named("one").addresses.size(), 1U) << "there is a link-local address";
  });
}

TEST(Netlink, ErrorsNameTheInterfaceAndTheReason) {
  in_empty_network([] {
    const auto result = add_address("nowhere", prefix("10.100.0.2/16"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Error::kNotFound);
    EXPECT_NE(result.error().text.find("nowhere"), std::string::npos);
    EXPECT_NE(result.error().text.find("10.100.0.2/16"), std::string::npos);
    EXPECT_EQ(set_mtu("nowhere", 1280).error().code, Error::kNotFound);
    EXPECT_EQ(set_mtu("lo", 0).error().code, Error::kInvalid);
    EXPECT_EQ(set_up("nowhere").error().code, Error::kNotFound);
    EXPECT_EQ(add_route("nowhere", prefix("10.0.0.0/8")).error().code, Error::kNotFound);
  });
}

TEST(Netlink, AddsAndDeletesARouteWithItsPreferredSource) {
  in_empty_network([] {
    const Tun tun = make_interface("one", {"10.100.0.2/16", "10.100.0.3/16", "fd12:3456::2/64"});
    EXPECT_EQ(route_to(address("192.168.7.7")).error().code, Error::kUnreachable);
    ASSERT_TRUE(add_route("one", prefix("192.168.7.1/24"), address("10.100.0.3")));
    EXPECT_EQ(add_route("one", prefix("192.168.7.0/24")).error().code, Error::kExists);
    const RouteAnswer answer = route_to(address("192.168.7.7")).value();
    EXPECT_EQ(answer.interface, "one");
    EXPECT_EQ(answer.preferred_source, address("10.100.0.3"));
    EXPECT_EQ(answer.gateway, std::nullopt);
    ASSERT_TRUE(delete_route("one", prefix("192.168.7.0/24")));
    EXPECT_EQ(route_to(address("192.168.7.7")).error().code, Error::kUnreachable);
    EXPECT_EQ(delete_route("one", prefix("192.168.7.0/24")).error().code, Error::kNotFound);
  });
}

TEST(Netlink, RoutesIpv6TheSameWay) {
  in_empty_network([] {
    const Tun tun = make_interface("one", {"fd12:3456::2/64"});
    EXPECT_EQ(route_to(address("2001:db8::7")).error().code, Error::kUnreachable);
    ASSERT_TRUE(add_route("one", prefix("2001:db8::/32"), address("fd12:3456::2")));
    const RouteAnswer answer = route_to(address("2001:db8::7")).value();
    EXPECT_EQ(answer.interface, "one");
    EXPECT_EQ(answer.preferred_source, address("fd12:3456::2"));
    ASSERT_TRUE(delete_route("one", prefix("2001:db8::/32")));
    EXPECT_FALSE(route_to(address("2001:db8::7")));
  });
}

TEST(Netlink, APreferredSourceThatIsNotOursIsRefused) {
  in_empty_network([] {
    const Tun tun = make_interface("one", {"10.100.0.2/16"});
    EXPECT_EQ(add_route("one", prefix("192.168.7.0/24"), address("10.9.9.9")).error().code, Error::kInvalid);
  });
}

TEST(Netlink, ListsMoreInterfacesThanOneReadHolds) {
  in_empty_network([] {
    std::vector<Tun> tuns;
    for (int i = 0; i < 40; ++i) tuns.push_back(Tun::create("many" + std::to_string(i)).value());
    EXPECT_GE(interfaces_and_addresses()->size(), 41u);
    EXPECT_EQ(interface_named("many39").index, tuns.back().index());
  });
}

TEST(CandidateAddresses, LeaveOutTheTunAndLoopbackAndInterfacesThatAreDown) {
  in_empty_network([] {
    const Tun lan = make_interface("lan", {"192.168.1.2/24", "2001:db8:1::2/64"});
    const Tun own = make_interface("own", {"10.100.0.2/16", "fd12:3456::2/64"});
    const Tun down = Tun::create("down").value();
    ASSERT_TRUE(add_address("down", prefix("192.168.9.2/24")));
    ASSERT_TRUE(set_up("lo"));
    EXPECT_EQ(candidates("own"), (std::vector<std::string>{"192.168.1.2", "2001:db8:1::2"}));
  });
}

TEST(CandidateAddresses, LeaveOutLinkLocalAddresses) {
  in_empty_network([] {
    const Tun lan = make_interface("lan", {"169.254.3.4/16", "fe80::5/64", "192.168.1.2/24"});
    EXPECT_EQ(candidates("own"), std::vector<std::string>{"192.168.1.2"});
  });
}

TEST(CandidateAddresses, LeaveOutANetworkThatIsRoutedIntoTheTun) {
  in_empty_network([] {
    const Tun lan = make_interface("lan", {"192.168.1.2/24"});
    const Tun other = make_interface("other", {"192.168.2.2/24"});
    const Tun own = make_interface("own", {"10.100.0.2/16"});
    ASSERT_TRUE(add_route("own", prefix("192.168.2.0/25")));
    EXPECT_EQ(candidates("own"), std::vector<std::string>{"192.168.1.2"});
  });
}

TEST(CandidateAddresses, AHostAddressWithoutNeighboursStays) {
  in_empty_network([] {
    const Tun lan = make_interface("lan", {"192.0.2.7/32", "2001:db8::7/128"});
    EXPECT_EQ(candidates("own"), (std::vector<std::string>{"192.0.2.7", "2001:db8::7"}));
  });
}

TEST(CandidateAddresses, ARemoteAddressBehindTheTunIsTold) {
  in_empty_network([] {
    const Tun lan = make_interface("lan", {"192.168.1.2/24"});
    const Tun own = make_interface("own", {"10.100.0.2/16"});
    EXPECT_TRUE(routes_into(address("10.100.0.9"), "own"));
    EXPECT_FALSE(routes_into(address("192.168.1.9"), "own"));
    EXPECT_FALSE(routes_into(address("198.51.100.1"), "own"));  // no route at all
  });
}

}  // namespace
}  // namespace bamgate::os
