// Interfaces, addresses and routes of this network namespace by rtnetlink (rtnetlink(7)) through libmnl; no program is
// run. Each call opens a socket of its own, asks and waits for the kernel's answer, which comes at once. Left out:
// notifications of changes (network_events.h), rules, routes with gateways, tables other than main.
//
// The addresses and routes of a TUN vanish with its descriptor: nothing of what is added here to a TUN has to be undone
// at the end, not even after a crash. A TUN that somebody made to stay (ip tuntap add) keeps them.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "os/os_error.h"

namespace bamgate::os {

/// One address of an interface, with the length of its network.
struct InterfaceAddress {
  IpPrefix prefix;
  /// IPv6 duplicate address detection runs or has failed: the address must not be used.
  bool tentative = false;
  /// Past its preferred lifetime: good for old connections only (RFC 4862 §5.5.4).
  bool deprecated = false;
};

struct Interface {
  unsigned index = 0;
  std::string name;
  std::uint32_t mtu = 0;  // bytes
  bool up = false;        // switched on by the administrator
  bool running = false;   // up and with a carrier
  bool loopback = false;
  /// TUN, WireGuard, point-to-point: what goes in comes out elsewhere, often on top of another interface of this host.
  bool tunnel = false;
  bool ipv6 =
      false;  // may have IPv6 addresses: this kernel speaks it, sysctl disable_ipv6 is 0, the MTU is 1,280 or more
  std::vector<InterfaceAddress> addresses;
};

/// A route of the main table.
struct Route {
  IpPrefix destination;
  IpAddress preferred_source;  // family kNone when it has none
  bool operator==(const Route&) const = default;
};

/// Where the kernel would send a packet.
struct RouteAnswer {
  std::string interface;             // "lo" for our own addresses
  IpAddress preferred_source;        // family kNone when the kernel names none
  std::optional<IpAddress> gateway;  // nullopt: the destination is on the link
};

/// Gives the interface an address; the kernel adds the route to its network by itself. IPv6 addresses are usable at
/// once (no duplicate address detection, which has no meaning on a TUN). Errors: kNotFound (no such interface), kExists
/// (has it already), kNotPermitted (no CAP_NET_ADMIN), kUnsupported (kernel without IPv6, or it is switched off for
/// this interface), kInvalid, kSystem.
[[nodiscard]] std::expected<void, OsError> add_address(std::string_view interface, const IpPrefix& address);

/// Sets the largest packet in bytes. The kernel refuses under 68, and drops IPv6 from the interface under 1,280.
/// Errors: kNotFound, kNotPermitted, kInvalid, kSystem.
[[nodiscard]] std::expected<void, OsError> set_mtu(std::string_view interface, std::uint32_t mtu);

/// Switches the interface off; its IPv6 addresses and its routes go. Errors: kNotFound, kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> set_down(std::string_view interface);

/// Switches the interface on, and keeps the kernel from giving it an IPv6 link-local address: nobody could use it on a
/// TUN, and router solicitations would go into the tunnel. Errors: kNotFound, kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> set_up(std::string_view interface);

/// Routes `destination` (its host bits are cleared) into the interface, which must be up, with `preferred_source` as
/// the source of packets that have none yet. Errors: kExists (this destination has a route already, perhaps elsewhere),
/// kNotFound, kNotPermitted, kUnsupported (as above), kInvalid (the source is no address of ours), kSystem.
[[nodiscard]] std::expected<void, OsError> add_route(std::string_view interface, const IpPrefix& destination,
                                                     const std::optional<IpAddress>& preferred_source = std::nullopt);

/// Adds the route to the network of `address` that the kernel adds with the address, as the kernel does it: after
/// somebody took that route alone. Errors: as add_route().
[[nodiscard]] std::expected<void, OsError> add_network_route(std::string_view interface, const IpPrefix& address);

/// Takes the route to `destination` through this interface away.
/// Errors: kNotFound (no such route or interface), kNotPermitted, kSystem.
[[nodiscard]] std::expected<void, OsError> delete_route(std::string_view interface, const IpPrefix& destination);

/// The routes of the main table that go through the interface with this index. Errors: kSystem.
[[nodiscard]] std::expected<std::vector<Route>, OsError> routes_through(unsigned index);

/// All interfaces with their addresses, in the kernel's order. Errors: kSystem.
[[nodiscard]] std::expected<std::vector<Interface>, OsError> interfaces_and_addresses();

/// Asks the kernel for the route of a packet to `destination` from a socket with `mark` (SO_MARK).
/// Errors: kUnreachable (no route, or one that refuses), kInvalid, kSystem.
[[nodiscard]] std::expected<RouteAnswer, OsError> route_to(const IpAddress& destination,
                                                           std::optional<std::uint32_t> mark = std::nullopt);

}  // namespace bamgate::os
