// What can go wrong in a peer connection.
#pragma once

#include <cstdint>

namespace bamgate::peer {

enum class Error : std::uint8_t {
  kMalformedDescription,    // not SDP, or a line that we need is broken
  kUnsupportedDescription,  // SDP without a data channel section that we can answer
  kWrongState,              // the call does not fit the state: a second offer, an answer without an offer
  kOtherConnection,         // a later description of another certificate or DTLS role: of another connection
  kGlare,                   // a later offer while ours is out, and ours counts: there is no answer to it
  kRestartRefused,          // the answer to an ICE restart has the former ufrag and password
  kMalformedCandidate,      // a candidate line that cannot be read
  kUnsupportedCandidate,    // TCP, mDNS or another component: ignored by whoever adds it
  kUnknownUfrag,            // a candidate of no session that is known
  kUnknownProtocol,         // a datagram that belongs to none of our protocols
  kBadPacket,               // the layer that it belongs to refused the datagram
  kUnexpectedSource,        // DTLS from a path that no connectivity check has proven
  kNotConnected,            // nothing can be sent now
  kWouldBlock,              // the send buffer is full
  kMessageTooLarge,         // longer than the peer's a=max-message-size or ours allows
  kIceFailed,               // no path was found, or consent ended and did not come back
  kDtlsSilent,              // a path was found, and not one DTLS record came over it
  kDtlsFailed,              // the handshake failed or the remote certificate is not the announced one
  kSctpFailed,              // the association could not be made or was aborted
  kClosedByRemote,          // the other side closed in an orderly way
  kClosedByUs,              // close() was called
  kNoAnswer,                // data was sent and nothing authenticated came back
};

/// A short English phrase for logs and errors.
const char* to_string(Error error);

}  // namespace bamgate::peer
