// What the agent asks of the outside: its only output besides datagrams. The owner of sockets, TUN and HTTP carries
// each effect out, in order, after it has drained poll_transmit().
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/ip_address.h"
#include "core/packet_buffer.h"

namespace bamgate::agent {

/// One try to connect to one peer. Sockets are opened for an attempt and closed with it, so that a packet of an old
/// session can never reach a new one.
enum class AttemptId : std::uint32_t {};

/// Refresh the access token over HTTP with the stored refresh token, write the new refresh token to disk, then report
/// Agent::on_access_token() or on_token_failed().
struct RefreshAccessToken {};
/// Open the WebSocket to the hub; report on_hub_open() or on_hub_connect_failed().
struct ConnectHub {
  std::string access_token;
};
struct SendToHub {
  std::string text;
};
struct PingHub {};
struct DisconnectHub {
  std::uint16_t code = 1000;
};
/// Open one UDP socket on each usable local address; report on_socket() for each, then on_sockets_complete().
struct OpenSockets {
  AttemptId attempt;
};
struct CloseSockets {
  AttemptId attempt;
};
/// Write one IP packet to the TUN device.
struct WriteTun {
  PacketBuffer packet;
};
/// Exactly these prefixes are to be routed into the TUN, besides its own network.
struct SetRoutes {
  std::vector<IpPrefix> routes;
};

/// Agent::pins() have changed: to be on disk for the next run.
struct StorePins {};

enum class NoticeLevel : std::uint8_t { kDebug, kInfo, kWarning };

/// A line for the person who watches.
struct Notice {
  NoticeLevel level = NoticeLevel::kInfo;
  std::string text;
};

enum class StopReason : std::uint8_t {
  kRevoked,  // the hub does not know this device, or has revoked it: register again
};

/// The agent has given up for good.
struct Stop {
  StopReason reason;
};

using Effect = std::variant<RefreshAccessToken, ConnectHub, SendToHub, PingHub, DisconnectHub, OpenSockets,
                            CloseSockets, WriteTun, SetRoutes, StorePins, Notice, Stop>;

}  // namespace bamgate::agent
