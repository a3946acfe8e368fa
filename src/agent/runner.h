// Runs an agent: hands it what comes in, and after that carries out what it asks for, through the ports of the host.
// It keeps the socket table, and knows which reports are late: those of a hub connection that was given up, and answers
// to an agent that is gone. Pure: it is told the time with each call, and a real host and the simulated one differ in
// nothing but their ports.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "agent/counters.h"
#include "agent/ports.h"

namespace bamgate::agent {

class Runner {
 public:
  explicit Runner(Ports ports) : ports_(ports) {}
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // After each call that takes the time: read next_timeout(). All but on_tun() and on_datagram() flush; while no agent
  // runs they do nothing.

  /// Begins a new run with `agent` on a machine with these addresses (see Agent::network_changed()): its sockets are
  /// open before the hub is called. To be called while no agent runs.
  void start(Instant now, std::unique_ptr<Agent> agent, std::vector<IpPrefix> addresses);
  /// Tells every peer and the hub goodbye. The sockets stay open until end(), so that it leaves.
  void stop(Instant now);
  /// The agent is gone at once, and with it its sockets and its hub connection. Not to be called by a port.
  void end();

  /// One IP packet from the TUN. Nothing is sent before flush(), so that several can be taken in a row.
  void on_tun(Instant now, PacketBuffer packet);
  /// What a socket received, likewise. A socket that is closed meanwhile is no fault: the agent counts it.
  void on_datagram(Instant now, const Received& received);
  /// Sends what there is to send and carries out the effects, in their order: the datagrams before an effect leave
  /// before it. Called by a port, it leaves all of it to the flush that is under way.
  void flush(Instant now);
  void handle_timeout(Instant now);
  Instant next_timeout() const { return agent_ ? agent_->next_timeout() : kNever; }

  void on_access_token(Instant now, RunId run, std::string token, std::chrono::seconds lifetime);
  void on_token_failed(Instant now, RunId run, const signaling::HubFault& fault);

  void on_hub_open(Instant now, HubGeneration generation);
  void on_hub_connect_failed(Instant now, HubGeneration generation, const signaling::HubFault& fault);
  void on_hub_text(Instant now, HubGeneration generation, std::string_view text);
  void on_hub_pong(Instant now, HubGeneration generation);
  void on_hub_closed(Instant now, HubGeneration generation, std::uint16_t code);

  /// `remote`: the other end, where it is known.
  void on_relay_open(Instant now, RelayGeneration generation, const Endpoint& remote = {});
  /// What came at once, which may be several messages of TURN; it is changed. Nothing is sent before flush().
  void on_relay_message(Instant now, RelayGeneration generation, MutableBytes message);
  void on_relay_closed(Instant now, RelayGeneration generation, std::string_view why = {});
  void add_relay(Instant now, const Endpoint& server);
  void add_websocket_relay(Instant now);
  void set_relays(Instant now, std::vector<OwnRelay> relays);
  void on_relay_resolved(Instant now, Relays::Whose whose, const stun::Uri& uri,
                         const std::vector<Endpoint>& endpoints);

  void on_network_changed(Instant now, std::vector<IpPrefix> addresses);
  void add_stun_server(Instant now, const Endpoint& server);
  void on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints);

  /// See Agent::trust(); nullopt while no agent runs.
  std::optional<TrustAnswer> trust(Instant now, const std::string& name);

  bool is_running() const { return agent_ != nullptr; }
  /// Needs is_running().
  Agent& agent() { return *agent_; }
  const Agent& agent() const { return *agent_; }
  /// The one that runs or, after end(), one that nobody was told of.
  RunId run() const { return RunId{run_}; }
  bool is_current(HubGeneration generation) const;
  bool is_current(RelayGeneration generation) const { return line_of(generation) != RelayId::kNone; }
  /// Empty while no agent runs. The agent's, with counters of its own.
  Status status(Instant now) const;
  /// See Agent::want_access_token(). Needs is_running().
  std::optional<std::string> want_access_token(Instant now, std::string_view refused);
  std::size_t open_sockets() const { return sockets_.size(); }
  /// What was lost between the agent and the ports.
  const RunnerCounters& counters() const { return counters_; }

 private:
  enum class Hub : std::uint8_t { kNone, kConnecting, kOpen };

  bool answers(RunId run) const { return agent_ != nullptr && run == this->run(); }
  bool hears(HubGeneration generation) const { return agent_ != nullptr && is_current(generation); }
  Instant advance(Instant now);
  void send_datagrams();
  void run_effect(Effect effect);
  void open_socket(const OpenSocket& open);
  void connect_hub(std::string access_token);
  RelayId line_of(RelayGeneration generation) const;
  void connect_relay(ConnectRelay connect);
  void disconnect_relay(RelayId line);
  void send_to_relay(RelayId line, Bytes message);
  void flush_relay();

  Ports ports_;
  std::unique_ptr<Agent> agent_;
  Instant now_ = Instant::min();  // the latest that was told
  std::uint32_t run_ = 0;
  bool flushing_ = false;

  std::map<SocketId, std::unique_ptr<Socket>> sockets_;
  RunnerCounters counters_;

  Hub hub_ = Hub::kNone;
  std::uint32_t hub_generation_ = 0;

  std::map<RelayId, RelayGeneration> lines_;  // streams to relays that are open, or being opened
  std::uint32_t relay_generation_ = 0;
  RelayId batch_line_ = RelayId::kNone;
  std::vector<std::byte> relay_batch_;  // messages for it that leave together
};

}  // namespace bamgate::agent
