// What the hub asks its host to do: send, close, reply, fetch, log. Close codes are those of protocol.md, "Signaling";
// the events of the log are listed in docs/hub.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/endpoint.h"
#include "hub/host.h"
#include "hub/http.h"
#include "json/value.h"

namespace bamgate::hub {

/// One WebSocket, numbered by the host; a number is never used twice in the life of a Hub.
enum class ConnectionId : std::uint64_t {};

enum class CloseCode : std::uint16_t {
  kTooSlow = 1008,       // it does not read what it asked for (RFC 6455 §7.4.1); it may come again
  kMalformed = 4400,     // not a message that may stand here
  kUnauthorized = 4401,  // the access token expired before the join, or the device has another name now
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

/// Send the same text message to each of these, in this order.
struct Broadcast {
  std::vector<ConnectionId> connections;
  std::string text;
};

/// Call on_sent() for this connection once, when nothing that was sent on it waits any more; that may be at once.
struct WhenSent {
  ConnectionId connection{};
};

/// Send one binary message (TURN over WebSocket).
struct SendBinary {
  ConnectionId connection{};
  std::vector<std::byte> data;
};

/// Send one datagram from the hub's UDP port (TURN over UDP).
struct SendDatagram {
  Endpoint to;
  IpAddress from;  // which of our addresses it leaves from; none: the system's choice
  std::vector<std::byte> data;
};

/// Send a close frame and forget the connection. The hub has forgotten it already: on_close() for it is not needed, and
/// does nothing when it comes all the same.
struct Close {
  ConnectionId connection{};
  CloseCode code{};
  std::string reason;  // at most 123 bytes (RFC 6455 §5.5)
};

/// Answer a request for which on_http() returned nullopt.
struct Reply {
  RequestId request{};
  HttpReply reply;
};

enum class LogLevel : std::uint8_t {
  kDebug,    // what happens all the time, or what a stranger can make happen at will
  kInfo,     // what somebody did to the network
  kWarning,  // what somebody should look at
};

/// One event for the log. No field holds a token, a key or a full address.
struct Log {
  LogLevel level{};
  std::string_view event;  // "device_registered"; a literal
  json::Object fields;     // texts and numbers
};

using Effect = std::variant<SendText, Broadcast, WhenSent, SendBinary, SendDatagram, Close, Reply, Fetch, Log>;

}  // namespace bamgate::hub
