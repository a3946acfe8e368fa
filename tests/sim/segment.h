// The parts of a simulated network: segments, the routers between them, hosts and their interfaces. network.h moves
// datagrams between them.
//
//   host --interface--> segment --router's uplink--> parent segment ... the Internet
//
// Each arrow is a pair of links (link.h), one for each direction.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "sim/link.h"
#include "sim/nat.h"

namespace bamgate::sim {

/// What a router lets through, both ways. Within its LAN everything passes.
enum class Passes : std::uint8_t {
  kAll,
  kTcp,     // nothing but TCP
  kTcp443,  // nothing but TCP to port 443 of the other side
};
constexpr bool lets_udp_pass(Passes passes) { return passes == Passes::kAll; }
constexpr bool lets_tcp_pass(Passes passes, std::uint16_t port) { return passes != Passes::kTcp443 || port == 443; }

/// Hosts that reach each other without a router, and the router that leads on from there. The Internet is one too.
struct Segment {
  std::string name;
  LinkOptions port;                 // of the wires of hosts that are plugged in from now on, both directions
  Segment* parent = nullptr;        // where the router leads; none: the Internet itself, or a lone LAN
  std::optional<Nat> nat;           // IPv4 leaves through it; none: no IPv4 leaves
  std::optional<IpPrefix> prefix6;  // IPv6 of this network leaves through the firewall; none: no IPv6 leaves
  Firewall firewall;
  Passes passes = Passes::kAll;
  bool cut = false;          // the router's uplink is pulled
  std::optional<Link> up;    // from the router to the parent
  std::optional<Link> down;  // and back
};

struct Host;

/// A network card: in one segment, with addresses.
struct Interface {
  Host& host;
  std::string name;
  Segment* segment;
  std::vector<IpAddress> addresses;
  bool is_up = true;
  std::uint32_t generation = 1;  // grows with each change: TCP connections of an earlier one lead nowhere
  Link out;
  Link in;
};

struct Host {
  using Receiver = std::function<void(const Endpoint& from, const std::vector<std::byte>& data)>;

  std::string name;
  std::vector<std::unique_ptr<Interface>> interfaces;
  bool cut = false;  // nothing comes or goes, and the host does not notice
  std::map<Endpoint, Receiver> sockets;
  std::uint16_t next_port = 40'000;
  std::function<void()> on_change;  // an interface came, went, or has other addresses now; through the agenda

  /// Of the interfaces that are up.
  std::vector<IpAddress> addresses() const {
    std::vector<IpAddress> all;
    for (const auto& interface : interfaces) {
      if (interface->is_up) all.insert(all.end(), interface->addresses.begin(), interface->addresses.end());
    }
    return all;
  }
  /// The first interface; every host has one.
  Interface& interface() const { return *interfaces.front(); }
};

/// A LAN and its router.
struct LanOptions {
  Segment* parent = nullptr;  // none: the Internet
  std::string external{};     // the NAT's outer address; empty: no IPv4 leaves
  NatOptions nat{};
  std::string prefix6{};  // "2001:db8:1::/64"; empty: no IPv6 leaves
  Filtering firewall = Filtering::kAddressAndPortDependent;
  Passes passes = Passes::kAll;
  LinkOptions port{.latency = std::chrono::microseconds(500)};
  LinkOptions up{.latency = std::chrono::microseconds(9500)};
  LinkOptions down{.latency = std::chrono::microseconds(9500)};
};

}  // namespace bamgate::sim
