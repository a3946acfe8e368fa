#include "turn/error.h"

namespace bamgate::turn {

const char* to_string(Error error) {
  switch (error) {
    case Error::kNotTurn:
      return "neither STUN nor ChannelData";
    case Error::kTruncated:
      return "shorter than its header says";
    case Error::kBadChannel:
      return "no channel number";
    case Error::kNotStun:
      return "not a well-formed STUN message";
    case Error::kBadIndication:
      return "malformed indication";
    case Error::kFrameTooLarge:
      return "message too large";
    case Error::kBadFrame:
      return "stream out of step";
    case Error::kNoRoom:
      return "no room in the packet";
    case Error::kNotAllocated:
      return "no allocation";
    case Error::kNoPermission:
      return "no permission for this peer";
    case Error::kUnknownPeer:
      return "data of an unknown peer";
    case Error::kUnexpected:
      return "unexpected message";
    case Error::kForged:
      return "not authentic";
    case Error::kOtherSource:
      return "not from the server";
    case Error::kPeerData:
      return "data of a peer";
    case Error::kTooMany:
      return "too many permissions or channels";
  }
  return "unknown error";
}

}  // namespace bamgate::turn
