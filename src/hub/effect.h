// What the hub asks its host to do: send, close, log. Close codes are those of protocol.md, "Signaling".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace bamgate::hub {

/// One WebSocket, numbered by the host; a number is never used twice in the life of a Hub.
enum class ConnectionId : std::uint64_t {};

enum class CloseCode : std::uint16_t {
  kMalformed = 4400,     // not a message that may stand here
  kUnauthorized = 4401,  // the access token expired before the join
  kForbidden = 4403,     // an identity that is not the token's device
  kReplaced = 4409,      // the device has a newer connection
  kRevoked = 4410,       // the device was revoked, or registered again
  kFlooding = 4429,      // too many messages, or too many peers
  kInternal = 1011,      // the database failed (RFC 6455 §7.4.1); come again later
};

/// Send one text message.
struct SendText {
  ConnectionId connection{};
  std::string text;
};

/// Send one binary message (TURN over WebSocket).
struct SendBinary {
  ConnectionId connection{};
  std::vector<std::byte> data;
};

/// Send a close frame and forget the connection. The hub has forgotten it already: on_close() for it is not needed, and
/// does nothing when it comes all the same.
struct Close {
  ConnectionId connection{};
  CloseCode code{};
  std::string reason;  // at most 123 bytes (RFC 6455 §5.5)
};

/// A line for the log at level info. It holds no token, no key and no address.
struct Log {
  std::string text;
};

using Effect = std::variant<SendText, SendBinary, Close, Log>;

}  // namespace bamgate::hub
