// What an agent and all that it holds count, put together for `bamgate status`: sums over peers and attempts, those
// that are over included, and the groups in which a person reads them. What each counter is called stands in the list
// of its struct (core/counters.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.h"
#include "core/counters.h"
#include "peer/peer_connection.h"
#include "signaling/client.h"
#include "turn/client.h"
#include "wg/tunnel.h"

namespace bamgate::agent {

/// What became of WireGuard messages on the way to and from data channels.
struct ChannelCounters {
  std::uint64_t dropped_sends = 0;        // of ours, that found no channel or waited too long
  std::uint64_t messages_no_channel = 0;  // of peers, on no channel of the tunnel, or of an unknown kind

  static constexpr auto list() {
    return std::to_array<Counter<ChannelCounters>>({
        {"dropped_sends", "WireGuard messages that found no channel or waited too long: dropped",
         &ChannelCounters::dropped_sends},
        {"messages_no_channel", "messages on another channel than the tunnel's, or of an unknown kind: dropped",
         &ChannelCounters::messages_no_channel},
    });
  }
  ChannelCounters& operator+=(const ChannelCounters& other) { return add_counters(*this, other); }
};

/// What an agent itself drops.
struct AgentCounters {
  std::uint64_t attempts = 0;       // that were begun
  std::uint64_t no_connection = 0;  // datagrams that belong to no connection: strangers', and of attempts that are over
  std::uint64_t refused_messages = 0;   // messages of the hub that are not of whom they say, or of nobody
  std::uint64_t candidates_unused = 0;  // candidates of peers that were for no description that came

  static constexpr auto list() {
    return std::to_array<Counter<AgentCounters>>({
        {"connection_attempts", "attempts to connect to a peer that were begun", &AgentCounters::attempts},
        {"datagrams_no_connection", "datagrams of strangers, or of connections that are over: dropped",
         &AgentCounters::no_connection},
        {"messages_refused", "messages by way of the hub whose sender or key is wrong: dropped",
         &AgentCounters::refused_messages},
        {"candidates_unused", "candidates of peers for no description that came: dropped",
         &AgentCounters::candidates_unused},
    });
  }
  AgentCounters& operator+=(const AgentCounters& other) { return add_counters(*this, other); }
};

/// What could not be carried out for an agent.
struct RunnerCounters {
  std::uint64_t socket_gone = 0;            // datagrams of ours whose socket was closed
  std::uint64_t datagrams_unsent = 0;       // datagrams that their socket did not take
  std::uint64_t packets_unwritten = 0;      // packets that the TUN did not take
  std::uint64_t hub_texts_unsent = 0;       // texts that the connection to the hub did not take, or that found none
  std::uint64_t relay_messages_unsent = 0;  // likewise, of a relay

  static constexpr auto list() {
    return std::to_array<Counter<RunnerCounters>>({
        {"datagrams_socket_gone", "datagrams of ours whose socket was closed: dropped", &RunnerCounters::socket_gone},
        {"datagrams_not_sent", "datagrams of ours that their socket did not take: dropped",
         &RunnerCounters::datagrams_unsent},
        {"packets_not_written", "packets of peers that the interface did not take: dropped",
         &RunnerCounters::packets_unwritten},
        {"hub_texts_not_sent", "messages to the hub that its connection did not take: dropped",
         &RunnerCounters::hub_texts_unsent},
        {"relay_messages_not_sent", "messages to a relay that its connection did not take: dropped",
         &RunnerCounters::relay_messages_unsent},
    });
  }
  RunnerCounters& operator+=(const RunnerCounters& other) { return add_counters(*this, other); }
};

/// Of one attempt, or of many.
struct AttemptCounters {
  ChannelCounters channels;
  sctp::AssociationCounters associations;
  sctp::EngineCounters engines;
  dtls::Session::Counters sessions;
  ice::Counters ice;
  peer::PeerConnection::Counters connections;

  AttemptCounters& operator+=(const AttemptCounters& other);
};

/// All that the layers of this connection count; the channels' numbers as far as SCTP knows them.
AttemptCounters counters_of(const peer::PeerConnection& connection);

/// Of one peer, or of many.
struct PeerCounters {
  AttemptCounters attempts;
  wg::TunnelCounters tunnels;
  wg::TunnelDrops tunnel_drops;

  void add(const wg::Tunnel& tunnel);
  PeerCounters& operator+=(const PeerCounters& other);
};

/// Of one agent.
struct Counters {
  PeerCounters peers;
  bridge::Counters packets;
  DropCounters<bridge::kDropReasons> packet_drops;
  AgentCounters agent;
  signaling::ClientStats hub;
  turn::ClientCounters relays;
};

/// What scripts read: number by name. The names are those of the lists, which are literals.
using CounterValues = std::map<std::string_view, std::uint64_t>;

/// Adds each counter of one struct.
template <typename T>
void write_counters(const T& counters, CounterValues& values) {
  for_each_counter(counters, [&](std::string_view name, std::string_view, std::uint64_t value) {
    values.insert_or_assign(name, value);
  });
}
void write_counters(const Counters& counters, CounterValues& values);

/// What a person reads: counters that belong together, in their order.
struct CounterGroup {
  struct Entry {
    std::string_view name;
    std::string_view words;
  };
  std::string_view title;
  std::vector<Entry> entries;
};

/// Adds those of T to the last group if that has this title, else as a group of their own.
template <typename T>
void add_counter_group(std::string_view title, std::vector<CounterGroup>& groups) {
  if (groups.empty() || groups.back().title != title) groups.push_back({title, {}});
  for_each_counter(T{}, [&](std::string_view name, std::string_view words, std::uint64_t) {
    groups.back().entries.push_back({name, words});
  });
}
/// Those of Counters and of a runner.
std::vector<CounterGroup> counter_groups();

}  // namespace bamgate::agent
