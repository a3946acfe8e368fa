// Two agents on bad networks, and on networks with two address families: every run is repeated from its seed.
#include <gtest/gtest.h>

#include "homes.h"

namespace bamgate::ice {
namespace {

using namespace std::chrono_literals;
/// Loss, copies and overtaking in both directions.
void spoil(Network& net) {
  net.loss_percent = 20;
  net.duplicate_percent = 20;
  net.jitter = 150ms;
}

TEST(IceAgent, NatsArePassedUnderLossCopiesAndReordering) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    auto home = two_usual_nats(seed);
    spoil(home.net);
    home.net.signal();
    ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 20s)) << "seed " << seed;
    home.net.run_for(20s);
    EXPECT_TRUE(home.net.connected()) << "seed " << seed;
    EXPECT_EQ(home.a.selections.size(), 1U) << "seed " << seed;
  }
}

TEST(IceAgent, BothEndsAgreeUnderLossCopiesReorderingAndRoleConflict) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Network net(seed);
    const Role role = seed % 2 == 0 ? Role::kControlling : Role::kControlled;
    Peer& a = net.add_peer("a", options(role));
    Peer& b = net.add_peer("b", options(seed % 3 == 0 ? opposite(role) : role));
    for (int i = 0; i < 3; ++i) {
      net.add_socket(a, "198.51.100." + std::to_string(10 + i) + ":1000");
      net.add_socket(b, "198.51.100." + std::to_string(20 + i) + ":1000");
    }
    spoil(net);
    net.signal();
    ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 20s)) << "seed " << seed;
    net.run_for(10s);
    EXPECT_NE(a.agent->role(), b.agent->role()) << "seed " << seed;
    const Path at_a = *a.agent->selected_path();
    const Path at_b = *b.agent->selected_path();
    EXPECT_EQ(at_a.remote, b.sockets.at(at_b.local)) << "seed " << seed;
    EXPECT_EQ(at_b.remote, a.sockets.at(at_a.local)) << "seed " << seed;
  }
}

// --- Two families

struct DualStack {
  explicit DualStack(std::uint64_t seed = 1)
      : net(seed), a(net.add_peer("a", options(Role::kControlling))), b(net.add_peer("b", options(Role::kControlled))) {
    // IPv4 first, as interface lists often have it.
    for (Peer* peer : {&a, &b}) {
      const std::string number = peer == &a ? "1" : "2";
      net.add_socket(*peer, "198.51.100." + number + ":1000");
      net.add_socket(*peer, "[2001:db8:" + number + "::1]:1000");
    }
  }
  static bool is_v6(const Peer& peer) { return peer.agent->selected_path()->remote.address.is_v6(); }
  Network net;
  Peer& a;
  Peer& b;
};

TEST(IceDualStack, Ipv6WinsWhenBothFamiliesWork) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    DualStack home(seed);
    home.net.jitter = 80ms;  // the IPv4 check is often answered first
    home.net.signal();
    ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 2s)) << "seed " << seed;
    home.net.run_for(1s);
    EXPECT_TRUE(DualStack::is_v6(home.a)) << "seed " << seed;
    EXPECT_TRUE(DualStack::is_v6(home.b)) << "seed " << seed;
  }
}

TEST(IceDualStack, ABrokenIpv6PathCostsOnlyAMoment) {
  DualStack home;
  home.net.blackhole = [](const Peer&, const Path& path) { return path.remote.address.is_v6(); };
  const Instant start = home.net.now;
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 2s));
  EXPECT_LT(home.net.now - start, 500ms);
  EXPECT_FALSE(DualStack::is_v6(home.a));
}

TEST(IceDualStack, APeerWithoutIpv6IsNotWaitedFor) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(a, "[2001:db8:1::1]:1000");
  net.add_socket(b, "198.51.100.2:1000");
  a.agent->set_local_addresses_complete(net.now);
  b.agent->set_local_addresses_complete(net.now);
  net.run_for(9s);  // both gave up the STUN server, so end-of-candidates comes with the description
  ASSERT_TRUE(b.gathering_complete);
  const Instant start = net.now;
  net.signal();
  ASSERT_TRUE(net.run_until([&] { return a.agent->state() == State::kConnected; }, 2s));
  EXPECT_LT(net.now - start, 90ms) << "signaling 30 ms and a round trip of 40 ms";
}

}  // namespace
}  // namespace bamgate::ice
