#include "turn/event.h"

namespace bamgate::turn {

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::kNoAnswer:
      return "no answer";
    case Reason::kUnreachable:
      return "unreachable";
    case Reason::kConnectionClosed:
      return "connection closed";
    case Reason::kMoved:
      return "moved to another path";
    case Reason::kForgotten:
      return "forgotten by the server";
    case Reason::kExpired:
      return "expired";
    case Reason::kOutOfStep:
      return "channels out of step";
    case Reason::kBadCredentials:
      return "wrong name or password";
    case Reason::kBidDown:
      return "challenge without a usable algorithm";
    case Reason::kForged:
      return "answers that are not authentic";
    case Reason::kBadAnswer:
      return "unusable answer";
    case Reason::kBadRequest:
      return "request refused as malformed";
    case Reason::kForbidden:
      return "forbidden";
    case Reason::kFamily:
      return "address family not supported";
    case Reason::kTransport:
      return "relayed transport not supported";
    case Reason::kQuota:
      return "too many allocations";
    case Reason::kCapacity:
      return "no address left";
    case Reason::kMismatch:
      return "another allocation in the way";
    case Reason::kRedirected:
      return "redirected in a circle";
    case Reason::kServerError:
      return "server error";
  }
  return "unknown reason";
}

}  // namespace bamgate::turn
