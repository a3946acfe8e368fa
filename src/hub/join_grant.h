// What a join token is asked to be, and what comes of it: all that a host must know of join tokens.
#pragma once

#include <cstdint>
#include <string>

#include "core/time.h"

namespace bamgate::hub {

// protocol.md: default one use and 24 hours.
inline constexpr std::int64_t kDefaultJoinUses = 1;
inline constexpr std::int64_t kDefaultJoinLifetime = 24 * 3600;  // seconds

inline constexpr std::int64_t kMaxJoinUses = 1000;
inline constexpr std::int64_t kMaxJoinLifetime = 365 * 24 * 3600;  // seconds

/// Tokens that may be valid at one time.
inline constexpr std::int64_t kMaxJoinTokens = 1000;

struct JoinGrant {
  std::int64_t uses = kDefaultJoinUses;
  std::int64_t ttl_s = kDefaultJoinLifetime;
  bool admin = false;     // who comes in by it administers the network
  std::string name = {};  // the only name that it lets in, also one that rests; empty: any that is free
};

struct JoinToken {
  std::string token;  // 32 hex digits
  std::string id;     // 16 hex digits; no secret
  UnixTime expires_at;
  std::int64_t uses = 0;
};

}  // namespace bamgate::hub
