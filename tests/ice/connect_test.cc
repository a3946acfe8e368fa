// Two agents on a virtual network: which path they find, and how fast.
#include <gtest/gtest.h>

#include "homes.h"

namespace bamgate::ice {
namespace {

using namespace std::chrono_literals;

TEST(IceAgent, HostsOnOneLanTakeTheHostPairAtOnce) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  const Nat& nat = net.add_nat("203.0.113.1", Mapping::kEndpointIndependent, Filtering::kAddressAndPortDependent);
  a.nat = b.nat = const_cast<Nat*>(&nat);
  const SocketId socket = net.add_socket(a, "192.168.1.2:40000");
  net.add_socket(b, "192.168.1.3:41000");
  const Instant start = net.now;
  net.signal();
  ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 1s));
  EXPECT_LT(net.now - start, 100ms);
  EXPECT_EQ(a.agent->selected_path(), (Path{socket, *Endpoint::parse("192.168.1.3:41000"), RelayId::kNone}));
  EXPECT_EQ(a.agent->selected()->local.type, CandidateType::kHost);
  EXPECT_EQ(b.agent->selected()->remote.describe(), "host 192.168.1.2:40000 udp");
  EXPECT_EQ(a.states, (std::vector{State::kChecking, State::kConnected}));
  ASSERT_TRUE(a.agent->rtt());
  EXPECT_EQ(*a.agent->rtt(), 2ms);
}

TEST(IceAgent, HolesArePunchedThroughTwoPortRestrictedNats) {
  auto home = two_usual_nats();
  home.net.run_for(1s);  // both gather
  ASSERT_EQ(home.a.lines.size(), 2U);
  const Instant start = home.net.now;
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 5s));
  EXPECT_LT(home.net.now - start, 400ms) << "signaling 30 ms, one way 20 ms";
  EXPECT_EQ(home.a.agent->selected()->local.describe(), "srflx 203.0.113.1:20001 udp");
  EXPECT_EQ(home.a.agent->selected()->remote.describe(), "srflx 203.0.113.2:20001 udp");
  // Checks leave from the base: the path's socket is the host's.
  EXPECT_EQ(home.a.agent->selected_path()->local, home.a_socket);
  EXPECT_EQ(home.b.agent->selected_path()->remote, *Endpoint::parse("203.0.113.1:20001"));
}

TEST(IceAgent, TrickledCandidatesConnectWhileGatheringGoesOn) {
  auto home = two_usual_nats();
  const Instant start = home.net.now;
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 5s));
  EXPECT_LT(home.net.now - start, 500ms);
}

TEST(IceAgent, TheSlowSideOfAHolePunchIsNotKeptWaiting) {
  // b learns of a four seconds late, when a's retransmissions are seconds apart.
  auto home = two_usual_nats();
  home.net.run_for(1s);
  home.a.agent->set_local_addresses_complete(home.net.now);
  home.net.give_credentials(home.b, home.a);
  for (const auto& line : home.b.lines) {
    ASSERT_TRUE(home.a.agent->add_remote_candidate(home.net.now, parse_candidate(line)->candidate));
  }
  home.net.run_for(4s);
  EXPECT_EQ(home.a.agent->state(), State::kChecking);
  const Instant late = home.net.now;
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 5s));
  EXPECT_LT(home.net.now - late, 400ms);
}

TEST(IceAgent, SymmetricNatIsPassedWhenTheOtherSideFiltersNothing) {
  TwoNats home(Mapping::kAddressAndPortDependent, Filtering::kAddressAndPortDependent, Mapping::kEndpointIndependent,
               Filtering::kEndpointIndependent);
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 5s));
  EXPECT_EQ(home.b.agent->selected()->remote.type, CandidateType::kPeerReflexive);
  EXPECT_EQ(home.a.agent->selected()->local.type, CandidateType::kPeerReflexive);
}

TEST(IceAgent, TwoSymmetricNatsFailOnlyWhenPatienceEnds) {
  TwoNats home(Mapping::kAddressAndPortDependent, Filtering::kAddressAndPortDependent,
               Mapping::kAddressAndPortDependent, Filtering::kAddressAndPortDependent);
  home.net.signal();
  home.net.run_for(39s);
  EXPECT_EQ(home.a.agent->state(), State::kChecking);
  EXPECT_EQ(home.b.agent->state(), State::kChecking);
  home.net.run_for(5s);
  EXPECT_EQ(home.a.agent->state(), State::kFailed);
  EXPECT_EQ(home.b.agent->state(), State::kFailed);
  EXPECT_EQ(home.a.agent->next_timeout(), kNever);
}

