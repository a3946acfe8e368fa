// What of a configuration changes while an agent runs.
#include <utility>

#include "agent/agent.h"

namespace bamgate::agent {

void Agent::set_accepted_routes(Instant now, std::map<std::string, std::vector<IpPrefix>> accepted) {
  options_.accepted_routes = std::move(accepted);
  for (auto& [name, entry] : peers_) (void)claim_addresses(*entry, entry->link.info());
  claims_.share_out();
  routes_stale_ = true;  // also of peers from which nothing is accepted any more
  if (update_routes()) leave_stale_paths(now);
  pump(now);
}

void Agent::set_relays(Instant now, std::vector<OwnRelay> relays) {
  node_.relays().set_own(now, std::move(relays));
  pump(now);
}

}  // namespace bamgate::agent
