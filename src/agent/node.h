// What belongs to the device and not to one of its connections: one UDP socket on each local address, what STUN servers
// say of them, and the directory by which a datagram finds its connection. A device with a thousand peers has as many
// sockets as one with two, and asks each server as often.
// Candidates come to a connection from here, as a local path (socket and, for relayed ones, relay), a kind and an
// address. Relays' allocations are the node's likewise (relays.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/directory.h"
#include "agent/effect.h"
#include "agent/relays.h"
#include "core/ip_address.h"
#include "core/random.h"
#include "ice/gatherer.h"

namespace bamgate::agent {

/// A socket is open: a host candidate.
struct SocketOpened {
  SocketId socket;
  Endpoint base;
};

class Node {
 public:
  using Event = std::variant<SocketOpened, ice::Reflexive, RelayFound, RelayGone>;

  /// Of a host with more addresses the first count: half of the candidates that ICE takes are left for what STUN
  /// servers and relays give (ice::Agent::kMaxLocalCandidates).
  static constexpr std::size_t kMaxSockets = 16;
  /// A connection that begins has the servers asked again when they were not for so long: the network may be another
  /// than it was, without a word of the kernel.
  static constexpr auto kFreshness = std::chrono::seconds(5);

  struct Options {
    std::string device;
    std::vector<Endpoint> stun_servers;
    SecretText turn_secret;  // empty: the hub's relay is not used
    wg::WallClock clock;
  };

  /// `random`, `crypto` and `pool` outlive it.
  Node(const Options& options, Random& random, Crypto& crypto, BufferPool& pool);

  /// The addresses of this machine, the most promising first. Sockets are asked for on those that have none, and those
  /// on addresses that are gone are closed; all others stay as they are.
  void set_addresses(Instant now, const std::vector<IpPrefix>& addresses);
  /// The socket of an OpenSocket effect; or it could not be opened, which is tried again with the next connection.
  void on_socket(Instant now, SocketId socket, const Endpoint& base);
  void on_socket_failed(SocketId socket);
  void add_stun_server(Instant now, const Endpoint& server) { gatherer_.add_server(now, server); }
  /// Where the STUN server of that name is now, at most one address of each family. One that answers is kept, whatever
  /// its name says; a silent one makes room.
  void on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints);
  /// The network has changed, or the machine slept: what the servers said is asked again, and what the relays gave.
  void look_again(Instant now);
  /// A connection begins.
  void freshen(Instant now);

  /// The open sockets, the most promising first, and what is known of them.
  std::vector<SocketOpened> sockets() const;
  bool has(SocketId socket) const;
  std::vector<ice::Reflexive> reflexives() const { return gatherer_.reflexives(); }
  ice::StunFindings findings() const { return gatherer_.findings(); }

  Relays& relays() { return relays_; }
  const Relays& relays() const { return relays_; }

  Directory& directory() { return directory_; }
  const Directory& directory() const { return directory_; }
  /// A connection sends this. Where it asks something, the answer is to find it again.
  void note_sent(AttemptId attempt, const Path& path, Bytes datagram);
  /// True when a server has answered here, and no connection is meant.
  bool take_response(Instant now, const Path& path, const stun::Message& message);

  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer) {
    if (const auto transmit = gatherer_.poll_transmit(now, buffer)) return transmit;
    return relays_.poll_transmit(now, buffer);
  }
  /// What connections that look for a path should know.
  std::optional<Event> poll_event();
  std::optional<Effect> poll_effect();
  Instant next_timeout() const { return std::min(gatherer_.next_timeout(), relays_.next_timeout()); }

 private:
  enum class State : std::uint8_t { kAsked, kOpen, kFailed };
  struct Socket {
    SocketId id;
    IpAddress address;
    State state = State::kAsked;
    Endpoint base = {};
  };
  void ask_for(Socket& socket);
  void ask_again(Instant now);
  void close(const Socket& socket);
  void tell_relays(Instant now);

  ice::Gatherer gatherer_;
  Directory directory_;
  Relays relays_;
  std::vector<Socket> sockets_;  // in the order of the addresses
  std::uint32_t next_socket_ = 1;
  Instant asked_ = Instant::min();
  std::map<std::string, std::vector<Endpoint>> stun_names_;  // and the addresses of each that are asked
  std::deque<SocketOpened> opened_;
  std::deque<Effect> effects_;
};

}  // namespace bamgate::agent
