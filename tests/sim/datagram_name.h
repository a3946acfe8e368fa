// What a datagram is, for people who read a trace: STUN by class and method, DTLS by content type, and so on.
// First bytes as RFC 7983 §7 shares them out.
#pragma once

#include <string>

#include "core/bytes.h"

namespace bamgate::sim {

/// For example "STUN Binding request use-candidate", "DTLS handshake ClientHello", "DTLS data", "other".
std::string datagram_name(Bytes datagram);

}  // namespace bamgate::sim
