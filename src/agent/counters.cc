#include "agent/counters.h"

namespace bamgate::agent {
namespace {

/// Every struct of counters that an agent has, with the title under which a person finds it.
template <typename Visit>
void visit_groups(const Counters& counters, Visit visit) {
  visit("packets", counters.packets);
  visit("packets", counters.packet_drops);
  visit("WireGuard", counters.peers.tunnels);
  visit("WireGuard", counters.peers.tunnel_drops);
  visit("data channels (SCTP)", counters.peers.attempts.channels);
  visit("data channels (SCTP)", counters.peers.attempts.associations);
  visit("data channels (SCTP)", counters.peers.attempts.engines);
  visit("encryption (DTLS)", counters.peers.attempts.sessions);
  visit("paths (ICE)", counters.peers.attempts.ice);
  visit("connections", counters.peers.attempts.connections);
  visit("relays (TURN)", counters.relays);
  visit("hub", counters.hub);
  visit("agent", counters.agent);
}

}  // namespace

AttemptCounters& AttemptCounters::operator+=(const AttemptCounters& other) {
  channels += other.channels;
  associations += other.associations;
  engines += other.engines;
  sessions += other.sessions;
  ice += other.ice;
  connections += other.connections;
  return *this;
}

AttemptCounters counters_of(const peer::PeerConnection& connection) {
  AttemptCounters result{.channels = {},
                         .associations = connection.sctp_counters(),
                         .engines = connection.engine_counters(),
                         .sessions = connection.dtls_counters(),
                         .ice = connection.ice_counters(),
                         .connections = connection.counters()};
  result.channels.dropped_sends = result.associations.messages_unsent;
  result.channels.messages_no_channel = result.associations.messages_dropped;
  return result;
}

void PeerCounters::add(const wg::Tunnel& tunnel) {
  tunnels += tunnel.counters();
  tunnel_drops += tunnel.drops_by_reason();
}

PeerCounters& PeerCounters::operator+=(const PeerCounters& other) {
  attempts += other.attempts;
  tunnels += other.tunnels;
  tunnel_drops += other.tunnel_drops;
  return *this;
}

void write_counters(const Counters& counters, CounterValues& values) {
  visit_groups(counters, [&](std::string_view, const auto& group) { write_counters(group, values); });
}

std::vector<CounterGroup> counter_groups() {
  std::vector<CounterGroup> groups;
  visit_groups(Counters{}, [&]<typename T>(std::string_view title, const T&) { add_counter_group<T>(title, groups); });
  add_counter_group<RunnerCounters>("agent", groups);
  return groups;
}

}  // namespace bamgate::agent
