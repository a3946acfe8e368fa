// Tells by its first bytes which protocol a datagram on a peer's socket belongs to (RFC 7983, RFC 9443).
// Left out: ZRTP, QUIC and RTP, which no part of bamgate speaks; they count as unknown.
#pragma once

#include <cstdint>

#include "core/bytes.h"

namespace bamgate::peer {

enum class Protocol : std::uint8_t { kStun, kDtls, kTurnChannel, kWireGuard, kUnknown };

/// Classifies one datagram; reads at most its first 8 bytes.
Protocol classify(Bytes datagram);

}  // namespace bamgate::peer
