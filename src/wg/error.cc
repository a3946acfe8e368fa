#include "wg/error.h"

namespace bamgate::wg {

const char* to_string(Error error) {
  switch (error) {
    case Error::kBadKey:
      return "bad public key";
    case Error::kWrongSize:
      return "wrong size";
    case Error::kUnknownType:
      return "unknown message type";
    case Error::kNotControl:
      return "not a control message";
    case Error::kNotData:
      return "not transport data";
    case Error::kBadMac1:
      return "bad mac1";
    case Error::kUnknownIndex:
      return "unknown receiver index";
    case Error::kBadTag:
      return "bad authentication tag";
    case Error::kWrongPeer:
      return "wrong peer";
    case Error::kReplayedInitiation:
      return "replayed initiation";
    case Error::kFlooded:
      return "too many initiations";
    case Error::kReplayed:
      return "replayed counter";
    case Error::kExpiredKeypair:
      return "expired keypair";
    case Error::kMalformedPacket:
      return "malformed inner packet";
    case Error::kNoKeypair:
      return "no keypair";
    case Error::kNoRoom:
      return "no room in packet buffer";
    case Error::kUnderLoad:
      return "no cookie while under load";
    case Error::kRateLimited:
      return "too many handshakes from this address";
    case Error::kUnknownPeer:
      return "unknown peer";
    case Error::kPeerExists:
      return "peer exists";
    case Error::kNoEndpoint:
      return "no endpoint";
  }
  return "unknown error";
}

}  // namespace bamgate::wg
