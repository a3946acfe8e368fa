// What a hub is told at its start, what it counts, and the limits that its host must know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "turn/allocations.h"

namespace bamgate::hub {

// protocol.md: limits towards the hub: 64 KiB a message, 1,024 peers a room.
inline constexpr std::size_t kMaxMessage = 64 * 1024;
inline constexpr std::size_t kMaxRoom = 1024;

// protocol.md: rolling lifetime (--device-lifetime, default 180 days).
inline constexpr std::int64_t kDefaultDeviceLifetime = 180 * 24 * 3600;  // seconds

struct HubOptions {
  /// None: the subnet in the database, or kDefaultSubnet (addresses.h) on first start. Host bits are ignored.
  std::optional<IpPrefix> subnet;
  /// Given to devices: "stun:hub.example:3478", the hub's own server first.
  std::vector<std::string> stun;
  /// Given to devices: "turn:hub.example:3478?transport=udp" and "wss://hub.example:8443/turn", the hub's own relay.
  std::vector<std::string> turn;
  /// What one device and all of them may have relayed.
  turn::RelayLimits relay;
  /// Given to devices: "https://hub.example:8443".
  std::string server_url;
  /// Whose GitHub account may register devices; empty: nobody's.
  std::string github_login;
  /// Where GitHub's API is, without a slash at its end.
  std::string github_api = "https://api.github.com";
  /// How long a device may be away before its refresh token has expired, in seconds; counted anew with each refresh.
  /// None: as the hub was started last, or kDefaultDeviceLifetime.
  std::optional<std::int64_t> device_lifetime;
  /// Shown by GET /status.
  std::string version = "0.0.0";
};

/// Counters since the start; they only grow.
struct HubCounters {
  std::uint64_t forwarded = 0;       // offers, answers and candidates
  std::uint64_t without_target = 0;  // those whose peer was not there; dropped
  std::uint64_t ignored = 0;         // messages of unknown types
  std::uint64_t delayed = 0;         // messages over 200 a second, which waited
  std::uint64_t refused_joins = 0;   // connections closed with 4403
  std::uint64_t refused_logins = 0;  // failed registrations and refreshes
  std::uint64_t limited = 0;         // requests and upgrades answered with 429
};

}  // namespace bamgate::hub
