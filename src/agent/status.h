// What `bamgate status` shows: a snapshot of the agent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace bamgate::agent {

struct PeerStatus {
  std::string id;
  std::string address;
  std::string address6;
  std::string public_key;
  std::string state;      // new, connecting, connected, reconnecting, failed
  std::string ice_local;  // "host 192.168.1.2:41000 udp"; empty before a path is selected
  std::string ice_remote;
  std::optional<Duration> rtt;
  std::string relay;         // how packets reach the relay: udp, tcp, tls, websocket; empty on a direct path
  std::string relay_server;  // with it: "hub", the URI of one of one's own, or the peer's relayed address
  std::string why_relayed;   // with it
  std::optional<Duration> since_handshake;
  std::optional<Duration> connected_for;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
  std::vector<std::string> routes;
  std::string
      refused_key;         // another key that the hub names for it, which waits to be trusted; empty when there is none
  std::string last_error;  // why there is no connection; empty while there is one, and before the first failure
};

struct Status {
  bool hub_connected = false;
  std::string hub_error;                 // why there is no connection, or will be none again; empty when all is well
  std::optional<Duration> hub_next_try;  // from now; with hub_error, unless a try is under way
  Duration uptime{};
  std::string
      interface_trouble;  // said by the host, of the tunnel's interface or of all others; empty while all is well
  std::vector<PeerStatus> peers;
  std::map<std::string_view, std::uint64_t> counters;  // by the names of their lists, which are literals
};

}  // namespace bamgate::agent
