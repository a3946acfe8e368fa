// The errors of this layer. Each error of a message that arrived is also a counter: see Tunnel::drops().
#pragma once

#include <cstddef>
#include <cstdint>

namespace bamgate::wg {

enum class Error : std::uint8_t {
  kBadKey,              // a public key that leads to an all-zero shared secret (paper §5.4)
  kWrongSize,           // not the size that its type asks for, or shorter than any message
  kUnknownType,         // the first four bytes name none of the four message types
  kNotControl,          // handle_input() got transport data with content; that belongs into open()
  kNotData,             // open() got something else than transport data
  kBadMac1,             // the sender does not know our public key
  kUnknownIndex,        // no handshake and no keypair of ours has this receiver index
  kBadTag,              // forged, damaged, or sealed with another key or pre-shared key
  kWrongPeer,           // a sound initiation of somebody who is not this tunnel's peer
  kReplayedInitiation,  // its timestamp is not greater than the greatest one seen
  kFlooded,             // an initiation of a peer that sends more than 50 a second
  kReplayed,            // its counter was seen before or lies behind the window
  kExpiredKeypair,      // its keypair is older than REJECT_AFTER_TIME or has used up its messages
  kMalformedPacket,     // what was sealed inside is no IP packet, or a packet to seal is empty
  kNoRoom,              // the packet buffer lacks room for header, padding and tag
  // No drops of a tunnel:
  kNoKeypair,    // there is no session to seal with (yet); the packet is untouched
  kUnderLoad,    // Device: no cookie while under load; a cookie reply has been its only answer
  kRateLimited,  // Device: under load, and this source address has used up its share of handshakes
  kUnknownPeer,  // Device: no peer has this id, or the static key inside this initiation
  kPeerExists,   // Device: add_peer() with a key that another peer has
  kNoEndpoint,   // Device: nobody has said, and no message has shown, where this peer is
};

inline constexpr std::size_t kErrorCount = static_cast<std::size_t>(Error::kNoEndpoint) + 1;

/// A short English name for logs; static storage.
const char* to_string(Error error);

}  // namespace bamgate::wg
