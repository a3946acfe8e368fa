// What a configuration that was read again changes: the part that takes effect in a running device, and the part that
// waits for a restart.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace bamgate::host {

struct ConfigChange {
  bool accepted_routes = false;           // peers.*.routes
  std::vector<std::string> stun_servers;  // new ones; they are asked from now on
  bool turn_servers = false;              // [turn], credentials included
  bool excluded = false;                  // ice.exclude
  std::vector<std::string> at_restart;    // keys that differ and cannot change now, as in "device.mtu"

  bool is_nothing() const {
    return !accepted_routes && stun_servers.empty() && !turn_servers && !excluded && at_restart.empty();
  }
};

ConfigChange compare(const config::Config& in_force, const config::Config& read);

/// One line for the log.
std::string to_string(const ConfigChange& change);

}  // namespace bamgate::host
