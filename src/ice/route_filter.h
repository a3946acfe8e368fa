// Tells by route whether packets to an address would travel through our own tunnel (RFC 8445 §5.1.1.1 asks only for
// addresses that work). Such an address is no candidate: its checks would run inside the tunnel that they are to carry.
//
// It decides as a routing table does, by the longest prefix, and never by interface names. Leaves out rules, marks and
// metrics: our own sockets are marked so that they miss the tunnel's routes.
#pragma once

#include <vector>

#include "core/ip_address.h"

namespace bamgate::ice {

/// A small routing table with two next hops: the tunnel, and everything else ("direct"). Empty, it calls every address
/// direct.
class RouteFilter {
 public:
  RouteFilter() = default;
  /// `tunnel` and `direct` as if each was given to add_tunnel() or add_direct().
  explicit RouteFilter(const std::vector<IpPrefix>& tunnel, const std::vector<IpPrefix>& direct = {});

  /// A prefix that is routed into the tunnel: the network's own, or one behind a peer. With host bits set, as in
  /// 10.100.0.2/16, that very address is the tunnel interface's own: it stays inside even where the host has an equal
  /// on-link prefix.
  void add_tunnel(const IpPrefix& prefix);
  /// A prefix that the host reaches without the tunnel: the on-link prefix of one of its addresses, such as
  /// 192.168.1.7/24.
  void add_direct(const IpPrefix& prefix);

  /// Whether the longest prefix that holds `address` leads into the tunnel. Of two equally long ones the direct one
  /// wins, and every host counts as having a direct default route; so a tunnel prefix of length 0 (an exit node)
  /// excludes nothing: our sockets still leave by the old default route.
  bool through_tunnel(const IpAddress& address) const;

 private:
  std::vector<IpPrefix> tunnel_;
  std::vector<IpPrefix> direct_;
};

}  // namespace bamgate::ice
