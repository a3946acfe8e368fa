// What a host does for an agent: each port carries out a few of its effects. Runner calls them, one at a time and in
// the agent's order; they may call it back at once. A host has nothing of the agent's life but these.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/effect.h"
#include "config/pins.h"
#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/ip_address.h"
#include "core/transmit.h"

namespace bamgate::agent {

/// The life of one agent, from start() to end(). What was asked in it is answered with it; an answer to an agent that
/// is gone goes nowhere.
enum class RunId : std::uint32_t {};

/// One try to connect to the hub, and the connection that comes of it. What it reports carries it; one that was given
/// up or has reported its end is heard no more.
enum class HubGeneration : std::uint32_t {};

/// The same of one stream to a relay.
enum class RelayGeneration : std::uint32_t {};

/// A UDP socket of the device; destroying it closes it.
class Socket {
 public:
  virtual ~Socket() = default;
  /// The address that it is bound to.
  virtual const Endpoint& base() const = 0;
  /// Sends one datagram without waiting. False: it is lost. `datagram` is valid during the call.
  [[nodiscard]] virtual bool send(const Endpoint& remote, Bytes datagram, Ecn ecn) = 0;
};

class Sockets {
 public:
  virtual ~Sockets() = default;
  /// OpenSocket: what it receives goes to Runner::on_datagram() with that number. Null when it cannot be opened.
  virtual std::unique_ptr<Socket> open_socket(SocketId socket, const IpAddress& address) = 0;
};

class HubLink {
 public:
  virtual ~HubLink() = default;
  /// ConnectHub: begins to open the WebSocket, in place of the one before. It reports to Runner::on_hub_open() or
  /// on_hub_connect_failed(), then on_hub_text(), on_hub_pong() and on_hub_closed(), each with `generation`.
  virtual void connect_hub(HubGeneration generation, std::string access_token) = 0;
  /// SendToHub, PingHub: only while the connection is open. False: the text is lost.
  [[nodiscard]] virtual bool send_to_hub(std::string text) = 0;
  virtual void ping_hub() = 0;
  /// The address of this machine from which the open connection leaves; nullopt when that is not known.
  virtual std::optional<IpAddress> hub_address() const { return std::nullopt; }
  /// DisconnectHub: closes the connection, or gives up the try. Also when there is none.
  virtual void disconnect_hub(std::uint16_t code) = 0;

  // Streams to relays: to the hub's a WebSocket (`GET /turn?batch=1`), to those of one's own TCP or TLS. A host that
  // has none leaves them as they are.

  /// ConnectRelay: begins to open one. It reports to Runner::on_relay_open(), then on_relay_message(), and to
  /// on_relay_closed() when it ends or could not be opened, each with `generation`.
  virtual void connect_relay(RelayGeneration /*generation*/, RelayWay /*way*/) {}
  /// One message or several, each padded to 4 bytes, valid during the call; only while that stream is open. False: they
  /// are lost.
  [[nodiscard]] virtual bool send_to_relay(RelayGeneration /*generation*/, Bytes /*messages*/) { return false; }
  /// Closes it, or gives up the try. Nothing more is reported of it.
  virtual void disconnect_relay(RelayGeneration /*generation*/) {}
  /// ResolveServers: asks for the addresses of all servers that are known by name again, soon.
  virtual void resolve_servers() {}
};

class TunPort {
 public:
  virtual ~TunPort() = default;
  /// WriteTun: one IP packet, valid during the call. False: it is lost.
  [[nodiscard]] virtual bool write_tun(Bytes packet) = 0;
  /// SetRoutes: exactly these lead into the TUN, besides its own network.
  virtual void set_routes(std::vector<IpPrefix> routes) = 0;
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;
  /// RefreshAccessToken: exchanges the stored refresh token, stores the new one first, then reports to
  /// Runner::on_access_token() or on_token_failed() with `run`.
  virtual void refresh_access_token(RunId run) = 0;
};

class PinStore {
 public:
  virtual ~PinStore() = default;
  /// StorePins: in place of those that were stored before. What cannot be written is kept for this run alone.
  virtual void store_pins(std::vector<config::Pin> pins) = 0;
};

/// Whoever started the agent.
class Owner {
 public:
  virtual ~Owner() = default;
  /// A line for the person who watches.
  virtual void notice(Notice notice) = 0;
  /// The agent has given up for good: stop() and, not before this call has returned, end() are to follow.
  virtual void gave_up(StopReason reason) = 0;
};

/// All of them outlive the runner.
struct Ports {
  Sockets& sockets;
  HubLink& hub;
  TunPort& tun;
  TokenStore& tokens;
  PinStore& pins;
  Owner& owner;
};

}  // namespace bamgate::agent
