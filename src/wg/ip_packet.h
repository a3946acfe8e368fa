// What has to be known of an IP packet inside the tunnel: addresses and length (RFC 791 §3.1, RFC 8200 §3). Nothing
// above the first header is read: fragments, extension headers and checksums are the business of both ends.
#pragma once

#include <cstddef>
#include <optional>

#include "core/bytes.h"
#include "core/ip_address.h"

namespace bamgate::wg {

struct IpPacket {
  IpAddress source;
  IpAddress destination;
  std::size_t length = 0;  // bytes, header included, as the header says; at most as many as there are
};

/// Reads the header at the front of `packet`, which may be followed by padding. nullopt when the version is neither 4
/// nor 6, the header is not whole, or it claims more bytes than there are. An IPv6 jumbogram (RFC 2675) counts as 40
/// bytes.
std::optional<IpPacket> parse_ip_packet(Bytes packet);

/// Only the length, by the same rules.
std::optional<std::size_t> ip_packet_length(Bytes packet);

}  // namespace bamgate::wg
