// Which address a device gets (protocol.md, "Names and addresses"). Arithmetic only; who holds what, and what rests, is
// in addresses_given.h.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "core/ip_address.h"
#include "core/random.h"
#include "hub/error.h"

namespace bamgate::hub {

// protocol.md: IPv4: the lowest free host address of the hub's subnet (default 10.100.0.0/16), from .1.
inline constexpr IpPrefix kDefaultSubnet{IpAddress::v4(10, 100, 0, 0), 16};

/// The subnet with its host bits zero. Errors: kBadSubnet (not IPv4, not /8 to /30, or an address block that no host
/// may have), kReservedSubnet (it overlaps turn::kRelayNetwork).
std::expected<IpPrefix, Error> check_subnet(const IpPrefix& subnet);

/// The highest host part: the one below the broadcast address.
std::uint32_t last_host(const IpPrefix& subnet);

/// The lowest host part from 1 on that is not in `taken` (ascending); nullopt when all are taken.
std::optional<std::uint32_t> lowest_free_host(const IpPrefix& subnet, std::span<const std::uint32_t> taken);

/// As in "10.100.0.1/16".
IpPrefix address_of(const IpPrefix& subnet, std::uint32_t host);
/// The IPv4 host part in the /64, as in "fd12:3456:789a::1/64".
IpPrefix address6_of(const IpPrefix& prefix6, std::uint32_t host);

/// A network of one's own, fd + 40 random bits + subnet 0 (RFC 4193 §3.2), as a /64.
IpPrefix random_prefix6(Random& random);

}  // namespace bamgate::hub
