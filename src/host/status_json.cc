#include "host/status_json.h"

#include <cmath>

#include "net/udp_socket.h"
#include "os/tun.h"

namespace bamgate::host {
namespace {

/// With three digits behind the point at the most: nobody needs more, and numbers stay short.
json::Value rounded(double value) { return std::round(value * 1000) / 1000; }
json::Value seconds(Duration duration) { return rounded(std::chrono::duration<double>(duration).count()); }
json::Value seconds(std::optional<Duration> duration) { return duration ? seconds(*duration) : json::Value(); }

json::Value peer_json(const agent::PeerStatus& peer) {
  json::Value value;
  value.set("id", peer.id);
  value.set("address", peer.address);
  value.set("address6", peer.address6);
  value.set("public_key", peer.public_key);
  value.set("state", peer.state);
  value.set("transport", "datachannel");
  const bool has_path = !peer.ice_local.empty();
  const bool relayed = !peer.relay.empty();
  value.set("path", has_path ? json::Value(relayed ? "relayed" : "direct") : json::Value());
  value.set("why_relayed", relayed ? json::Value(peer.why_relayed) : json::Value());
  value.set("relay", relayed ? json::Value(json::Object{{"server", peer.relay_server}, {"transport", peer.relay}})
                             : json::Value());
  json::Value ice;
  if (has_path) {
    ice.set("local", peer.ice_local);
    ice.set("remote", peer.ice_remote);
    ice.set("rtt_ms", peer.rtt ? rounded(std::chrono::duration<double, std::milli>(*peer.rtt).count()) : json::Value());
  }
  value.set("ice", std::move(ice));
  json::Value tunnel;
  tunnel.set("last_handshake_s", seconds(peer.since_handshake));
  tunnel.set("rx_bytes", peer.rx_bytes);
  tunnel.set("tx_bytes", peer.tx_bytes);
  value.set("wireguard", std::move(tunnel));
  value.set("connected_s", seconds(peer.connected_for));
  json::Array routes;
  for (const std::string& route : peer.routes) routes.emplace_back(route);
  value.set("routes", std::move(routes));
  value.set("refused_key", peer.refused_key.empty() ? json::Value() : json::Value(peer.refused_key));
  value.set("last_error", peer.last_error.empty() ? json::Value() : json::Value(peer.last_error));
  return value;
}

}  // namespace

std::vector<agent::CounterGroup> counter_groups() {
  std::vector<agent::CounterGroup> groups = agent::counter_groups();
  agent::add_counter_group<net::UdpCounters>("sockets", groups);
  agent::add_counter_group<os::TunCounters>("interface", groups);
  return groups;
}

json::Value status_json(const config::Config& config, const std::string& public_key, const agent::Status& status) {
  json::Value device;
  device.set("name", config.device.name);
  device.set("address", config.device.address.to_string());
  device.set("address6", config.device.address6 ? json::Value(config.device.address6->to_string()) : json::Value());
  device.set("public_key", public_key);
  device.set("interface", config.device.interface);
  device.set("mtu", static_cast<std::int64_t>(config.device.mtu));
  device.set("trouble", status.interface_trouble.empty() ? json::Value() : json::Value(status.interface_trouble));
  json::Value hub;
  hub.set("url", config.network.server_url.to_string());
  hub.set("connected", status.hub_connected);
  hub.set("error", status.hub_error.empty() ? json::Value() : json::Value(status.hub_error));
  hub.set("next_try_s", seconds(status.hub_next_try));
  json::Value result;
  result.set("device", std::move(device));
  result.set("hub", std::move(hub));
  result.set("uptime_s", seconds(status.uptime));
  json::Array peers;
  for (const agent::PeerStatus& peer : status.peers) peers.push_back(peer_json(peer));
  result.set("peers", std::move(peers));
  json::Value counters = json::Object{};
  for (const auto& [name, count] : status.counters) counters.set(name, count);
  result.set("counters", std::move(counters));
  return result;
}

}  // namespace bamgate::host
