// Usual peers for the virtual network, and two of them behind a NAT each.
#pragma once

#include "virtual_network.h"

namespace bamgate::ice {

using bamgate::testing::Filtering;
using bamgate::testing::Mapping;
using bamgate::testing::Nat;
using bamgate::testing::Network;
using bamgate::testing::Peer;

inline constexpr const char* kStun = "192.0.2.53:3478";

inline StartOptions options(Role role) {
  StartOptions result;
  result.role = role;
  result.stun_servers = {*Endpoint::parse(kStun)};
  result.route_filter = RouteFilter({*IpPrefix::parse("10.100.0.0/16"), *IpPrefix::parse("fd12::/64")});
  result.relay_networks = {*IpPrefix::parse("10.255.0.0/16")};
  return result;
}

/// Two peers, each behind a NAT of its own.
struct TwoNats {
  TwoNats(Mapping left, Filtering left_filter, Mapping right, Filtering right_filter, std::uint64_t seed = 1)
      : net(seed), a(net.add_peer("a", options(Role::kControlling))), b(net.add_peer("b", options(Role::kControlled))) {
    net.add_stun_server(kStun);
    a.nat = &net.add_nat("203.0.113.1", left, left_filter);
    b.nat = &net.add_nat("203.0.113.2", right, right_filter);
    a_socket = net.add_socket(a, "192.168.1.2:40000");
    b_socket = net.add_socket(b, "192.168.7.3:41000");
  }
  Network net;
  Peer& a;
  Peer& b;
  SocketId a_socket{};
  SocketId b_socket{};
};

inline TwoNats two_usual_nats(std::uint64_t seed = 1) {
  return TwoNats(Mapping::kEndpointIndependent, Filtering::kAddressAndPortDependent, Mapping::kEndpointIndependent,
                 Filtering::kAddressAndPortDependent, seed);
}

}  // namespace bamgate::ice
