// One device of the network: it keeps a connection to the hub, one WireGuard tunnel and one PeerConnection to each
// other device, and moves packets between them and the TUN. Pure: its output is datagrams (poll_transmit) and a list of
// effects (poll_effect) that the owner of sockets, TUN, HTTP and files carries out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/address_claims.h"
#include "agent/counters.h"
#include "agent/effect.h"
#include "agent/link.h"
#include "agent/observer.h"
#include "agent/pins.h"
#include "agent/status.h"
#include "agent/tokens.h"
#include "agent/wg_carrier.h"
#include "core/deadline_index.h"
#include "signaling/client.h"

namespace bamgate::agent {

/// What became of a wish to trust a name's new key: a sentence.
struct TrustAnswer {
  bool done = false;
  std::string text;
};

class Agent {
 public:
  struct Options {
    std::string name;
    wg::PrivateKey private_key;
    IpPrefix address;                  // with the length of the network, as in 10.100.0.2/16
    std::optional<IpPrefix> address6;  // likewise
    std::vector<IpPrefix> routes;      // what this device offers to route for others
    std::map<std::string, std::vector<IpPrefix>> accepted_routes;  // by peer name
    std::vector<Endpoint> stun_servers;                            // those known at start
    std::shared_ptr<const dtls::Certificate> certificate;
    bool ordered = false;               // of the data channel; WireGuard brings its own order
    std::uint16_t max_retransmits = 0;  // of the data channel
    wg::WallClock clock;
    SecretText turn_secret = {};        // for the hub's relay; empty: it is not used
    std::vector<OwnRelay> relays = {};  // of one's own
    bool force_relay = false;           // never a direct path
    bool allow_loopback = false;        // candidates on 127.0.0.1: for tests on one machine
    Observer observer = {};
    std::vector<config::Pin> pins = {};  // as they were stored last
  };

  /// A room never holds more devices (docs/signaling.md), so no more peers are kept.
  static constexpr std::size_t kMaxPeers = 1024;
  /// However often the network changes, it begins things afresh no more than once in this time.
  static constexpr auto kChangeInterval = std::chrono::seconds(1);
  /// A timeout that is handled so much too late was slept through.
  static constexpr auto kSleep = std::chrono::seconds(5);
  /// Pins are stored no more often than once in this time.
  static constexpr auto kPinInterval = std::chrono::seconds(1);

  /// `random`, `crypto`, `pool` and `sctp` must outlive the agent.
  Agent(Options options, Random& random, Crypto& crypto, BufferPool& pool, sctp::EngineFactory& sctp);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  // After each of these: drain poll_transmit(), then poll_effect(), then read next_timeout().

  void start(Instant now);
  /// Tells every peer and the hub goodbye. Drain the outputs a last time afterwards.
  void stop(Instant now);

  void on_access_token(Instant now, std::string token, std::chrono::seconds lifetime);
  void on_token_failed(Instant now, const signaling::HubFault& fault);
  void on_hub_open(Instant now);
  void on_hub_text(Instant now, std::string_view text);
  void on_hub_pong(Instant now);
  void on_hub_closed(Instant now, std::uint16_t code);
  void on_hub_connect_failed(Instant now, const signaling::HubFault& fault);

  /// The hub has a relay on this UDP port, or by WebSocket.
  void add_relay(Instant now, const Endpoint& server);
  void add_websocket_relay(Instant now);
  /// Exactly these relays of one's own, from now on; see Relays::set_own().
  void set_relays(Instant now, std::vector<OwnRelay> relays);
  /// Where the host of one of them is now; see Relays::resolved().
  void on_relay_resolved(Instant now, Relays::Whose whose, const stun::Uri& uri,
                         const std::vector<Endpoint>& endpoints);
  /// What became of a ConnectRelay effect: its stream is open, or is not.
  void on_relay_open(Instant now, RelayId line, const Endpoint& remote);
  void on_relay_closed(Instant now, RelayId line, std::string_view why);
  /// One TURN message.
  void on_relay_message(Instant now, RelayId line, MutableBytes message);

  void on_socket(Instant now, SocketId socket, const Endpoint& base);
  void on_socket_failed(SocketId socket);
  /// A STUN server whose name is resolved only now.
  void add_stun_server(Instant now, const Endpoint& server);
  /// Where the one of that name is now; see Node::on_stun_resolved().
  void on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints);
  /// Addresses or routes of this machine have changed; also to be called before start(). `addresses`: those on which it
  /// can be reached, each with the length of its network, without those of the tunnel, the most promising first.
  /// Sockets are opened and closed for those that came and went, connections whose local address is gone are replaced
  /// at once, waiting peers are tried at once, the connection to the hub is probed or, when its address is gone, made
  /// anew. Changes that follow each other by less than kChangeInterval are put together. Without any address nothing is
  /// done until there is one. That the machine slept is noticed by handle_timeout() itself, by coming too late.
  /// `hub_address`: from where the connection to the hub leaves; while that is not known, any address that is gone may
  /// have been it.
  void network_changed(Instant now, std::vector<IpPrefix> addresses,
                       std::optional<IpAddress> hub_address = std::nullopt);

  /// Which routes of which peers are accepted has changed: in force at once, nobody is told.
  void set_accepted_routes(Instant now, std::map<std::string, std::vector<IpPrefix>> accepted);

