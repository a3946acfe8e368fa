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
  }
  return "unknown error";
}

}  // namespace bamgate::turn
