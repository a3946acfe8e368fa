// What a network keeps for its whole life: its id, subnet, IPv6 prefix and master secret. Made once, on the first
// start, and read on every later one. The first signing key (signing_keys.h) is made with them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/ip_address.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/database.h"
#include "hub/error.h"
#include "hub/options.h"

namespace bamgate::hub {

struct Settings {
  std::string network_id;                                 // the claim `net`
  IpPrefix subnet;                                        // host bits zero
  IpPrefix prefix6;                                       // fd…/64
  Secret<32> master_secret;                               // from which each device's turn_secret comes
  std::int64_t device_lifetime = kDefaultDeviceLifetime;  // seconds
};

/// Reads the settings, and makes what is missing. `subnet` replaces the stored one only while no device holds an
/// address; what rests in the old one is forgotten with it. `lifetime` is kept for commands that work on the database
/// of a hub that is off; where it cannot be written, as on a full disk, it counts all the same. Errors: kDatabase,
/// kBadSubnet, kReservedSubnet, kSubnetInUse; then nothing was changed.
std::expected<Settings, Error> load_settings(Database& database, Random& random, UnixTime lived,
                                             const std::optional<IpPrefix>& subnet,
                                             std::optional<std::int64_t> lifetime);

/// One row of the table that holds them; nullopt when there is none (or the database failed).
std::optional<std::string> read_setting(Database& database, std::string_view name);
void write_setting(Database& database, std::string_view name, std::string value);

}  // namespace bamgate::hub
