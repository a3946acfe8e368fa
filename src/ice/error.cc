#include "ice/error.h"

namespace bamgate::ice {

const char* to_string(Error error) {
  switch (error) {
    case Error::kBadCandidate:
      return "malformed candidate";
    case Error::kTcpCandidate:
      return "not a UDP candidate";
    case Error::kHostName:
      return "candidate with a host name";
    case Error::kOtherComponent:
      return "candidate of another component";
    case Error::kUnusableAddress:
      return "unusable address";
    case Error::kExcludedAddress:
      return "address inside the tunnel";
    case Error::kTooMany:
      return "too many candidates";
    case Error::kBadCredentials:
      return "malformed credentials";
    case Error::kClosed:
      return "session is over";
    case Error::kNotStun:
      return "not a STUN message";
    case Error::kUnknownPath:
      return "unknown local socket or relay";
    case Error::kBadUsername:
      return "check for another session";
    case Error::kBadIntegrity:
      return "wrong message integrity";
    case Error::kBadRequest:
      return "malformed check";
    case Error::kNoTransaction:
      return "response to no request";
    case Error::kErrorResponse:
      return "error response";
    case Error::kBadResponse:
      return "unusable response";
    case Error::kUnexpectedMethod:
      return "unexpected message";
  }
  return "unknown error";
}

}  // namespace bamgate::ice
