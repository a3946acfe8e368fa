#include "workload.h"

namespace bamgate::bench {

Workloads all_workloads() {
  Workloads all;
  for (const auto add : {add_stun, add_turn, add_ice, add_dtls, add_sctp, add_wg, add_bridge, add_json, add_hub,
                         add_peer, add_agent, add_room, add_runner, add_net}) {
    add(all);
  }
  return all;
}

}  // namespace bamgate::bench
