// What this machine says without a network: its addresses, its rights, networks that are in each other's way, and how
// far its clock is from that of a token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/time.h"
#include "doctor/findings.h"
#include "os/network_view.h"

namespace bamgate::doctor {

/// Fills in network, conflicts, tun_device and may_make_tun. `mark`: 0 for none.
void examine_machine(const std::optional<config::Config>& config, std::uint32_t mark, Findings& findings);

/// Networks of the configuration (ours, and those that are accepted from peers) that overlap with one that this machine
/// is in by another interface, in words.
std::vector<std::string> find_conflicts(const config::Config& config, const std::vector<os::LocalAddress>& addresses);

/// How far `now` is ahead of the clock that made an access token, in seconds. One that is not `fresh`, as a running
/// agent's, may be as old as its lifetime allows: then what lies within counts as right. nullopt: it does not say.
std::optional<std::int64_t> clock_off(std::string_view access_token, UnixTime now, bool fresh);

}  // namespace bamgate::doctor
