// Who claims which inner addresses, and who gets what several claim: the first one keeps it, and when it gives it up,
// the first by name of the others has it. Remembers what was given up, so that sharing out costs as much as has
// changed, not as many peers as there are.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bridge/bridge.h"
#include "core/ip_address.h"

namespace bamgate::agent {

class AddressClaims {
 public:
  /// `bridge` must outlive it; nobody else gives it allowed IPs.
  explicit AddressClaims(bridge::Bridge& bridge) : bridge_(bridge) {}

  /// The peer claims exactly these from now on (without host bits), and has those of them that nobody else has. Returns
  /// the others. What it gave up is free until somebody claims it or share_out() is called.
  std::vector<IpPrefix> set(const std::string& name, bridge::PeerIndex peer, std::vector<IpPrefix> prefixes);
  /// The bridge has forgotten the peer: what it had is free.
  void remove(const std::string& name);
  /// Gives each prefix that is free and claimed to the first by name that claims it.
  void share_out();

 private:
  struct Claimant {
    bridge::PeerIndex peer{};
    std::vector<IpPrefix> prefixes;
  };

  void release(const std::string& name, Claimant& claimant);

  bridge::Bridge& bridge_;
  std::map<std::string, Claimant> claimants_;          // by name
  std::set<std::pair<IpPrefix, std::string>> claims_;  // each prefix with each name that claims it
  std::vector<IpPrefix> released_;                     // since share_out(); some are claimed or had again
};

}  // namespace bamgate::agent
