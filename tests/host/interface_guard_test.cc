// What is missing of an interface, and how often it is put back.
#include "host/interface_guard.h"

#include <gtest/gtest.h>

#include "core/time.h"

namespace bamgate::host {
namespace {

using namespace std::chrono_literals;
using Action = InterfaceGuard::Action;

IpPrefix prefix(const char* text) { return IpPrefix::parse(text).value(); }

const WantedInterface kWanted = {
    .mtu = 1280, .addresses = {prefix("10.100.0.2/16"), prefix("fd12::2/64")}, .routes = {prefix("192.168.7.0/24")}};
os::Route route(const char* destination, const char* source = nullptr) {
  return {prefix(destination), source == nullptr ? IpAddress() : IpAddress::parse(source).value()};
}

const std::vector<os::Route> kRoutes = {route("10.100.0.0/16", "10.100.0.2"), route("fd12::/64"),
                                        route("192.168.7.0/24", "10.100.0.2")};

os::Interface whole() {
  os::Interface interface{.index = 3, .name = "bamgate0", .mtu = 1280, .up = true, .ipv6 = true, .addresses = {}};
  for (const IpPrefix& address : kWanted.addresses) interface.addresses.push_back({.prefix = address});
  return interface;
}

TEST(InterfaceGuard, NothingIsMissingOfAnInterfaceThatIsAsItShouldBe) {
  EXPECT_FALSE(missing(kWanted, whole(), kRoutes).any());
}

TEST(InterfaceGuard, WhatOthersHaveAddedIsNotSeen) {
  os::Interface interface = whole();
  interface.addresses.push_back({.prefix = prefix("10.9.9.9/32")});
  std::vector<os::Route> routes = kRoutes;
  routes.push_back(route("172.16.0.0/12"));
  EXPECT_FALSE(missing(kWanted, interface, routes).any());
}

TEST(InterfaceGuard, TellsWhatDownAndUpTakes) {
  os::Interface interface = whole();
  interface.up = false;
  interface.addresses.pop_back();
  const Missing found = missing(kWanted, interface, {});
  EXPECT_TRUE(found.up);
  EXPECT_EQ(found.addresses, std::vector{prefix("fd12::2/64")});
  EXPECT_TRUE(found.networks.empty()) << "they come back with the link";
  EXPECT_EQ(found.routes, std::vector{prefix("192.168.7.0/24")});
  EXPECT_EQ(found.to_string(),
            "it was switched off, its address fd12::2/64 was gone and its route 192.168.7.0/24 was gone");
}

TEST(InterfaceGuard, TellsAFlushARouteAndAnMtu) {
  os::Interface interface = whole();
  interface.addresses.clear();
  EXPECT_EQ(missing(kWanted, interface, kRoutes).to_string(), "its addresses 10.100.0.2/16, fd12::2/64 were gone");
  EXPECT_EQ(missing(kWanted, whole(), {kRoutes[1], kRoutes[2]}).networks, std::vector{prefix("10.100.0.2/16")});
  interface = whole();
  interface.mtu = 1500;
  EXPECT_EQ(missing(kWanted, interface, kRoutes).to_string(), "its MTU was 1500");
}

TEST(InterfaceGuard, ARouteThatHasLostItsSourceIsMissing) {
  const std::vector<os::Route> routes = {kRoutes[0], kRoutes[1], route("192.168.7.0/24")};
  EXPECT_EQ(missing(kWanted, whole(), routes).routes, kWanted.routes);
  // Without an address of its family a route has none.
  WantedInterface wanted = kWanted;
  wanted.addresses.pop_back();
  wanted.routes = {prefix("2001:db8::/32")};
  EXPECT_FALSE(missing(wanted, whole(), {kRoutes[0], route("2001:db8::/32")}).any());
}

TEST(InterfaceGuard, ADeletedInterfaceIsOneThing) {
  const Missing found = missing(kWanted, std::nullopt, {});
  EXPECT_EQ(found.to_string(), "it was deleted");
  EXPECT_TRUE(found.addresses.empty());
}

TEST(InterfaceGuard, IPv6ThatIsSwitchedOffIsNotMissed) {
  os::Interface interface = whole();
  interface.ipv6 = false;
  interface.addresses.pop_back();
  EXPECT_FALSE(missing(kWanted, interface, {kRoutes[0], kRoutes[2]}).any());
}

TEST(InterfaceGuard, AnAddressOfOneHostHasNoRouteToItsNetwork) {
  const WantedInterface wanted = {.mtu = 1280, .addresses = {prefix("10.100.0.2/32")}, .routes = {}};
  os::Interface interface = whole();
  interface.addresses = {{.prefix = prefix("10.100.0.2/32")}};
  EXPECT_FALSE(missing(wanted, interface, {}).any());
}

class Guarded : public ::testing::Test {
 protected:
  Action decide(bool wrong) {
    Missing found;
    found.up = wrong;
    return guard.decide(now, found);
  }
  Instant now{};
  InterfaceGuard guard;
};

TEST_F(Guarded, RepairsThreeTimesAMinuteThenComplainsOnceAndWaits) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(decide(true), Action::kRepair);
    now += 1s;
    EXPECT_EQ(decide(false), Action::kNone);
  }
  EXPECT_FALSE(guard.in_trouble());
  EXPECT_EQ(guard.next_look(), kNever);
  EXPECT_EQ(decide(true), Action::kComplain);
  EXPECT_TRUE(guard.in_trouble());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(decide(true), Action::kWait);
  EXPECT_EQ(guard.next_look(), Instant{} + 60s) << "a minute after the first repair";
  now = guard.next_look();
  EXPECT_EQ(decide(true), Action::kRepair);
  now += 100ms;
  EXPECT_EQ(decide(true), Action::kWait) << "it has been said";
}

TEST_F(Guarded, TheTroubleIsOverWhenAllWasRightForAMinute) {
  for (int i = 0; i < 4; ++i) decide(true);
  ASSERT_TRUE(guard.in_trouble());
  now += 59s;
  EXPECT_EQ(decide(false), Action::kNone);
  EXPECT_TRUE(guard.in_trouble());
  now = guard.next_look();
  EXPECT_EQ(decide(false), Action::kNone);
  EXPECT_FALSE(guard.in_trouble());
  EXPECT_EQ(guard.next_look(), kNever);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(decide(true), Action::kRepair);
  EXPECT_EQ(decide(true), Action::kComplain) << "a new time of trouble is said again";
}

TEST_F(Guarded, ThreeRepairsInEachMinuteAreNoTrouble) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(decide(true), Action::kRepair);
    now += 20s;
  }
  EXPECT_FALSE(guard.in_trouble());
}

}  // namespace
}  // namespace bamgate::host
