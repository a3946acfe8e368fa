// What the agent asks of the outside: its only output besides datagrams. The owner of sockets, TUN and HTTP carries
// each effect out, in order, after it has drained poll_transmit().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/endpoint.h"
#include "core/ip_address.h"
#include "core/packet_buffer.h"

namespace bamgate::agent {

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
/// The WebSocket of the hub's relay.
struct HubRelay {
  std::string access_token;
};
/// TCP, or TLS over it, to a relay of one's own. `to`: where it is, when it sent us on; `host` is then no more than the
/// name that its certificate is to carry.
struct StreamRelay {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::optional<Endpoint> to = {};
};
using RelayWay = std::variant<HubRelay, StreamRelay>;
/// Open a stream to a relay, in place of the one before; report on_relay_open() or on_relay_closed() with `line`.
struct ConnectRelay {
  RelayId line;
  RelayWay way;
};
struct DisconnectRelay {
  RelayId line;
};
/// A server does not answer. Its name may lead elsewhere by now: ask for the addresses of all of them again.
struct ResolveServers {};
/// Open a UDP socket on this local address; report on_socket() or on_socket_failed().
struct OpenSocket {
  SocketId socket;
  IpAddress address;
};
/// The address is gone: close that socket. There may be none, when it could not be opened.
struct CloseSocket {
  SocketId socket;
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

using Effect =
    std::variant<RefreshAccessToken, ConnectHub, SendToHub, PingHub, DisconnectHub, ConnectRelay, DisconnectRelay,
                 ResolveServers, OpenSocket, CloseSocket, WriteTun, SetRoutes, StorePins, Notice, Stop>;

}  // namespace bamgate::agent
