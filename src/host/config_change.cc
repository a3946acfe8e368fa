#include "host/config_change.h"

#include <algorithm>

namespace bamgate::host {
namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

ConfigChange compare(const config::Config& in_force, const config::Config& read) {
  ConfigChange change;
  change.accepted_routes = in_force.peers != read.peers;
  change.turn_servers = in_force.turn != read.turn;
  change.excluded = in_force.ice != read.ice;
  const auto& known = in_force.stun.servers;
  std::ranges::copy_if(read.stun.servers, std::back_inserter(change.stun_servers),
                       [&](const std::string& one) { return std::ranges::find(known, one) == known.end(); });
  const auto differs = [&](bool is_different, const char* key) {
    if (is_different) change.at_restart.emplace_back(key);
  };
  differs(in_force.network.server_url != read.network.server_url, "network.server_url");
  differs(in_force.network.device_id != read.network.device_id, "network.device_id");
  differs(in_force.network.hub_fingerprint != read.network.hub_fingerprint, "network.hub_fingerprint");
  differs(in_force.network.name != read.network.name, "network.name");
  differs(in_force.device.name != read.device.name, "device.name");
  differs(in_force.device.address != read.device.address, "device.address");
  differs(in_force.device.address6 != read.device.address6, "device.address6");
  differs(in_force.device.interface != read.device.interface, "device.interface");
  differs(in_force.device.mtu != read.device.mtu, "device.mtu");
  differs(in_force.device.routes != read.device.routes, "device.routes");
  differs(in_force.device.force_relay != read.device.force_relay, "device.force_relay");
  differs(in_force.webrtc != read.webrtc, "webrtc");
  const bool dropped = std::ranges::any_of(known, [&](const std::string& one) {
    return std::ranges::find(read.stun.servers, one) == read.stun.servers.end();
  });
  differs(dropped, "stun.servers (those that are gone)");
  // Whatever config.h gains that stands in no line above.
  config::Config rest = in_force;
  rest.peers = read.peers;
  rest.stun = read.stun;
  rest.turn = read.turn;
  rest.ice = read.ice;
  if (change.at_restart.empty()) differs(rest != read, "what else was changed");
  return change;
}

std::string to_string(const ConfigChange& change) {
  if (change.is_nothing()) return "nothing has changed in it";
  std::vector<std::string> now;
  if (change.accepted_routes) now.emplace_back("accepted routes");
  if (!change.stun_servers.empty()) now.push_back("STUN servers " + join(change.stun_servers));
  if (change.turn_servers) now.emplace_back("TURN servers");
  if (change.excluded) now.emplace_back("excluded interfaces");
  std::string text;
  if (!now.empty()) text = "in force now: " + join(now);
  if (!change.at_restart.empty()) {
    text += (text.empty() ? "" : "; ") + ("after 'bamgate restart': " + join(change.at_restart));
  }
  return text;
}

}  // namespace bamgate::host
