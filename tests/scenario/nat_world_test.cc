// The simulated NATs, with raw datagrams: a test behind a NAT is worth something only if the NAT is in force.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "scenario/network_fixture.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOuter = "198.51.100.1";

class SimulatedNat : public SimulatedNetwork {
 protected:
  Host& behind(const NatOptions& options) {
    lan = &network.add_lan("lan", kOuter, options);
    return network.add_host("host", *lan, {"192.168.1.2"});
  }

  Segment* lan = nullptr;
  Endpoint dns = open(server, 53);
  Endpoint other_port = open(server, 54);
  Endpoint strange = open(stranger, 53);
};

// ---- Mapping (RFC 4787 §4.1) and filtering (§5): all nine kinds ----

class NatKind : public SimulatedNat, public ::testing::WithParamInterface<std::tuple<Mapping, Filtering>> {
 protected:
  Mapping mapping() const { return std::get<0>(GetParam()); }
  Filtering filtering() const { return std::get<1>(GetParam()); }
  Host& host = behind({.mapping = std::get<0>(GetParam()), .filtering = std::get<1>(GetParam())});
  Endpoint inner = open(host, 1000);
};

constexpr auto kMappings =
    std::array{Mapping::kEndpointIndependent, Mapping::kAddressDependent, Mapping::kAddressAndPortDependent};
constexpr auto kFilterings =
    std::array{Filtering::kEndpointIndependent, Filtering::kAddressDependent, Filtering::kAddressAndPortDependent};
INSTANTIATE_TEST_SUITE_P(All, NatKind,
                         ::testing::Combine(::testing::ValuesIn(kMappings), ::testing::ValuesIn(kFilterings)));

TEST_P(NatKind, ShowsEachRemoteAsManyPortsAsItsMappingSays) {
  const Endpoint to_dns = seen_as(host, inner, dns);
  const Endpoint to_other_port = seen_as(host, inner, other_port);
  const Endpoint to_stranger = seen_as(host, inner, strange);
  EXPECT_EQ(to_dns.address.to_string(), kOuter);
  EXPECT_EQ(seen_as(host, inner, dns), to_dns) << "a mapping is used again";
  EXPECT_EQ(to_other_port == to_dns, mapping() != Mapping::kAddressAndPortDependent);
  EXPECT_EQ(to_stranger == to_dns, mapping() == Mapping::kEndpointIndependent);
  EXPECT_NE(seen_as(host, open(host, 1001), dns), to_dns) << "another socket has another mapping";
}

TEST_P(NatKind, LetsInWhomItsFilteringAllows) {
  const Endpoint mapped = seen_as(host, inner, dns);
  EXPECT_TRUE(arrives(server, dns, mapped));
  EXPECT_EQ(arrives(server, other_port, mapped), filtering() != Filtering::kAddressAndPortDependent);
  EXPECT_EQ(arrives(stranger, strange, mapped), filtering() == Filtering::kEndpointIndependent);
  EXPECT_FALSE(arrives(server, dns, {mapped.address, 9})) << "nobody has this port";
  EXPECT_FALSE(arrives(server, dns, inner)) << "inner addresses lead nowhere outside";
}

// ---- Expiry (§4.3) ----

TEST_F(SimulatedNat, AMappingEndsTwoMinutesAfterTheLastPacketThatLeft) {
  Host& host = behind({});
  const Endpoint inner = open(host, 1000);
  const Endpoint mapped = seen_as(host, inner, dns);
  for (int i = 0; i < 5; ++i) {
    agenda.advance(agenda.now() + 110s);
    EXPECT_EQ(seen_as(host, inner, dns), mapped) << "each packet refreshes it";
  }
  agenda.advance(agenda.now() + 60s);
  EXPECT_TRUE(arrives(server, dns, mapped));
  agenda.advance(agenda.now() + 61s);
  EXPECT_FALSE(arrives(server, dns, mapped)) << "what came in did not refresh it";
  EXPECT_EQ(lan->nat->mappings(agenda.now()), 0U);
  EXPECT_NE(seen_as(host, inner, dns), mapped) << "the new mapping has another port";
}

TEST_F(SimulatedNat, InboundPacketsRefreshAMappingWhereTheyCount) {
  Host& host = behind({.lifetime = 30s, .inbound_refreshes = true});
  const Endpoint mapped = seen_as(host, open(host, 1000), dns);
  for (int i = 0; i < 5; ++i) {
    agenda.advance(agenda.now() + 25s);
    EXPECT_TRUE(arrives(server, dns, mapped));
  }
  agenda.advance(agenda.now() + 31s);
  EXPECT_FALSE(arrives(server, dns, mapped));
}

