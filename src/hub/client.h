// Who asks, as far as the hub can tell them apart: an IPv4 address or an IPv6 /64, because whoever has one IPv6 address
// has its whole /64. Limits are counted by it.
#pragma once

#include <string>

#include "core/ip_address.h"

namespace bamgate::hub {

/// The same for all addresses of one client; not for people.
std::string client_key(const IpAddress& client);

/// As a log may name a client: its IPv4 /24 or IPv6 /48, never the full address. "unknown" for no address.
std::string client_network(const IpAddress& client);

}  // namespace bamgate::hub
