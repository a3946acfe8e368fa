// What the doctor tries on the network: each is a coroutine with an end of its own, and several may run side by side.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "core/crypto.h"
#include "core/random.h"
#include "doctor/findings.h"
#include "host/hub_api.h"
#include "net/loop.h"
#include "stun/uri.h"
#include "turn/credentials.h"

namespace bamgate::doctor {

/// What all probes need; outlives them.
struct Surroundings {
  net::Loop& loop;
  Random& random;
  Crypto& crypto;
  BufferPool& pool;
  std::uint32_t mark = 0;  // SO_MARK; 0 without the right to set it
};

/// A STUN server's addresses, one of each family, or why there is none.
struct NamedServer {
  stun::Uri uri;
  std::vector<Endpoint> endpoints = {};
  std::string why = {};
};
asio::awaitable<NamedServer> find_server(Surroundings& around, stun::Uri uri);

/// What the NAT before this machine does: all servers are of one family. No answers at all when there is no route to
/// them. At most some 8 s.
asio::awaitable<NatFindings> probe_nat(Surroundings& around, std::vector<Endpoint> servers);

/// The largest IP packet of a ladder from 1,280 to 1,500 bytes that reaches a STUN server whole and is answered.
/// nullopt: none. At most some 2 s.
asio::awaitable<std::optional<std::uint16_t>> probe_path_mtu(Surroundings& around, Endpoint server);

/// A connection to the hub, with TLS where it has it.
asio::awaitable<Trial> probe_hub(Surroundings& around, host::HubAccess hub);

/// An allocation at the hub's relay, by UDP or by WebSocket, given back at once. At most some 5 s.
asio::awaitable<Trial> probe_udp_relay(Surroundings& around, Endpoint server, turn::Credentials credentials);
asio::awaitable<Trial> probe_websocket_relay(Surroundings& around, host::HubAccess hub, std::string path,
                                             std::string access_token, turn::Credentials credentials);

}  // namespace bamgate::doctor
