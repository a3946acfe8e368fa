// What can go wrong when a hub is made or asked outside of a request. Faults of a request are HTTP replies (http.h) and
// close codes (effect.h) instead.
#pragma once

#include <cstdint>
#include <string_view>

namespace bamgate::hub {

enum class Error : std::uint8_t {
  kDatabase,        // a statement or a transaction failed; nothing of it was kept
  kNewerDatabase,   // the database was written by a newer program
  kBadSubnet,       // not IPv4, or its prefix is not from /8 to /30
  kReservedSubnet,  // it overlaps 10.255.0.0/16, the relay addresses
  kSubnetInUse,     // another subnet is asked for while devices hold addresses of the old one
  kBadUses,         // a join token for fewer than one or too many registrations
  kBadLifetime,     // a join token that lives less than a second or too long
  kTooManyTokens,   // too many join tokens are valid already
  kBadName,         // a join token for what can be no device's name
};

/// A short sentence in English, for messages.
std::string_view to_string(Error error);

}  // namespace bamgate::hub
