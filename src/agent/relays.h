// The device's allocations at relays, shared by all connections, which see each of them as one more local path (RFC
// 8445 §5.1.1.1, relayed candidates): at the hub's relay by UDP and by WebSocket, and at TURN servers of one's own
// ([turn] servers) by UDP, TCP and TLS. By UDP they share a socket of the node; streams ("lines") are the host's, which
// carries their messages. A pure machine.
//
// A permission is asked for when the first packet for a peer leaves, and that packet waits for it: so nobody has to say
// beforehand whom a connection will try. Who was not sent anything for a while is forgotten.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "agent/effect.h"
#include "core/buffer_pool.h"
#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/transmit.h"
#include "stun/uri.h"
#include "turn/client.h"
#include "turn/credentials.h"
#include "wg/tai64n.h"

namespace bamgate::agent {

/// A relayed address of an allocation: a candidate. `socket` stands for it in paths, and is no socket of the system.
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

/// A TURN server of one's own, and the account there. `uri` is also its name.
struct OwnRelay {
  stun::Uri uri;
  turn::Credentials credentials;
};

/// What a person wants to know of the relay on a path.
struct RelayUse {
  std::string server;          // "hub", or the URI
  std::string_view transport;  // udp, tcp, tls, websocket: how packets reach it
};

class Relays {
 public:
  using Event = std::variant<RelayFound, RelayGone>;

  /// The line that is a WebSocket to the hub, and the path of its messages.
  static constexpr RelayId kHubLine{1};
  static constexpr Path kWebSocket{SocketId::kNone, {}, kHubLine};
  /// Packets that wait for a permission, at one server.
  static constexpr std::size_t kMaxWaiting = 32;
  /// A relay from which nothing came for so long, while packets leave through it, is asked whether it still knows us:
  /// one that was started again does not, and says nothing by itself.
  static constexpr auto kSilence = std::chrono::seconds(2);
  /// A peer that nothing was sent to for so long is forgotten.
  static constexpr auto kPeerMemory = std::chrono::minutes(5);

  enum class Whose : std::uint8_t { kHub, kOwn };

  /// `random`, `crypto` and `pool` outlive it. With an empty secret the hub's relay is not used.
  Relays(std::string device, SecretText turn_secret, const wg::WallClock& clock, Random& random, Crypto& crypto,
         BufferPool& pool);
  Relays(const Relays&) = delete;
  Relays& operator=(const Relays&) = delete;
  ~Relays();

  /// The hub's relay on its UDP port; a server that is known is ignored.
  void add_udp(Instant now, const Endpoint& server);
  /// The same by WebSocket: wants_connection() says when the host is to open one.
  void add_websocket(Instant now);
  /// Exactly these of one's own. What is known already stays as it is; where its credentials are other ones, it is
  /// tried again with them. Servers by UDP whose host is a name wait for resolved().
  void set_own(Instant now, std::vector<OwnRelay> own);
  /// Where the host of that server by UDP is now, at most one address of each family. A server that serves is kept,
  /// whatever its name says; a silent one makes room.
  void resolved(Instant now, Whose whose, const stun::Uri& uri, const std::vector<Endpoint>& endpoints);

  /// The open sockets of the device, the most promising first: relays by UDP use the first of their family.
  void set_sockets(Instant now, const std::vector<std::pair<SocketId, Family>>& sockets);
  /// Asks the relays whether the allocations are still there.
  void check(Instant now);
  /// Something has changed that may help, as the network, or a hub that is back: the same, and what rests after it
  /// failed is tried at once, of one's own for want of a way alone.
  void look_again(Instant now);

  /// A WebSocket to the hub is wanted, and none is being opened.
  bool wants_connection() const { return wants_connection_; }
  void connecting() { wants_connection_ = false; }
  /// A line is open, and `remote` its other end; or it ended or could not be opened, and why.
  void on_open(Instant now, RelayId line = kHubLine, const Endpoint& remote = {});
  void on_closed(Instant now, RelayId line = kHubLine, std::string_view why = {});

