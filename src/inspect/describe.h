// Messages in words, as a lab tool shows them: read from the datagrams that cross: what it is, what stands in it, and
// the section that defines it. Nothing here decrypts, and nothing is believed: a text for whatever the bytes look like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace bamgate::inspect {

/// What a message is, or what happened, and where the rule stands. The section's text lives for ever.
struct Description {
  std::string text;
  std::string_view section = {};
};

/// STUN, alone, as a check of ICE or as a message of TURN: method, class, attributes (RFC 8489, RFC 8445, RFC 8656).
Description describe_stun(Bytes datagram);
/// What crosses between a TURN client and its server: the same, or ChannelData.
Description describe_turn(Bytes message);
/// One of the four messages of WireGuard.
Description describe_wireguard(Bytes datagram);
/// Each record of a datagram of DTLS, with the flight of the handshake that it belongs to (RFC 6347 §4.2.4).
std::vector<Description> describe_dtls(Bytes datagram, bool from_client);

}  // namespace bamgate::inspect
