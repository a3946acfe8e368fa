// What a TURN client tells its owner: what became of the allocation, and of what was asked of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/endpoint.h"
#include "core/time.h"
#include "stun/value.h"

namespace bamgate::turn {

/// Why there is no allocation, or no longer.
enum class Reason : std::uint8_t {
  kNoAnswer,          // the server does not answer: it is down, or the way to it is blocked
  kUnreachable,       // the network or the connection to the server failed
  kConnectionClosed,  // the stream ended; over a stream the allocation ends with it
  kMoved,             // the owner gave another way to the server: allocations belong to one
  kForgotten,         // the server does not know the allocation any more (437): it was started again, or let it expire
  kExpired,           // its time ran out before the server answered a refresh
  kOutOfStep,         // client and server disagree about channels; RFC 8656 §12.3: a new allocation is made
  kBadCredentials,    // name or password are wrong, or their time is over (401, 441)
  kBidDown,           // a challenge without what it must carry, or without an algorithm that we know
  kForged,            // only answers came that the password does not fit
  kBadAnswer,         // a success that lacks what it must carry, or an address of a family that was not asked for
  kBadRequest,        // the server calls our request malformed (400, 420)
  kForbidden,         // the server does not want to (403)
  kFamily,            // the server has no addresses of that family (440)
  kTransport,         // the server relays no UDP (442)
  kQuota,             // too many allocations for this name (486)
  kCapacity,          // the server has no address left (508)
  kMismatch,          // the server sees another allocation on this path, and does not give it up (437)
  kRedirected,        // sent on to servers (300) that were asked before, or by an answer that anybody may have written
  kServerError,       // any other error
};

/// A short lower-case text for logs and status.
const char* to_string(Reason reason);

/// The client needs a way to its server: open a connection, or choose a UDP socket, and call set_transport().
struct TransportWanted {
  Endpoint server;         // the one of the options, or the one that it sent us on to
  bool alternate = false;  // it is the latter
  std::string domain{};    // which name a certificate of an alternate server is to have; may be empty
};

/// There is an allocation. Permissions and channels that are wanted are asked for from now on.
struct Allocated {
  std::optional<Endpoint> relayed4{};  // where peers send to; at least one of the two
  std::optional<Endpoint> relayed6{};
  Endpoint mapped{};                            // our address as the server sees it: a server-reflexive one over UDP
  std::chrono::seconds lifetime{};              // that the server gave; it is refreshed in time
  std::optional<std::uint16_t> missing_code{};  // why of two families one was not allocated: 440 or 508
};

/// There was an allocation, and it is gone with its addresses. A new one is tried for at once, or, where the last ones
/// did not last, after a while.
struct Lost {
  Reason reason;
  Instant retry;
};

/// There is no allocation, and trying failed.
struct Failed {
  Reason reason;
  std::uint16_t code = 0;  // of the server's error; 0: there was none
  Instant retry;           // when the client tries again by itself; kNever: not before restart() or new credentials
};

/// The server sent us on to another one, over UDP.
struct Redirected {
  Endpoint server;
};

struct PermissionInstalled {
  IpAddress address;
};
/// Not asked for again before the next permit(). Its peer cannot be reached by this relay.
struct PermissionRefused {
  IpAddress address;
  std::uint16_t code = 0;
};

struct ChannelBound {
  Endpoint peer;
  std::uint16_t number = 0;
};
/// Not asked for again before the next bind(). Packets for the peer travel in Send indications.
struct ChannelRefused {
  Endpoint peer;
  std::uint16_t code = 0;
};

/// The relay heard an ICMP error of a peer (RFC 8656 §11.6). Anybody who can send to the relay can cause it.
struct IcmpHeard {
  Endpoint peer;
  stun::IcmpError error;
};

/// close() is done: the server has deleted the allocation, or was given time to.
struct Closed {};

using Event = std::variant<TransportWanted, Allocated, Lost, Failed, Redirected, PermissionInstalled, PermissionRefused,
                           ChannelBound, ChannelRefused, IcmpHeard, Closed>;

}  // namespace bamgate::turn
