// A small Internet for ICE tests: hosts, NATs of several kinds, a STUN server, a relay, loss and delay; all in virtual
// time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ice/agent.h"
#include "ice/with_gatherer.h"
#include "os/native_crypto.h"
#include "support/seeded_random.h"

namespace bamgate::ice {

/// What an agent of these tests begins with, and the servers that its gatherer asks.
struct StartOptions : Options {
  std::vector<Endpoint> stun_servers;
};

}  // namespace bamgate::ice

namespace bamgate::testing {

/// RFC 4787 §4.1: what the external port of a mapping depends on. kNone is a firewall that translates nothing.
enum class Mapping { kNone, kEndpointIndependent, kAddressAndPortDependent };
/// RFC 4787 §5: whose packets may come in through a mapping.
enum class Filtering { kEndpointIndependent, kAddressAndPortDependent };

/// A NAT (or firewall) between a private network and the Internet. Mappings end after 60 s without outgoing packets.
class Nat {
 public:
  Nat(IpAddress external, Mapping mapping, Filtering filtering)
      : external_(external), mapping_(mapping), filtering_(filtering) {}

  /// The source that the Internet sees.
  Endpoint outbound(Instant now, const Endpoint& inner, const Endpoint& remote);
  /// The inner endpoint, or nullopt when the packet is filtered.
  std::optional<Endpoint> inbound(Instant now, const Endpoint& remote, const Endpoint& external) const;

 private:
  struct Binding {
    Endpoint inner;
    Endpoint external;
    Endpoint remote;  // of the first packet; decides for address-and-port-dependent mapping
    std::map<Endpoint, Instant> allowed;
  };
  IpAddress external_;
  Mapping mapping_;
  Filtering filtering_;
  std::vector<Binding> bindings_;
  std::uint16_t next_port_ = 20001;
};

/// One agent on one host, with a log of what it said.
struct Peer {
  Peer(std::string peer_name, std::uint64_t seed) : name(std::move(peer_name)), random(seed) {}

  std::string name;
  SeededRandom random;
  os::NativeCrypto crypto;
  std::unique_ptr<ice::WithGatherer<ice::Agent>> agent;
  Nat* nat = nullptr;
  std::map<SocketId, Endpoint> sockets;
  std::map<RelayId, Endpoint> relays;

  bool trickles = true;            // its candidates reach the other side
  std::vector<std::string> lines;  // its candidates as text
  std::vector<ice::State> states;
  std::vector<ice::PathSelected> selections;
  bool gathering_complete = false;
  Instant connected_at = kNever;
  std::vector<std::pair<Instant, Path>> sent;  // every datagram, when `keep_sent`
  bool keep_sent = false;
  std::uint64_t datagrams_sent = 0;
  Instant last_sent;
};

class Network {
 public:
  explicit Network(std::uint64_t seed = 1) : random_(seed) {}

  Instant now = Instant{} + std::chrono::hours(1);
  std::chrono::milliseconds delay{20};      // one way
  std::chrono::milliseconds signaling{30};  // one way, through the hub
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  std::chrono::milliseconds jitter{0};  // each packet is late by up to that much: later ones overtake it
  /// Returns true for packets that vanish.
  std::function<bool(const Peer& from, const Path&)> blackhole;

  Peer& add_peer(const std::string& name, ice::StartOptions options);
  Nat& add_nat(std::string_view external, Mapping mapping, Filtering filtering);
  /// Binds a socket and tells the agent.
  SocketId add_socket(Peer& peer, std::string_view endpoint);
  RelayId add_relay(Peer& peer, SocketId socket, std::string_view relayed);
  void add_stun_server(std::string_view endpoint) { servers_.push_back(*Endpoint::parse(endpoint)); }

  /// Exchanges credentials and, from now on, candidates between the first two peers, each `signaling` late.
  void signal();
  /// One side learns the other's credentials only.
  void give_credentials(const Peer& from, Peer& to);
  /// Puts a datagram onto the wire as if `from` had sent it.
  void inject(const Endpoint& from, const Endpoint& to, std::vector<std::byte> data);

  void run_for(Duration duration);
  /// Runs until `done`, at most `limit`. Returns whether it came.
  bool run_until(const std::function<bool()>& done, Duration limit);

  Peer& peer(std::size_t index) { return *peers_[index]; }
  /// Two agents that are connected on the same path, seen from both ends.
  bool connected() const;

 private:
  struct Packet {
    Endpoint from;
    Endpoint to;
    RelayId relay = RelayId::kNone;  // of the receiver
    std::vector<std::byte> data;
  };
  void drain(Peer& peer);
  void transmit(Peer& peer, const Path& path, const std::vector<std::byte>& data);
  void carry(Peer& peer, const Path& path, std::vector<std::byte> data);
  Duration lateness();
  void deliver(Packet packet);
  void hand_over(Peer& peer, SocketId socket, const Packet& packet);
  Peer* peer_at(const Endpoint& endpoint, const Nat* nat, SocketId& socket);
  void at(Instant when, std::function<void()> action) { agenda_.emplace(when, std::move(action)); }
  void log(Peer& peer, const ice::Agent::Event& event);
  Peer* other(const Peer& peer);

  SeededRandom random_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<Nat>> nats_;
  std::vector<Endpoint> servers_;
  std::multimap<Instant, std::function<void()>> agenda_;
  std::uint32_t next_socket_ = 1;
  std::uint32_t next_relay_ = 1;
  bool signaling_open_ = false;
};

}  // namespace bamgate::testing
