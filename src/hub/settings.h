// What a network keeps for its whole life: its id, subnet, IPv6 prefix, master secret and signing keys. Made once, on
// the first start, and read on every later one.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/ip_address.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/access_token.h"
#include "hub/database.h"
#include "hub/error.h"

namespace bamgate::hub {

struct Settings {
  std::string network_id;                // the claim `net`
  IpPrefix subnet;                       // host bits zero
  IpPrefix prefix6;                      // fd…/64
  Secret<32> master_secret;              // from which each device's turn_secret comes
  std::vector<SigningKey> signing_keys;  // newest first: that one signs, all verify; never empty
};

/// Reads the settings, and makes what is missing. `subnet` replaces the stored one only while no device holds an
/// address. Errors: kDatabase, kBadSubnet, kReservedSubnet, kSubnetInUse; then nothing was changed.
std::expected<Settings, Error> load_settings(Database& database, Random& random, UnixTime unix_now,
                                             const std::optional<IpPrefix>& subnet);

}  // namespace bamgate::hub
