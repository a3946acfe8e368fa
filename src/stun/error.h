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
  kBadUri,          // no stun:, stuns:, turn: or turns: URI
};

/// A short lower-case text for logs and counters.
const char* to_string(Error error);

}  // namespace bamgate::stun