  /// True for a path that begins at a line: what is sent there is sealed.
  static bool is_line(const Path& path) { return path.local == SocketId::kNone && path.relay != RelayId::kNone; }

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
  /// The relay of that path; nullopt: it has none of ours.
  std::optional<RelayUse> use_of(const Path& path) const;

  /// Gives all allocations back, and the lines.
  void close(Instant now);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  std::optional<Effect> poll_effect();
  Instant next_timeout() const;
  turn::ClientCounters counters() const;

 private:
  struct Server {
    Server(const turn::ClientOptions& options, const turn::Credentials& account, Random& random, Crypto& crypto)
        : transport(options.transport),
          endpoint(options.server),
          credentials(account),
          client(options, account, random, crypto) {}

    bool is_udp() const { return transport == turn::Transport::kUdp; }
    bool is_ready() const { return !addresses.empty(); }
    std::string name() const { return own ? uri.to_string() : "hub"; }

    turn::Transport transport;
    Endpoint endpoint;              // by UDP
    RelayId line = RelayId::kNone;  // in a stream
    bool own = false;               // not the hub's
    stun::Uri uri = {};             // not of the hub's WebSocket
    turn::Credentials credentials;
    turn::Client client;
    std::vector<RelayFound> addresses = {};  // of the allocation: one, or one of each family
    std::map<Endpoint, Instant> peers = {};  // and when something was sent to each
    std::deque<std::pair<Endpoint, PacketBuffer>> waiting = {};

    Instant heard = {};  // anything of it
    Instant checked = {};

    enum class Trouble : std::uint8_t {
      kNone,
      kNoWay,    // it does not answer, or cannot be reached
      kBusy,     // it wants to be left alone for a while
      kRefused,  // only another configuration helps
    };
    Trouble trouble = Trouble::kNone;
    bool told = false;        // a person knows of it
    bool is_leaving = false;  // it is not wanted any more: its allocation is being given back
    std::string why_closed;   // its line
  };
  using Servers = std::vector<std::unique_ptr<Server>>;

  // relays.cc: servers and the ways to them.
  void add_hub(Instant now, const turn::ClientOptions& options, const stun::Uri& uri);
  void add_own(Instant now, const OwnRelay& own, const Endpoint& endpoint);
  void add(Instant now, std::unique_ptr<Server> server);
  bool has_udp(const Endpoint& endpoint) const;
  const OwnRelay* find_own(const stun::Uri& uri) const;
  void leave(Instant now, Server& server);
  void sweep();
  UnixTime unix_time(Instant now) const;
  void choose_socket(Instant now, Server& server);
  void open_line(const Server& server, const turn::TransportWanted& wanted);
  void renew_credentials(Instant now, Server& server);

  // relay_events.cc: what the clients say.
  void pump(Instant now, Server& server);
  void handle_event(Instant now, Server& server, const turn::Event& event);
  void take_allocation(Server& server, const turn::Allocated& allocated);
  void take_failure(Instant now, Server& server, const turn::Failed& failed);
  void lose(Server& server);

  // relay_packets.cc
  Server* find(const Path& path) const;
  void send_waiting(Instant now, Server& server);
  static void doubt(Instant now, Server& server);
  void forget_peers(Instant now, Server& server);

  turn::HubCredentials maker_;
  bool enabled_;  // the hub's
  wg::WallClock clock_;
  Random& random_;
  Crypto& crypto_;
  BufferPool& pool_;
  Servers servers_;
  std::vector<OwnRelay> own_;
  std::vector<std::pair<SocketId, Family>> sockets_;
  bool wants_connection_ = false;
  std::uint32_t next_ = std::to_underlying(kHubLine);  // the last that was given to a line or an address
  Instant next_look_ = kNever;                         // at peers and credentials
  std::deque<Event> events_;
  std::deque<Effect> effects_;
  std::deque<std::pair<Path, PacketBuffer>> out_;  // sealed
};

}  // namespace bamgate::agent