  /// One datagram (or a GRO batch) from the socket named in its path. What belongs to no connection is a counted drop.
  void handle_datagram(Instant now, const Received& received);
  /// One IP packet that was read from the TUN.
  void handle_tun(Instant now, PacketBuffer packet);
  void handle_timeout(Instant now);

  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Effect> poll_effect();
  Instant next_timeout() const;

  /// A person says that the key which is refused for this name is the right one, or that its next one is.
  TrustAnswer trust(Instant now, const std::string& name);
  /// Which key each name has, for StorePins.
  std::vector<config::Pin> pins() const { return pins_.all(); }

  Status status(Instant now) const;
  /// Attempts that have not ended, those whose connection is up included.
  std::size_t attempts_under_way() const { return by_attempt_.size(); }
  /// Of all peers that were ever known.
  Counters counters() const;
  /// The access token, for whoever wants to ask the hub for something else. nullopt: the next one has been asked for,
  /// and on_access_token() or on_token_failed() will follow. `refused`: what the hub did not take, as it does when its
  /// clock was set; empty when nothing was.
  std::optional<std::string> want_access_token(Instant now, std::string_view refused);

 private:
  /// A peer, and where it stands in the lists below.
  struct Entry {
    Entry(Shared& shared, bridge::PeerIndex index, const signaling::PeerInfo& info, wg::Tunnel tunnel)
        : carrier(shared, index, std::move(tunnel)), link(shared, carrier, info) {}

    const wg::PublicKey& key() const { return carrier.tunnel().remote(); }

    WgCarrier carrier;
    Link link;
    DeadlineSlot deadline{};         // in deadlines_
    Link::AttemptIds attempts = {};  // in by_attempt_
    bool touched = false;            // it stands in touched_
    bool sending = false;            // it stands in sending_
  };

  void touch(Entry& entry);
  void pump(Instant now);
  void pump_touched(Instant now);
  void settle(Instant now, Entry& entry);
  void follow_attempts(Entry& entry, const Link::AttemptIds& attempts);
  void pump_node(Instant now);
  void connect_relay();
  std::optional<Transmit> next_datagram(Instant now, MutableBytes buffer);
  void handle_one(Instant now, const Received& datagram);
  void handle_relayed(Instant now, const Path& path, MutableBytes message);
  void handle_plain(Instant now, const Received& datagram);
  void handle_stun(Instant now, const Received& datagram);
  void handle_record(Instant now, const Received& record);
  void deliver_stun(Instant now, AttemptId attempt, const Received& datagram);
  Entry& find(AttemptId attempt) const;
  void pump_signaling(Instant now);
  void send_messages(Instant now);
  void handle_list(Instant now, const signaling::PeerList& list);
  void handle_message(Instant now, signaling::Message message);
  Entry* take_info(Instant now, const signaling::PeerInfo& info);
  bool take_key(Instant now, const signaling::PeerInfo& info, const wg::PublicKey& key);
  void store_pins(Instant now);
  void show_refused(Status& status) const;
  void handle_revoked(Instant now, const signaling::PeerRevoked& revoked);
  Entry* add_peer(const signaling::PeerInfo& info, const wg::PublicKey& key);
  std::vector<IpPrefix> claim_addresses(const Entry& entry, const signaling::PeerInfo& info);
  void forget_former_name(Instant now, const wg::PublicKey& key);
  void remove_peer(Instant now, const std::string& name, std::string_view why);
  Entry* find_sender(const std::string& from, const std::string& public_key);
  bool update_routes();
  void leave_stale_paths(Instant now);
  void update_route_filter();
  void handle_network_timers(Instant now);
  void take_addresses(Instant now);
  void begin_afresh(Instant now, signaling::NetworkChange change);
  void need_token(bool renew);
  void show_hub(Instant now, Status& status) const;
  void notice(NoticeLevel level, std::string text);
  signaling::PeerInfo self_info(Random& random) const;

  enum class Timer : std::uint8_t { kNetwork, kPins, kCount };

  Options options_;
  bridge::Bridge bridge_;
  AddressClaims claims_;
  Node node_;
  Shared shared_;
  signaling::Client signaling_;
  Tokens tokens_;
  signaling::SlowBackoff token_patience_;  // for those that are asked for ahead of time
  std::string token_fault_;                // why the last one was not given; empty when it was
  Instant started_{};
  Instant last_now_{};

  std::map<std::string, std::unique_ptr<Entry>> peers_;  // by name
  std::map<bridge::PeerIndex, Entry*> by_index_;
  std::map<AttemptId, Entry*> by_attempt_;       // those under way
  std::vector<Entry*> touched_;                  // something may have happened to them since they were settled
  std::vector<Entry*> sending_;                  // they may have something to send
  DeadlineIndex<Entry*> deadlines_;              // of all but those in the two lists
  std::map<wg::PublicKey, std::string> by_key_;  // the names in peers_
  std::set<wg::PublicKey> revoked_;
  Pins pins_;
  std::map<std::string, signaling::PeerInfo>
      refused_;  // as the hub lists them now, by name; their keys are not the pinned
  Instant earliest_store_ = Instant::min();
  std::uint32_t next_index_ = 1;
  std::vector<IpPrefix> routes_;
  bool routes_stale_ = false;  // a peer whose routes are accepted has come, gone or changed
  TimerTable<Timer> timers_;
  std::vector<IpPrefix> addresses_;       // of this machine, those in force
  std::vector<IpPrefix> next_addresses_;  // and as they were told last
  std::optional<IpAddress> hub_address_;  // likewise
  Instant earliest_change_ = Instant::min();
};

}  // namespace bamgate::agent
