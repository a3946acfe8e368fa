#include "agent/address_claims.h"

namespace bamgate::agent {

std::vector<IpPrefix> AddressClaims::set(const std::string& name, bridge::PeerIndex peer,
                                         std::vector<IpPrefix> prefixes) {
  auto refused = bridge_.set_allowed_ips(peer, prefixes);
  Claimant& claimant = claimants_[name];
  release(name, claimant);
  claimant = {peer, std::move(prefixes)};
  for (const IpPrefix& prefix : claimant.prefixes) claims_.emplace(prefix, name);
  return refused;
}

void AddressClaims::remove(const std::string& name) {
  const auto found = claimants_.find(name);
  if (found == claimants_.end()) return;
  release(name, found->second);
  claimants_.erase(found);
}

void AddressClaims::release(const std::string& name, Claimant& claimant) {
  for (const IpPrefix& prefix : claimant.prefixes) {
    claims_.erase({prefix, name});
    released_.push_back(prefix);
  }
}

void AddressClaims::share_out() {
  for (const IpPrefix& prefix : std::exchange(released_, {})) {
    const auto first = claims_.lower_bound({prefix, std::string()});
    if (bridge_.owner(prefix) || first == claims_.end() || first->first != prefix) continue;
    bridge_.add_allowed_ip(claimants_.at(first->second).peer, prefix);
  }
}

}  // namespace bamgate::agent
