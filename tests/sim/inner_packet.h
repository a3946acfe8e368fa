// The IP packets that simulated programs send through the tunnel: UDP datagrams and ICMP echoes, with true checksums
// (RFC 791, RFC 8200, RFC 768, RFC 792, RFC 4443).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "core/endpoint.h"

namespace bamgate::sim {

using Datagram = std::vector<std::byte>;

struct InnerPacket {
  enum class Kind : std::uint8_t { kUdp, kEchoRequest, kEchoReply };

  Kind kind = Kind::kUdp;
  Endpoint source;       // port 0 for echoes
  Endpoint destination;  // likewise
  std::uint16_t id = 0;  // of an echo
  std::uint16_t sequence = 0;
  Datagram payload;

  bool operator==(const InnerPacket&) const = default;
};

/// The packet as it stands on the TUN. Both addresses are of one family.
Datagram write_packet(const InnerPacket& packet);
/// nullopt for anything that is not exactly one such packet with right lengths and checksums.
std::optional<InnerPacket> read_packet(Bytes bytes);

}  // namespace bamgate::sim
