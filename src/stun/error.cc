#include "stun/error.h"

namespace bamgate::stun {

const char* to_string(Error error) {
  switch (error) {
    case Error::kNotStun:
      return "not a STUN message";
    case Error::kBadLength:
      return "length does not match the datagram";
    case Error::kBadAttribute:
      return "malformed attribute";
    case Error::kBadFingerprint:
      return "wrong fingerprint";
    case Error::kNoIntegrity:
      return "no message integrity";
    case Error::kBadIntegrity:
      return "wrong message integrity";
    case Error::kBufferTooSmall:
      return "buffer too small";
    case Error::kBadValue:
      return "value not allowed in this attribute";
    case Error::kBadUri:
      return "malformed URI";
    case Error::kUnknownTransaction:
      return "no such transaction";
    case Error::kTooManyTransactions:
      return "too many transactions";
    case Error::kUnknownAttribute:
      return "unknown required attribute";
    case Error::kNoErrorCode:
      return "error response without error code";
    case Error::kTimeout:
      return "no answer";
    case Error::kUnreachable:
      return "server unreachable";
  }
  return "unknown error";
}

}  // namespace bamgate::stun
