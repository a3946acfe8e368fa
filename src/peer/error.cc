#include "peer/error.h"

#include <utility>

namespace bamgate::peer {

const char* to_string(Error error) {
  switch (error) {
    case Error::kMalformedDescription:
      return "the session description cannot be read";
    case Error::kUnsupportedDescription:
      return "the session description offers no data channel";
    case Error::kWrongState:
      return "the call does not fit the connection's state";
    case Error::kOtherConnection:
      return "the session description belongs to another connection";
    case Error::kGlare:
      return "both sides made an offer, and ours counts";
    case Error::kRestartRefused:
      return "the peer does not restart ICE";
    case Error::kMalformedCandidate:
      return "the candidate cannot be read";
    case Error::kUnsupportedCandidate:
      return "the candidate is of a kind that is not used";
    case Error::kUnknownUfrag:
      return "the candidate belongs to no session that is known";
    case Error::kUnknownProtocol:
      return "the datagram belongs to no known protocol";
    case Error::kBadPacket:
      return "the datagram was refused";
    case Error::kUnexpectedSource:
      return "the datagram came from an unproven path";
    case Error::kNotConnected:
      return "not connected";
    case Error::kWouldBlock:
      return "the send buffer is full";
    case Error::kMessageTooLarge:
      return "the message is too large";
    case Error::kIceFailed:
      return "no network path to the peer works";
    case Error::kDtlsSilent:
      return "a path was found, but the peer sent no DTLS over it";
    case Error::kDtlsFailed:
      return "the DTLS handshake failed";
    case Error::kSctpFailed:
      return "the SCTP association failed";
    case Error::kClosedByRemote:
      return "the peer closed the connection";
    case Error::kClosedByUs:
      return "closed";
    case Error::kNoAnswer:
      return "the peer stopped answering";
  }
  std::unreachable();
}

}  // namespace bamgate::peer
