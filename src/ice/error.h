// Why the ICE layer refused something. Leaves out what became of the connection: that is an event of the agent.
#pragma once

#include <cstdint>

namespace bamgate::ice {

enum class Error : std::uint8_t {
  kBadCandidate,      // not a candidate line as RFC 8839 §5.1 writes it
  kTcpCandidate,      // a transport other than UDP: may be ignored
  kHostName,          // a ".local" (mDNS) or other name where an address is needed: may be ignored
  kOtherComponent,    // a component other than 1: may be ignored
  kUnusableAddress,   // an address or port that no peer can have: unspecified, multicast, link-local, loopback, port 0
  kExcludedAddress,   // an address that is reached through the tunnel itself
  kTooMany,           // a bound on candidates or pairs is reached
  kBadCredentials,    // a ufrag or password of wrong length or with wrong characters
  kClosed,            // the agent has failed, lost consent or was closed
  kNotStun,           // the datagram is no well-formed STUN message
  kUnknownPath,       // it came on a socket or relay that the agent was not given
  kBadUsername,       // a check for another session: its USERNAME does not name ours
  kBadIntegrity,      // MESSAGE-INTEGRITY is missing or wrong
  kBadRequest,        // an authentic request that lacks what a check must carry, or carries what nobody knows
  kNoTransaction,     // a response to nothing that is in flight here
  kErrorResponse,     // the other side answered a check or a STUN server a request with an error
  kBadResponse,       // an authentic answer from elsewhere than the check went, or with an unusable mapped address
  kUnexpectedMethod,  // neither a Binding request nor a response to one
};

/// A short lower-case text for logs and counters.
const char* to_string(Error error);

}  // namespace bamgate::ice
