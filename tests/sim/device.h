// A device in the simulated world: a whole agent and the ports that its runner needs: sockets, hub, TUN, tokens, as
// src/host/device_host.cc has them for a real machine. The simulated programs behind the TUN answer every ping. With
// BAMGATE_VERBOSE in the environment every device prints what happens to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/refresh_tokens.h"
#include "agent/runner.h"
#include "os/native_crypto.h"
#include "sim/hub_node.h"
#include "sim/inner_packet.h"
#include "sim/network.h"
#include "support/seeded_random.h"

namespace bamgate::sim {

/// What the hub said at the registration, and what stands in the device's configuration.
struct Registration {
  std::string name;
  std::string device_id;
  std::string refresh_token;  // the first
  std::string turn_secret;
  IpPrefix address;
  IpPrefix address6;
  std::vector<IpPrefix> routes;                                  // offered to others
  std::map<std::string, std::vector<IpPrefix>> accepted_routes;  // by peer
  bool force_relay = false;
};

struct Arrival {
  Instant at;
  InnerPacket packet;
};

class Device : private agent::Sockets,
               private agent::HubLink,
               private agent::TunPort,
               private agent::TokenStore,
               private agent::PinStore,
               private agent::Owner {
 public:
  Device(Agenda& agenda, Network& network, Trace& trace, HubNode& hub, Host& host, sctp::EngineFactory& sctp,
         Registration registration, wg::PrivateKey key, std::uint64_t seed);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() override;

  /// `bamgate up`: a new agent with the same key and configuration.
  void start();
  /// `bamgate down`: says goodbye, then ends.
  void stop();
  /// The process is killed: it says nothing; the kernel closes what it had open.
  void kill();
  /// The machine sleeps: no cable, no timers; time goes on. wake() does nothing to one that is awake.
  void sleep();
  void wake();
  bool asleep() const { return asleep_; }

  /// An IP packet from a program on this machine.
  void send(const InnerPacket& packet);
  /// Sends an echo request; pong_at() tells when its reply came.
  std::uint16_t ping(const IpAddress& to, std::size_t size = 56);
  std::optional<Instant> pong_at(std::uint16_t sequence) const;

  /// `bamgate devices trust`; true when it was done.
  bool trust(const std::string& name);
  agent::Agent& agent() { return runner_.agent(); }
  bool is_up() const { return runner_.is_running(); }
  agent::PeerStatus peer(const std::string& name) const;
  bool is_connected_to(const std::string& name) const { return peer(name).state == "connected"; }
  /// Those of its network that it is connected to.
  std::size_t connected_peers() const;
  const IpAddress& address(Family family = Family::kV4) const {
    return family == Family::kV4 ? registration_.address.address : registration_.address6.address;
  }
  Host& host() { return host_; }
  const Registration& registration() const { return registration_; }
  Registration& registration() { return registration_; }

  Instant next_timeout() const { return asleep_ ? kNever : runner_.next_timeout(); }
  void handle_timeout();

  /// Programs by UDP port: each gets the datagrams to its port, which then are no arrivals.
  std::map<std::uint16_t, std::function<void(const InnerPacket&)>> programs;
  /// Attempts to connect to a peer that were begun, in all runs.
  int attempts() const { return attempts_of_former_ + (is_up() ? attempts_of_this() : 0); }
  /// Sockets that the agent has open.
  std::size_t open_sockets() const { return runner_.open_sockets(); }
  /// Packet buffers that are not back in the pool.
  std::size_t packets_in_use() const { return pool_.allocations() - pool_.free_blocks(); }
  /// Drops what the simulation itself remembers of the past: arrivals, notices, answered pings.
  void forget_the_past();

  std::vector<Arrival> arrivals;              // UDP datagrams from the tunnel
  std::uint64_t damaged = 0;                  // packets from the tunnel that could not be read
  std::vector<std::string> notices;           // what a person would have read
  std::optional<agent::StopReason> given_up;  // the agent has asked for its end
  std::vector<IpPrefix> routes;               // as the agent set them last
  std::vector<config::Pin> pins;              // on its disk
  int refreshes = 0;                          // answered by the hub with a new token
  int healed_refreshes = 0;                   // asked again with the token before the last one

 private:
  class BoundSocket;

  int attempts_of_this() const { return static_cast<int>(runner_.agent().counters().agent.attempts); }
  void network_changed();
  std::vector<IpPrefix> networks() const;
  std::unique_ptr<agent::Socket> open_socket(SocketId socket, const IpAddress& address) override;
  void connect_hub(agent::HubGeneration generation, std::string access_token) override;
  bool send_to_hub(std::string text) override;
  void ping_hub() override;
  void disconnect_hub(std::uint16_t code) override;
  void connect_relay(agent::RelayGeneration generation, agent::RelayWay way) override;
  bool send_to_relay(agent::RelayGeneration generation, Bytes messages) override;
  void disconnect_relay(agent::RelayGeneration generation) override;
  void use_relays(const json::Value& answer);
  bool write_tun(Bytes packet) override;
  void set_routes(std::vector<IpPrefix> wanted) override;
  void refresh_access_token(agent::RunId run) override;
  void store_pins(std::vector<config::Pin> stored) override { pins = std::move(stored); }
  void notice(agent::Notice notice) override;
  void gave_up(agent::StopReason reason) override;
  void ask_for_token(agent::RunId run, std::shared_ptr<agent::RefreshExchange> exchange);
  void end();
  void tell(const std::string& what) const;

  Agenda& agenda_;
  Network& network_;
  Trace& trace_;
  HubNode& hub_;
  Host& host_;
  sctp::EngineFactory& sctp_;
  Registration registration_;
  wg::PrivateKey key_;
  config::Secrets secrets_;
  testing::SeededRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  std::unique_ptr<HubConnection> connection_;
  std::unique_ptr<HubConnection> relay_;
  agent::Runner runner_;
  int attempts_of_former_ = 0;  // runs
  bool asleep_ = false;
  bool changed_asleep_ = false;  // the network did, meanwhile
  std::uint16_t last_ping_ = 0;
  std::map<std::uint16_t, Instant> pongs_;
};

}  // namespace bamgate::sim
