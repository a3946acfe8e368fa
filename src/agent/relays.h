// The device's allocations at relays: one at each server over each transport, shared by all connections, which see each
// of them as one more local path (RFC 8445 §5.1.1.1, relayed candidates). By UDP they share a socket of the node; by
// WebSocket the host carries their messages. A pure machine.
//
// A permission is asked for when the first packet for a peer leaves, and that packet waits for it: so nobody has to say
// beforehand whom a connection will try. Who was not sent anything for a while is forgotten.
// Left out so far: relays of one's own ([turn] servers), TCP and TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/buffer_pool.h"
#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/transmit.h"
#include "turn/client.h"
#include "turn/credentials.h"
#include "wg/tai64n.h"

namespace bamgate::agent {

/// A relay's allocation: a candidate. `socket` stands for it in paths, and is no socket of the system.
struct RelayFound {
  RelayId relay;
  SocketId socket;
  Endpoint relayed;
  Endpoint mapped;
  turn::Transport transport;
};
/// The allocation is gone, and paths through it lead nowhere.
struct RelayGone {
  SocketId socket;
};

class Relays {
 public:
  using Event = std::variant<RelayFound, RelayGone>;

  /// The path of messages that the host carries by WebSocket.
  static constexpr Path kWebSocket{SocketId::kNone, {}, RelayId{1}};
  /// Packets that wait for a permission, at one server.
  static constexpr std::size_t kMaxWaiting = 32;
  /// A peer that nothing was sent to for so long is forgotten.
  static constexpr auto kPeerMemory = std::chrono::minutes(5);

  /// `random`, `crypto` and `pool` outlive it. With an empty secret nothing is relayed.
  Relays(std::string device, SecretText turn_secret, const wg::WallClock& clock, Random& random, Crypto& crypto,
         BufferPool& pool);
  Relays(const Relays&) = delete;
  Relays& operator=(const Relays&) = delete;
  ~Relays();

  /// The hub's relay on its UDP port; a server that is known is ignored.
  void add_udp(Instant now, const Endpoint& server);
  /// The same by WebSocket: wants_connection() says when the host is to open one.
  void add_websocket(Instant now);

  /// The open sockets of the device, the most promising first: relays by UDP use the first of their family.
  void set_sockets(Instant now, const std::vector<std::pair<SocketId, Family>>& sockets);

  /// Something has changed that may help, as a hub that is back: whether the allocations are still there is asked, and
  /// what rests after it failed is tried at once.
  void look_again(Instant now);

  /// A WebSocket is wanted, and none is being opened.
  bool wants_connection() const { return wants_connection_; }
  void connecting() { wants_connection_ = false; }
  void on_open(Instant now);
  void on_closed(Instant now);

  /// True for what a relay sends by UDP; Binding responses are for the gatherer, though they come from the same port.
  bool is_from_relay(const Path& path, Bytes datagram) const;
  /// What a peer sent through a relay, and on which path; a view into `message`. nullopt: the relay's own words.
  std::optional<Received> receive(Instant now, const Path& path, MutableBytes message);

  /// Puts what the relay needs around the datagram in `buffer`, which is for a peer on `transmit.path`, and says where
  /// it goes then; nullopt: it waits for a permission, or is lost with its relay.
  std::optional<Transmit> seal(Instant now, const Transmit& transmit, MutableBytes buffer);

  /// What there is now, as candidates.
  std::vector<RelayFound> found() const;
  bool has(SocketId socket) const;
  /// How messages travel to the relay of that path.
  std::optional<turn::Transport> transport_of(const Path& path) const;

  /// Gives all allocations back.
  void close(Instant now);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;
  turn::ClientCounters counters() const;

 private:
  struct Server {
    Server(const turn::ClientOptions& options, turn::Credentials credentials, Random& random, Crypto& crypto)
        : transport(options.transport),
          endpoint(options.server),
          username(credentials.username),
          client(options, std::move(credentials), random, crypto) {}

    turn::Transport transport;
    Endpoint endpoint;  // by UDP
    std::string username;
    turn::Client client;
    std::optional<RelayFound> allocation = {};
    std::map<Endpoint, Instant> peers = {};  // and when something was sent to each
    std::deque<std::pair<Endpoint, PacketBuffer>> waiting = {};
  };

  void add(Instant now, const turn::ClientOptions& options);
  Server* find(const Path& path) const;
  UnixTime unix_time(Instant now) const;
  void choose_socket(Instant now, Server& server);
  void pump(Instant now, Server& server);
  void handle_event(Instant now, Server& server, const turn::Event& event);
  void lose(Server& server);
  void send_waiting(Instant now, Server& server);
  void forget_peers(Instant now, Server& server);

  turn::HubCredentials maker_;
  bool enabled_;
  wg::WallClock clock_;
  Random& random_;
  Crypto& crypto_;
  BufferPool& pool_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::pair<SocketId, Family>> sockets_;
  bool wants_connection_ = false;
  std::uint32_t next_ = 1;
  Instant next_look_ = kNever;  // at peers and credentials
  std::deque<Event> events_;
  std::deque<std::pair<Path, PacketBuffer>> out_;  // sealed
};

}  // namespace bamgate::agent
