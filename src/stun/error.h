// Why the STUN layer refused something.
#pragma once

#include <cstdint>

namespace bamgate::stun {

enum class Error : std::uint8_t {
  kNotStun,         // the first bits, the magic cookie or the size are not those of a STUN message
  kBadLength,       // the header's length does not agree with the datagram
  kBadAttribute,    // an attribute runs past the end, or its value has the wrong form
  kBadFingerprint,  // FINGERPRINT is wrong, or something follows it
  kNoIntegrity,     // the message carries no MESSAGE-INTEGRITY of the kind asked for
  kBadIntegrity,    // MESSAGE-INTEGRITY does not match the key
  kBufferTooSmall,  // the message does not fit into the caller's buffer
  kBadValue,        // an attribute cannot carry the value that the caller wants to write
  kBadUri,          // no stun:, stuns:, turn: or turns: URI

  kUnknownTransaction,   // a response to no request that waits: late, cancelled or forged
  kTooManyTransactions,  // as many requests as may be on their way to one server already wait for answers
  kUnknownAttribute,     // a response with an attribute that must be understood and is not: the transaction failed
  kNoErrorCode,          // an error response that does not say which error: the transaction failed
  kTimeout,              // nobody answered: the transaction failed
  kUnreachable,          // the network or the connection failed, and so did the transaction
};

/// A short lower-case text for logs and counters.
const char* to_string(Error error);

}  // namespace bamgate::stun
