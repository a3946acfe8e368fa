// Why there is no connection, for the person who reads the log: what was tried, how far it got, and what that says of
// the networks between.
#pragma once

#include <string>

#include "peer/peer_connection.h"

namespace bamgate::agent {

/// Of a connection that has not come up in the time that it had. `channel_open`: the tunnel's data channel is.
std::string explain_delay(const peer::PeerConnection& connection, bool channel_open);

/// Of one that has ended.
std::string explain_end(const peer::PeerConnection& connection, peer::Error reason);

}  // namespace bamgate::agent
