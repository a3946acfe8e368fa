#include "os/os_error.h"

#include <cerrno>
#include <system_error>

namespace bamgate::os {
namespace {

Error classify(int number) {
  switch (number) {
    case EPERM:
    case EACCES:
      return Error::kNotPermitted;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ESRCH:
    case EADDRNOTAVAIL:
      return Error::kNotFound;
    case EEXIST:
      return Error::kExists;
    case EBUSY:
    case EWOULDBLOCK:
      return Error::kBusy;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case ENOSYS:
      return Error::kUnsupported;
    case EINVAL:
    case ENAMETOOLONG:
      return Error::kInvalid;
    case EFBIG:
    case EMSGSIZE:
      return Error::kTooLarge;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return Error::kUnreachable;
    default:
      return Error::kSystem;
  }
}

}  // namespace

std::string_view to_string(Error error) {
  switch (error) {
    case Error::kNotPermitted:
      return "NotPermitted";
    case Error::kNotFound:
      return "NotFound";
    case Error::kExists:
      return "Exists";
    case Error::kBusy:
      return "Busy";
    case Error::kUnsupported:
      return "Unsupported";
    case Error::kInvalid:
      return "Invalid";
    case Error::kTooLarge:
      return "TooLarge";
    case Error::kInsecure:
      return "Insecure";
    case Error::kUnreachable:
      return "Unreachable";
    case Error::kSystem:
      return "System";
  }
  return "?";
}

OsError system_failure(std::string_view what, int number, std::string_view advice) {
  const Error code = classify(number);
  std::string text(what);
  text += ": ";
  text += std::generic_category().message(number);
  if (!advice.empty()) {
    text += "; ";
    text += advice;
  } else if (code == Error::kNotPermitted) {
    text += "; run as root";
  }
  return {code, number, std::move(text)};
}

}  // namespace bamgate::os
