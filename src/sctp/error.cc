#include "sctp/error.h"

namespace bamgate::sctp {

std::string_view to_string(Error error) {
  switch (error) {
    case Error::kBadOptions:
      return "bad options";
    case Error::kRuntimeTaken:
      return "another SCTP runtime lives";
    case Error::kOutOfMemory:
      return "out of memory";
    case Error::kNotConnected:
      return "not connected";
    case Error::kClosed:
      return "closed";
    case Error::kWouldBlock:
      return "send buffer full";
    case Error::kMessageTooLarge:
      return "message too large";
    case Error::kUnknownChannel:
      return "unknown channel";
    case Error::kNoStreamLeft:
      return "no stream left";
    case Error::kUnsupported:
      return "not supported by the peer";
    case Error::kMalformed:
      return "malformed";
    case Error::kBadChecksum:
      return "wrong checksum";
    case Error::kWrongPort:
      return "wrong port";
    case Error::kShutdown:
      return "shut down";
    case Error::kAborted:
      return "aborted by the peer";
    case Error::kLocalAbort:
      return "aborted";
    case Error::kTimedOut:
      return "timed out";
    case Error::kRestarted:
      return "restarted by the peer";
    case Error::kQueueOverflow:
      return "events were not taken";
  }
  return "unknown error";
}

}  // namespace bamgate::sctp
