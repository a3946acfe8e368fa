#include "net/error.h"

#include <cerrno>
#include <cstring>

namespace bamgate::net {

std::string_view to_string(Error error) {
  switch (error) {
    case Error::kResolve:
      return "name not resolved";
    case Error::kConnect:
      return "connection refused or unreachable";
    case Error::kTimeout:
      return "timeout";
    case Error::kTls:
      return "TLS failed";
    case Error::kCertificate:
      return "certificate not trusted";
    case Error::kDates:
      return "certificate not valid at this time";
    case Error::kClosed:
      return "connection closed";
    case Error::kProtocol:
      return "protocol violated";
    case Error::kTooLarge:
      return "too large";
    case Error::kRefused:
      return "upgrade refused";
    case Error::kNobodyListens:
      return "nobody listens";
    case Error::kInUse:
      return "in use";
    case Error::kPermission:
      return "not permitted";
    case Error::kInvalid:
      return "invalid argument";
    case Error::kSystem:
      return "system call failed";
  }
  return "unknown error";
}

bool NetError::is_unreachable() const {
  switch (code) {
    case Error::kResolve:
    case Error::kConnect:
    case Error::kTimeout:
    case Error::kTls:
    case Error::kCertificate:
    case Error::kDates:
    case Error::kClosed:
      return true;
    case Error::kProtocol:
    case Error::kTooLarge:
    case Error::kRefused:
    case Error::kNobodyListens:
    case Error::kInUse:
    case Error::kPermission:
    case Error::kInvalid:
    case Error::kSystem:
      return false;
  }
  return false;
}

std::unexpected<NetError> fail_errno(std::string_view what, int error_number, Error code) {
  if (error_number == EACCES || error_number == EPERM) code = Error::kPermission;
  if (error_number == EADDRINUSE) code = Error::kInUse;
  return fail(code, std::string(what) + ": " + std::strerror(error_number));
}

}  // namespace bamgate::net