TEST_F(SimulatedNat, AFilterForgetsARemoteThatOneDoesNotSendToAnyMore) {
  Host& host = behind({});
  const Endpoint inner = open(host, 1000);
  const Endpoint mapped = seen_as(host, inner, dns);
  EXPECT_TRUE(arrives(host, inner, strange));
  agenda.advance(agenda.now() + 100s);
  EXPECT_TRUE(arrives(host, inner, strange));
  agenda.advance(agenda.now() + 100s);
  EXPECT_FALSE(arrives(server, dns, mapped)) << "though the mapping lives";
  EXPECT_TRUE(arrives(stranger, strange, mapped));
}

// ---- Ports (§4.2) ----

TEST_F(SimulatedNat, KeepsPortsUntilTwoHostsWantTheSame) {
  Host& host = behind({.preserve_ports = true});
  Host& neighbour = network.add_host("neighbour", *lan, {"192.168.1.3"});
  EXPECT_EQ(seen_as(host, open(host, 7000), dns), endpoint("198.51.100.1:7000"));
  EXPECT_EQ(seen_as(neighbour, open(neighbour, 7001), dns), endpoint("198.51.100.1:7001"));
  const Endpoint second = seen_as(neighbour, open(neighbour, 7000), dns);
  EXPECT_EQ(second.address.to_string(), kOuter);
  EXPECT_NE(second.port, 7000) << "RFC 4787 §4.2.1: no port is shared";
  agenda.advance(agenda.now() + 121s);
  EXPECT_EQ(seen_as(neighbour, open(neighbour, 7000), dns).port, 7000) << "free again";
}

