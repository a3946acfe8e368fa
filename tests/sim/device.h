// A device in the simulated world: a whole agent, its host's sockets, its TUN, and its registration. It mirrors
// src/host/device_host.cc. The simulated programs behind the TUN answer every ping. With BAMGATE_VERBOSE in the
// environment every device prints what happens to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/refresh_tokens.h"
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
  IpPrefix address;
  IpPrefix address6;
  std::vector<IpPrefix> routes;                                  // offered to others
  std::map<std::string, std::vector<IpPrefix>> accepted_routes;  // by peer
};

struct Arrival {
  Instant at;
  InnerPacket packet;
};

class Device {
 public:
  Device(Agenda& agenda, Network& network, Trace& trace, HubNode& hub, Host& host, sctp::EngineFactory& sctp,
         Registration registration, wg::PrivateKey key, std::uint64_t seed);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

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

  agent::Agent& agent() { return *agent_; }
  bool is_up() const { return agent_ != nullptr; }
  agent::PeerStatus peer(const std::string& name) const;
  bool is_connected_to(const std::string& name) const { return peer(name).state == "connected"; }
  const IpAddress& address(Family family = Family::kV4) const {
    return family == Family::kV4 ? registration_.address.address : registration_.address6.address;
  }
  Host& host() { return host_; }
  const Registration& registration() const { return registration_; }
  Registration& registration() { return registration_; }

  Instant next_timeout() const { return agent_ && !asleep_ ? agent_->next_timeout() : kNever; }
  void handle_timeout();

  /// Programs by UDP port: each gets the datagrams to its port, which then are no arrivals.
  std::map<std::uint16_t, std::function<void(const InnerPacket&)>> programs;
  /// Sockets that the agent has open.
  std::size_t open_sockets() const { return sockets_.size(); }
  /// Packet buffers that are not back in the pool.
  std::size_t packets_in_use() const { return pool_.allocations() - pool_.free_blocks(); }
  /// Drops what the simulation itself remembers of the past: arrivals, notices, answered pings.
  void forget_the_past();

  std::vector<Arrival> arrivals;              // UDP datagrams from the tunnel
  std::uint64_t damaged = 0;                  // packets from the tunnel that could not be read
  std::vector<std::string> notices;           // what a person would have read
  std::optional<agent::StopReason> given_up;  // the agent has asked for its end
  std::vector<IpPrefix> routes;               // as the agent set them last
  int refreshes = 0;                          // answered by the hub with a new token
  int healed_refreshes = 0;                   // asked again with the token before the last one
  int attempts = 0;                           // OpenSockets effects

 private:
  struct Socket {
    agent::AttemptId attempt;
    Endpoint endpoint;
  };

  void network_changed();
  std::vector<IpPrefix> networks() const;
  void flush();
  void send_datagrams();
  void run_effect(agent::Effect effect);
  void open_sockets(agent::AttemptId attempt);
  void close_sockets(agent::AttemptId attempt);
  void refresh_access_token();
  void ask_for_token(std::shared_ptr<agent::RefreshExchange> exchange);
  void connect_hub(std::string access_token);
  void receive(Bytes packet);
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
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<HubConnection> connection_;
  std::map<SocketId, Socket> sockets_;
  std::uint32_t next_socket_ = 1;
  std::uint32_t run_ = 0;  // replies to an agent that has ended go nowhere
  bool flushing_ = false;
  bool asleep_ = false;
  bool changed_asleep_ = false;  // the network did, meanwhile
  std::uint16_t last_ping_ = 0;
  std::map<std::uint16_t, Instant> pongs_;
};

}  // namespace bamgate::sim
