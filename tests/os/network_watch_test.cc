// That changes of this machine's network are noticed, and that what is no change is not taken for one.
#include <gtest/gtest.h>

#include <utility>

#include "os/netlink.h"
#include "os/network_events.h"
#include "os/network_sandbox.h"
#include "os/network_view.h"
#include "os/tun.h"

namespace bamgate::os {
namespace {

using testing::in_empty_network;

IpPrefix prefix_of(const char* text) { return IpPrefix::parse(text).value(); }

Tun make_interface(const char* name) {
  Tun tun = Tun::create(name).value();
  EXPECT_TRUE(set_mtu(name, 1280));
  EXPECT_TRUE(set_up(name));
  return tun;
}

TEST(NetworkEvents, TellOfAddressesAndRoutesThatComeAndGo) {
  in_empty_network([] {
    const Tun tun = make_interface("one");
    auto events = NetworkEvents::open();
    ASSERT_TRUE(events) << events.error().text;
    (void)events->drain(0);  // what bringing it up has left
    EXPECT_FALSE(events->drain(0).others) << "nothing has changed";
    ASSERT_TRUE(add_address("one", prefix_of("192.168.7.2/24")));
    EXPECT_TRUE(events->drain(0).others);
    EXPECT_FALSE(events->drain(0).others) << "all has been read";
    ASSERT_TRUE(add_route("one", prefix_of("10.0.0.0/8")));
    EXPECT_TRUE(events->drain(0).others);
    ASSERT_TRUE(delete_route("one", prefix_of("10.0.0.0/8")));
    EXPECT_TRUE(events->drain(0).others);
  });
}

TEST(NetworkEvents, TellOfAnInterfaceThatGoes) {
  in_empty_network([] {
    auto tun = std::make_unique<Tun>(make_interface("one"));
    auto events = NetworkEvents::open().value();
    (void)events.drain(0);
    tun.reset();
    EXPECT_TRUE(events.drain(0).others);
  });
}

TEST(NetworkEvents, TellOurOwnTunFromTheOthers) {
  in_empty_network([] {
    auto events = NetworkEvents::open().value();
    const Tun own = make_interface("own");
    ASSERT_TRUE(add_address("own", prefix_of("10.100.0.2/16")));
    ASSERT_TRUE(add_route("own", prefix_of("192.168.1.0/24")));
    const auto ours = events.drain(own.index());
    EXPECT_TRUE(ours.own);
    EXPECT_FALSE(ours.others);
    const Tun other = make_interface("other");
    ASSERT_TRUE(add_address("other", prefix_of("192.168.7.2/24")));
    const auto theirs = events.drain(own.index());
    EXPECT_TRUE(theirs.others);
    EXPECT_FALSE(theirs.own);
  });
}

TEST(NetworkEvents, TakeAFloodThatTheKernelCutsShortForAChange) {
  in_empty_network([] {
    const Tun own = make_interface("own");
    auto events = NetworkEvents::open().value();
    (void)events.drain(0);
    // More notifications than the socket's buffer holds, all of our own TUN.
    for (int i = 0; i < 2000; ++i) {
      ASSERT_TRUE(add_route("own", prefix_of("10.0.0.0/8")));
      ASSERT_TRUE(delete_route("own", prefix_of("10.0.0.0/8")));
    }
    EXPECT_TRUE(events.drain(own.index()).others) << "what was lost may have been about others";
    EXPECT_FALSE(events.drain(own.index()).others);
  });
}

TEST(NetworkView, ShowsAddressesWithTheLengthsOfTheirNetworks) {
  in_empty_network([] {
    const Tun tun = make_interface("one");
    ASSERT_TRUE(add_address("one", prefix_of("192.168.7.2/24")));
    ASSERT_TRUE(add_address("one", prefix_of("2001:db8:7::2/64")));
    const auto view = network_view("own");
    ASSERT_TRUE(view);
    EXPECT_EQ(view->prefixes(), (std::vector{prefix_of("192.168.7.2/24"), prefix_of("2001:db8:7::2/64")}));
    EXPECT_FALSE(view->v4);
    EXPECT_FALSE(view->v6);
    EXPECT_TRUE(network_view("one")->prefixes().empty()) << "it is our own TUN";
  });
}

TEST(NetworkView, LeavesOutWhatAPersonExcludes) {
  in_empty_network([] {
    const Tun docker = make_interface("docker0");
    const Tun lan = make_interface("lan");
    ASSERT_TRUE(add_address("docker0", prefix_of("172.17.0.1/16")));
    ASSERT_TRUE(add_address("lan", prefix_of("192.168.7.2/24")));
    ASSERT_TRUE(add_route("docker0", prefix_of("0.0.0.0/0")));
    EXPECT_EQ(network_view("own")->prefixes().size(), 2U);
    EXPECT_TRUE(network_view("own")->excluded.empty());
    const std::vector<std::string> excluded = {"docker*"};
    const auto view = network_view("own", std::nullopt, excluded).value();
    EXPECT_EQ(view.prefixes(), std::vector{prefix_of("192.168.7.2/24")});
    EXPECT_FALSE(view.v4) << "a default route there is none";
    EXPECT_EQ(view.excluded, std::vector<std::string>{"docker0"});
    ASSERT_TRUE(add_address("docker0", prefix_of("172.18.0.1/16")));
    EXPECT_EQ(network_view("own", std::nullopt, excluded).value(), view) << "what is excluded changes nothing";
  });
}

TEST(NetworkView, PutsTheUplinksAddressesFirstAndThoseOfTunnelsLast) {
  const auto on = [](const char* prefix, const char* interface, bool tunnel = false) {
    const IpPrefix parsed = prefix_of(prefix);
    return LocalAddress{parsed.address, parsed.length, interface, tunnel};
  };
  NetworkView view;
  for (int i = 0; i < 40; ++i) {
    view.addresses.push_back(on(("172.17." + std::to_string(i) + ".1/24").c_str(), "docker"));
  }
  view.addresses.push_back(on("100.64.1.1/32", "tailscale0", true));
  view.addresses.push_back(on("192.168.1.7/24", "wlan0"));
  view.addresses.push_back(on("2001:db8::7/64", "wlan0"));
  view.v4 = {"wlan0", IpAddress::v4(192, 168, 1, 1)};
  view.v6 = {"wlan0", {}};
  view.order();
  const auto order = view.prefixes();
  EXPECT_EQ(order[0], prefix_of("192.168.1.7/24"));
  EXPECT_EQ(order[1], prefix_of("2001:db8::7/64"));
  EXPECT_EQ(order.back(), prefix_of("100.64.1.1/32"));

  view.v4 = {"tailscale0", {}};  // that VPN takes everything
  view.order();
  EXPECT_EQ(view.prefixes().back(), prefix_of("100.64.1.1/32"));
}

TEST(NetworkView, IsAnotherOneWithAnotherAddressOrDefaultRoute) {
  in_empty_network([] {
    const Tun tun = make_interface("one");
    ASSERT_TRUE(add_address("one", prefix_of("192.168.7.2/24")));
    const auto before = network_view("own").value();
    EXPECT_EQ(network_view("own").value(), before);
    ASSERT_TRUE(add_route("one", prefix_of("172.16.0.0/12")));
    EXPECT_EQ(network_view("own").value(), before) << "a route to some network is nothing to us";
    ASSERT_TRUE(add_route("one", prefix_of("0.0.0.0/0")));
    const auto online = network_view("own").value();
    EXPECT_NE(online, before);
    EXPECT_EQ(online.v4, (DefaultRoute{"one", IpAddress()}));
    ASSERT_TRUE(add_address("one", prefix_of("192.168.8.2/24")));
    EXPECT_NE(network_view("own").value(), online);
  });
}

}  // namespace
}  // namespace bamgate::os
