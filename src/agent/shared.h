// What all peers of one agent share: identity, tools, settings, and the outputs that the agent drains.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/counters.h"
#include "agent/effect.h"
#include "agent/node.h"
#include "agent/observer.h"
#include "bridge/bridge.h"
#include "core/ring.h"
#include "ice/route_filter.h"
#include "peer/peer_connection.h"
#include "signaling/message.h"
#include "wg/tunnel.h"

namespace bamgate::agent {

/// An optional field of `metadata`: random for each run of an agent. Others see by it that a device has started afresh
/// and that what connected them is dead; who does not know it ignores it.
inline constexpr std::string_view kInstance = "instance";

/// Everything in it outlives the peers.
struct Shared {
  std::string self;        // our device name
  std::string public_key;  // ours, as the hub knows it
  Random& random;
  Crypto& crypto;
  BufferPool& pool;
  sctp::EngineFactory& sctp;
  bridge::Bridge& bridge;
  Node& node;
  std::shared_ptr<const dtls::Certificate> certificate;
  ice::RouteFilter route_filter;  // what leads into the tunnel, and what is on a link of this machine
  sctp::ChannelOptions channel;   // the one data channel of a pair of devices
  wg::WallClock clock;
  bool allow_loopback = false;
  bool force_relay = false;  // never a direct path
  Observer observer;
  IpAddress address;  // ours inside the network
  AgentCounters counters;
  PeerCounters ended;  // of peers and attempts that are gone, and of messages that found no attempt
  std::uint32_t next_attempt = 1;

  UnixTime unix_time(Instant now) const {
    return {clock.unix.seconds + std::chrono::duration_cast<std::chrono::seconds>(now - clock.at).count()};
  }

  // Outputs, drained by the agent.
  Ring<Effect> effects;
  std::deque<signaling::Message> messages;
  std::deque<std::pair<Transmit, PacketBuffer>> farewells;  // last datagrams of connections that are gone
};

}  // namespace bamgate::agent
