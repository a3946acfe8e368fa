// What goes wrong with sockets, TLS, HTTP and WebSocket, told so that a program can choose an exit code and a person
// can act: a code, and a sentence that names what was tried.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace bamgate::net {

enum class Error : std::uint8_t {
  kResolve,      // the name has no address, or no name server answered
  kConnect,      // no address accepted a connection: refused, unreachable
  kTimeout,      // the time given for the whole operation is over
  kTls,          // the TLS handshake or a TLS record failed
  kCertificate,  // the other side's certificate is not the pinned one, or no trusted authority vouches for it
  kDates,        // all is right with the certificate but its dates: one of the two clocks, or the certificate, is old
  kClosed,       // the other side ended the connection too early, or we closed it meanwhile
  kProtocol,     // the other side sent what HTTP, WebSocket or the control socket forbids
  kTooLarge,     // a header, body, message or line is over its limit
  kRefused,  // a WebSocket upgrade was answered with an ordinary HTTP reply; see http_status, http_body and http_type
  kNobodyListens,  // the control socket does not exist, or nobody listens on it
  kInUse,          // the address or the control socket is in use by another process
  kPermission,     // the operating system does not allow it
  kInvalid,        // an argument cannot be used: a URL, a PEM text, a path that is too long
  kSystem,         // another system call failed
};

/// The name of the code as words, as in "timeout".
std::string_view to_string(Error error);

/// One failure.
struct NetError {
  Error code = Error::kSystem;
  std::string detail;   // what was tried and what happened, without a full stop: "connect to 192.0.2.1:443: refused"
  int http_status = 0;  // kRefused: the status of the reply, else 0
  std::string http_body = {};  // kRefused: the (bounded) body of the reply
  std::string http_type = {};  // kRefused: its Content-Type

  /// True when the other side could not be reached at all or not be trusted: "hub unreachable" on the command line.
  bool is_unreachable() const;
};

template <typename T>
using Result = std::expected<T, NetError>;

/// A failure ready to be returned.
inline std::unexpected<NetError> fail(Error code, std::string detail) {
  return std::unexpected(NetError{code, std::move(detail), 0, {}});
}

/// A failure of a system call: "WHAT: text of `error_number`". EACCES and EPERM become kPermission, EADDRINUSE kInUse,
/// anything else `code`.
std::unexpected<NetError> fail_errno(std::string_view what, int error_number, Error code = Error::kSystem);

}  // namespace bamgate::net
