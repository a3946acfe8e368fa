// Why the TURN layer refused something. Leaves out what became of the allocation: that is an event of the client.
#pragma once

#include <cstdint>

namespace bamgate::turn {

enum class Error : std::uint8_t {
  kNotTurn,        // neither a STUN message nor ChannelData: by its first bits
  kTruncated,      // a message that is shorter than its header says
  kBadChannel,     // ChannelData with a number that no channel has
  kNotStun,        // it looked like STUN, and is not well formed
  kBadIndication,  // a Send or Data indication that lacks what it must carry, or carries what nobody knows
  kFrameTooLarge,  // a message larger than the one who reads is willing to hold: a stream ends with it
  kBadFrame,       // a stream in which no next message can be found: it ends with it
  kNoRoom,         // the packet's buffer has too little room for what goes around it, or the packet is too large

  kNotAllocated,  // there is no relayed address to send from, now
  kNoPermission,  // the relay has no permission for that peer (yet), or none is wanted
  kUnknownPeer,   // data on a channel that is not bound, or of an address without permission
  kUnexpected,    // a response that nobody waits for, or a message that no server sends
  kForged,        // a response that the server's password does not fit, or that lacks what must be there
  kOtherSource,   // it did not come from the server
  kPeerData,      // data of a peer where only control is taken
  kTooMany,       // a table of permissions or channels is full
};

/// A short lower-case text for logs and counters.
const char* to_string(Error error);

}  // namespace bamgate::turn