TEST(IceAgent, RelayedCandidatesSaveTwoSymmetricNats) {
  TwoNats home(Mapping::kAddressAndPortDependent, Filtering::kAddressAndPortDependent,
               Mapping::kAddressAndPortDependent, Filtering::kAddressAndPortDependent);
  const RelayId relay = home.net.add_relay(home.a, home.a_socket, "10.255.0.1:50000");
  home.net.add_relay(home.b, home.b_socket, "10.255.0.2:50000");
  const Instant start = home.net.now;
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 10s));
  EXPECT_LT(home.net.now - start, 3s);
  EXPECT_EQ(home.a.agent->selected_path(), (Path{home.a_socket, *Endpoint::parse("10.255.0.2:50000"), relay}));
  EXPECT_EQ(home.a.agent->selected()->remote.type, CandidateType::kRelayed);
  EXPECT_EQ(home.a.agent->selected()->local.type, CandidateType::kRelayed);
  // Two direct paths (the remote host and srflx candidates) and one relayed: virtual addresses pair with each other
  // only.
  EXPECT_LE(home.a.agent->pair_count(), 3U);
}

TEST(IceAgent, DirectPathIsPreferredToTheRelayThatAnswersFirst) {
  auto home = two_usual_nats();
  home.net.delay = 150ms;
  home.net.add_relay(home.a, home.a_socket, "10.255.0.1:50000");
  home.net.add_relay(home.b, home.b_socket, "10.255.0.2:50000");
  home.net.blackhole = [&](const Peer&, const Path& path) {
    // The direct path opens a second after the relayed one.
    return path.relay == RelayId::kNone && path.remote != *Endpoint::parse(kStun) &&
           home.net.now < Instant{} + 1h + 1200ms;
  };
  home.net.signal();
  ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 10s));
  EXPECT_EQ(home.a.agent->selected_path()->relay, RelayId::kNone);
  EXPECT_EQ(home.b.agent->selected_path()->relay, RelayId::kNone);
}

TEST(IceAgent, Ipv6HostsBehindFirewallsConnectAndStandBeforeIpv4) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  // A stateful firewall on each side: no translation, replies only.
  a.nat = &net.add_nat("::", Mapping::kNone, Filtering::kAddressAndPortDependent);
  b.nat = &net.add_nat("::", Mapping::kNone, Filtering::kAddressAndPortDependent);
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(a, "[2001:db8:a::1]:1000");
  net.add_socket(b, "198.51.100.2:1000");
  net.add_socket(b, "[2001:db8:b::1]:1000");
  net.signal();
  ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 2s));
  EXPECT_EQ(a.agent->selected_path()->remote, *Endpoint::parse("[2001:db8:b::1]:1000"));
  EXPECT_EQ(b.agent->selected_path()->remote, *Endpoint::parse("[2001:db8:a::1]:1000"));
}

TEST(IceAgent, ConnectsByPeerReflexiveCandidatesAloneWhenTheOtherSidesAreLost) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(b, "198.51.100.2:1000");
  b.trickles = false;
  net.signal();
  ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 2s));
  EXPECT_EQ(a.agent->selected()->remote.type, CandidateType::kPeerReflexive);
  // When it is signalled after all, the status tells its real type.
  ASSERT_TRUE(a.agent->add_remote_candidate(net.now, parse_candidate(b.lines.at(0))->candidate));
  EXPECT_EQ(a.agent->selected()->remote.type, CandidateType::kHost);
  EXPECT_EQ(a.agent->pair_count(), 1U);
}

TEST(IceAgent, RoleConflictLeavesExactlyOneControllingSide) {
  for (const Role role : {Role::kControlling, Role::kControlled}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      Network net(seed);
      Peer& a = net.add_peer("a", options(role));
      Peer& b = net.add_peer("b", options(role));
      net.add_socket(a, "198.51.100.1:1000");
      net.add_socket(a, "198.51.100.1:1001");
      net.add_socket(b, "198.51.100.2:1000");
      net.add_socket(b, "198.51.100.2:1001");
      net.signal();
      ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 3s)) << "seed " << seed;
      net.run_for(2s);
      EXPECT_NE(a.agent->role(), b.agent->role());
      EXPECT_EQ(a.agent->selected_path()->remote, b.sockets.at(b.agent->selected_path()->local)) << "seed " << seed;
      EXPECT_EQ(b.agent->selected_path()->remote, a.sockets.at(a.agent->selected_path()->local));
      EXPECT_GE(a.agent->counters().role_conflicts + b.agent->counters().role_conflicts, 1U);
    }
  }
}