TEST_F(SimulatedNat, PortsAreUsedAgainAfterTheLastAndNeverTwiceAtOnce) {
  Host& host = behind({.first_port = 65'534, .max_mappings = 5});
  std::set<Endpoint> seen;
  for (std::uint16_t port = 1; port <= 5; ++port) seen.insert(seen_as(host, open(host, port), dns));
  EXPECT_EQ(seen.size(), 5U);
  for (const Endpoint& mapped : seen) EXPECT_GE(mapped.port, 1024);
}

TEST_F(SimulatedNat, AFullNatMakesNoFurtherMappingUntilOneExpires) {
  Host& host = behind({.max_mappings = 2});
  EXPECT_TRUE(arrives(host, open(host, 1), dns));
  EXPECT_TRUE(arrives(host, open(host, 2), dns));
  EXPECT_FALSE(arrives(host, open(host, 3), dns));
  EXPECT_EQ(network.counters().no_mapping, 1U);
  EXPECT_TRUE(arrives(host, open(host, 2), dns)) << "those that exist go on";
  agenda.advance(agenda.now() + 121s);
  EXPECT_TRUE(arrives(host, open(host, 3), dns));
}

// ---- Rebinding ----

TEST_F(SimulatedNat, ARestartedNatLetsNothingInUntilSomethingLeaves) {
  Host& host = behind({});
  const Endpoint inner = open(host, 1000);
  const Endpoint before = seen_as(host, inner, dns);
  lan->nat->forget();
  EXPECT_FALSE(arrives(server, dns, before));
  const Endpoint after = seen_as(host, inner, dns);
  EXPECT_NE(after.port, before.port);
  EXPECT_TRUE(arrives(server, dns, after));
}

TEST_F(SimulatedNat, AReboundNatUsesOtherPortsAndAnotherAddress) {
  Host& host = behind({.preserve_ports = true});
  const Endpoint inner = open(host, 1000);
  const Endpoint before = seen_as(host, inner, dns);
  EXPECT_EQ(before.port, 1000);
  lan->nat->rebind();
  const Endpoint other_port_now = seen_as(host, inner, dns);
  EXPECT_EQ(other_port_now.address, before.address);
  EXPECT_NE(other_port_now.port, before.port);
  lan->nat->rebind(IpAddress::parse("198.51.100.200"));
  const Endpoint other_address = seen_as(host, inner, dns);
  EXPECT_EQ(other_address.address.to_string(), "198.51.100.200");
  EXPECT_TRUE(arrives(server, dns, other_address));
  EXPECT_FALSE(arrives(server, dns, other_port_now));
}

// ---- Hairpinning (§6) ----

TEST_F(SimulatedNat, NeighboursMeetThroughTheOutsideOnlyWithHairpinning) {
  for (const Hairpin kind : {Hairpin::kNone, Hairpin::kExternalSource, Hairpin::kInternalSource}) {
    const std::string outer = "198.51.100.1" + std::to_string(static_cast<int>(kind));
    Segment& home = network.add_lan("home", outer, {.filtering = Filtering::kEndpointIndependent, .hairpin = kind});
    Host& one = network.add_host("one", home, {"192.168.1.2"});
    Host& two = network.add_host("two", home, {"192.168.1.3"});
    const Endpoint inner_one = open(one, 1000);
    const Endpoint inner_two = open(two, 1000);
    const Endpoint outer_one = seen_as(one, inner_one, dns);
    const Endpoint outer_two = seen_as(two, inner_two, dns);
    const Endpoint seen = seen_as(one, inner_one, outer_two);
    switch (kind) {
      case Hairpin::kNone:
        EXPECT_EQ(seen, Endpoint());
        break;
      case Hairpin::kExternalSource:
        EXPECT_EQ(seen, outer_one);
        EXPECT_TRUE(arrives(two, inner_two, outer_one)) << "and it can answer";
        break;
      case Hairpin::kInternalSource:
        EXPECT_EQ(seen, inner_one);
        break;
    }
  }
}

TEST_F(SimulatedNat, AHairpinIsFilteredByItsOuterSource) {
  Host& one = behind({.hairpin = Hairpin::kExternalSource});
  Host& two = network.add_host("two", *lan, {"192.168.1.3"});
  const Endpoint inner_one = open(one, 1000);
  const Endpoint inner_two = open(two, 1000);
  const Endpoint outer_one = seen_as(one, inner_one, dns);
  const Endpoint outer_two = seen_as(two, inner_two, dns);
  EXPECT_FALSE(arrives(one, inner_one, outer_two)) << "two has never sent there";
  EXPECT_TRUE(arrives(two, inner_two, outer_one)) << "one has";
  EXPECT_TRUE(arrives(one, inner_one, outer_two));
}

// ---- NAT behind NAT, and IPv6 ----

TEST_F(SimulatedNat, BehindTwoNatsBothMapAndBothFilter) {
  LanOptions carrier{.external = kOuter, .nat = {.hairpin = Hairpin::kExternalSource}};
  Segment& isp = network.add_network("isp", carrier);
  Segment& home = network.add_network("home", {.parent = &isp, .external = "100.64.0.2"});
  Segment& next_door = network.add_network("next door", {.parent = &isp, .external = "100.64.0.3"});
  Host& host = network.add_host("host", home, {"192.168.1.2"});
  Host& neighbour = network.add_host("neighbour", next_door, {"192.168.1.2"});
  const Endpoint inner = open(host, 1000);
  const Endpoint mapped = seen_as(host, inner, dns);
  EXPECT_EQ(mapped.address.to_string(), kOuter);
  EXPECT_EQ(home.nat->mappings(agenda.now()), 1U);
  EXPECT_EQ(isp.nat->mappings(agenda.now()), 1U);
  EXPECT_TRUE(arrives(server, dns, mapped));
  EXPECT_FALSE(arrives(stranger, strange, mapped));

  // Two customers of one carrier meet at its hairpin.
  const Endpoint inner_there = open(neighbour, 1000);
  const Endpoint there = seen_as(neighbour, inner_there, dns);
  EXPECT_FALSE(arrives(host, inner, there));
  EXPECT_EQ(seen_as(neighbour, inner_there, mapped), there);
  home.nat->forget();
  EXPECT_FALSE(arrives(server, dns, mapped)) << "the inner one filters too";
}

TEST_F(SimulatedNat, AnIpv6FirewallTranslatesNothingAndLetsInOnlyAnswers) {
  Host& server6 = network.add_host("server6", network.internet(), {"2001:db8::1"});
  Segment& home = network.add_network("home", {.prefix6 = "2001:db8:1::/64"});
  Host& host = network.add_host("host", home, {"192.168.1.2", "2001:db8:1::2"});
  const Endpoint outer = open(server6, 53);
  const Endpoint outer_other = open(server6, 54);
  const Endpoint inner = open_on(host, *IpAddress::parse("2001:db8:1::2"), 1000);
  EXPECT_FALSE(arrives(server6, outer, inner));
  EXPECT_EQ(seen_as(host, inner, outer), inner);
  EXPECT_TRUE(arrives(server6, outer, inner));
  EXPECT_FALSE(arrives(server6, outer_other, inner));
  agenda.advance(agenda.now() + 121s);
  EXPECT_FALSE(arrives(server6, outer, inner));
  // No NAT: no IPv4. A foreign source does not pass either.
  EXPECT_FALSE(arrives(host, open(host, 1000), dns));
  network.move(host, home, {"2001:db8:2::2"});
  EXPECT_FALSE(arrives(host, open(host, 1000), outer));
}

}  // namespace
}  // namespace bamgate::sim
