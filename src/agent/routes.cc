#include "agent/routes.h"

#include <algorithm>

namespace bamgate::agent {
namespace {

void add_own_address(const std::string& text, const IpPrefix& network, std::vector<IpPrefix>& out) {
  const auto prefix = IpPrefix::parse(text);
  if (!prefix || !network.contains(prefix->address)) return;
  const std::uint8_t whole = prefix->address.is_v4() ? 32 : 128;
  out.push_back({prefix->address, whole});
}

}  // namespace

std::vector<IpPrefix> accepted_routes(const signaling::PeerInfo& peer, const std::vector<IpPrefix>& accepted) {
  std::vector<IpPrefix> routes;
  for (const std::string& text : peer.routes) {
    const auto announced = IpPrefix::parse(text);
    if (!announced) continue;
    const bool inside = std::ranges::any_of(accepted, [&](const IpPrefix& allowed) {
      return allowed.length <= announced->length && allowed.contains(announced->address);
    });
    const IpPrefix network = announced->network();
    if (inside && std::ranges::find(routes, network) == routes.end()) routes.push_back(network);
  }
  return routes;
}

std::vector<IpPrefix> allowed_ips(const signaling::PeerInfo& peer, const IpPrefix& network, const IpPrefix& network6,
                                  const std::vector<IpPrefix>& accepted) {
  std::vector<IpPrefix> result;
  add_own_address(peer.address, network, result);
  add_own_address(peer.address6, network6, result);
  std::ranges::copy(accepted_routes(peer, accepted), std::back_inserter(result));
  return result;
}

}  // namespace bamgate::agent
