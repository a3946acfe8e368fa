// Which addresses belong to which peer: what WireGuard accepts from it and sends to it, and what is routed into the
// TUN.
#pragma once

#include <string>
#include <vector>

#include "core/ip_address.h"
#include "signaling/message.h"

namespace bamgate::agent {

/// The peer's own addresses as /32 and /128, and those of its announced routes that lie inside an accepted one.
/// Addresses outside of `network` and `network6` are left out: a peer without address gets none, never everything.
std::vector<IpPrefix> allowed_ips(const signaling::PeerInfo& peer, const IpPrefix& network, const IpPrefix& network6,
                                  const std::vector<IpPrefix>& accepted);

/// Those of `peer`'s announced routes that lie inside one of `accepted`, without duplicates.
std::vector<IpPrefix> accepted_routes(const signaling::PeerInfo& peer, const std::vector<IpPrefix>& accepted);

}  // namespace bamgate::agent