TEST(IceAgent, EqualTieBreakersAreSettledToo) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlling));
  // Both draw the same tie-breaker; what they draw later differs, since their candidates do.
  bamgate::testing::SeededRandom same_a(7);
  bamgate::testing::SeededRandom same_b(7);
  auto options_a = options(Role::kControlling);
  auto options_b = options(Role::kControlling);
  options_a.local = Credentials::generate(a.random);
  options_b.local = Credentials::generate(b.random);
  a.agent = std::make_unique<WithGatherer<Agent>>(same_a, options_a.stun_servers, options_a, same_a, a.crypto);
  b.agent = std::make_unique<WithGatherer<Agent>>(same_b, options_b.stun_servers, options_b, same_b, b.crypto);
  (void)same_b.number<std::uint64_t>();
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(b, "198.51.100.2:1000");
  net.signal();
  ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 3s));
  EXPECT_NE(a.agent->role(), b.agent->role());
}

TEST(IceAgent, ConnectsInSpiteOfLostPackets) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    auto home = two_usual_nats(seed);
    home.net.loss_percent = 30;
    home.net.signal();
    ASSERT_TRUE(home.net.run_until([&] { return home.net.connected(); }, 20s)) << "seed " << seed;
    EXPECT_EQ(home.a.selections.back().path.remote, *Endpoint::parse("203.0.113.2:20001")) << "seed " << seed;
  }
}

TEST(IceAgent, BothEndsAgreeOnThePathUnderLossAndRoleConflict) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Network net(seed);
    const Role role = seed % 2 == 0 ? Role::kControlling : Role::kControlled;
    Peer& a = net.add_peer("a", options(role));
    Peer& b = net.add_peer("b", options(seed % 3 == 0 ? role : opposite(role)));
    for (int i = 0; i < 3; ++i) {
      net.add_socket(a, "198.51.100." + std::to_string(10 + i) + ":1000");
      net.add_socket(b, "198.51.100." + std::to_string(20 + i) + ":1000");
    }
    net.loss_percent = 25;
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

TEST(IceAgent, ChecksBeforeTheCredentialsAreAnsweredAndTakenUpLater) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(b, "198.51.100.2:1000");
  // b knows everything, a nothing yet: as when the answer is slower than the first check.
  ASSERT_TRUE(b.agent->add_remote_candidate(net.now, parse_candidate(a.lines.at(0))->candidate));
  net.give_credentials(a, b);
  net.run_for(300ms);
  EXPECT_EQ(a.agent->state(), State::kNew);
  EXPECT_GE(b.agent->counters().checks_succeeded, 1U);
  const Instant start = net.now;
  net.give_credentials(b, a);
  ASSERT_TRUE(net.run_until([&] { return net.connected(); }, 1s));
  EXPECT_LE(net.now - start, 200ms);
  EXPECT_EQ(a.agent->selected()->remote.type, CandidateType::kPeerReflexive);
}

TEST(IceAgent, EarlyChecksOfAnotherSessionAreForgotten) {
  Network net;
  Peer& a = net.add_peer("a", options(Role::kControlling));
  Peer& b = net.add_peer("b", options(Role::kControlled));
  net.add_socket(a, "198.51.100.1:1000");
  net.add_socket(b, "198.51.100.2:1000");
  ASSERT_TRUE(b.agent->add_remote_candidate(net.now, parse_candidate(a.lines.at(0))->candidate));
  net.give_credentials(a, b);
  net.run_for(300ms);
  a.agent->set_remote_credentials(net.now, {"other", std::string(24, 'x')});
  EXPECT_EQ(a.agent->pair_count(), 0U);
  net.run_for(3s);
  EXPECT_GE(a.agent->counters().dropped_unauthenticated + a.agent->counters().checks_received, 1U);
  EXPECT_EQ(a.agent->pair_count(), 0U);
}

}  // namespace
}  // namespace bamgate::ice
