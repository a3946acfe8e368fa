// Why there is no connection, for the person who reads the log: what was tried, how far it got, and what that says of
// the networks between.
#pragma once

#include <optional>
#include <string>

#include "agent/relays.h"
#include "ice/gatherer.h"
#include "peer/peer_connection.h"

namespace bamgate::agent {

/// Of a connection that has not come up in the time that it had. `stun` is what the servers say of the network here;
/// `channel_open`: the tunnel's data channel is.
std::string explain_delay(const peer::PeerConnection& connection, const ice::StunFindings& stun, bool channel_open);

/// The relay on that path: one of ours, or the peer's, whose relayed address our packets go to. nullopt: it is direct.
std::optional<RelayUse> relay_of(const Relays& relays, const ice::PathSelected& selected);

/// Why packets go through a relay, as far as this side can tell.
std::string explain_relay(const ice::StunFindings& stun, bool forced);

/// Of one that has ended.
std::string explain_end(const peer::PeerConnection& connection, const ice::StunFindings& stun, peer::Error reason);

}  // namespace bamgate::agent
