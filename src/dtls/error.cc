#include "dtls/error.h"

namespace bamgate::dtls {

const char* to_string(Error error) {
  switch (error) {
    case Error::kNotDtls:
      return "not a DTLS record";
    case Error::kBadRecord:
      return "record discarded";
    case Error::kNotApplicationData:
      return "not application data";
    case Error::kNotConnected:
      return "not connected";
    case Error::kBadSize:
      return "bad packet size";
    case Error::kNoRoom:
      return "no room for header and tag";
    case Error::kClosed:
      return "session is closed";
    case Error::kBadOptions:
      return "bad options";
    case Error::kFingerprintMismatch:
      return "fingerprint mismatch";
    case Error::kHandshakeFailed:
      return "handshake failed";
    case Error::kHandshakeTimeout:
      return "handshake timed out";
    case Error::kProtocolViolation:
      return "protocol violation";
    case Error::kAlertReceived:
      return "fatal alert received";
    case Error::kClosedByPeer:
      return "closed by peer";
    case Error::kClosedLocally:
      return "closed locally";
    case Error::kLibraryFailed:
      return "mbedTLS failed";
  }
  return "unknown";
}

}  // namespace bamgate::dtls
