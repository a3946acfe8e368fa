// The registered devices: one row each, kept for 90 days after its revocation. A device is its WireGuard public key;
// the hub holds id, name, key and address together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/crypto.h"
#include "core/time.h"
#include "hub/database.h"

namespace bamgate::hub {

// protocol.md: `peer-revoked` goes out again after each join for revocations of the last 90 days.
inline constexpr std::int64_t kRevocationMemory = 90 * 24 * 3600;  // seconds

struct Device {
  std::string id;                          // 32 hex digits
  std::string name;                        // unique among the devices that are not revoked
  std::string owner;                       // of whoever let it in
  std::string public_key;                  // base64; empty until the first join of a device registered without one
  std::uint32_t host = 0;                  // host part of its addresses
  std::int64_t credential_generation = 1;  // one more for each registration of the same device
  UnixTime created_at;
  std::optional<UnixTime> last_seen_at;
  std::optional<UnixTime> revoked_at;
};

/// Revoked ones too; nullopt when there is none (or the database failed).
std::optional<Device> find_device(Database& database, std::string_view id);
/// Among the devices that are not revoked.
std::optional<Device> find_device_by_name(Database& database, std::string_view name);
std::optional<Device> find_device_by_key(Database& database, std::string_view public_key);
/// All, revoked ones too, by name and then by age.
std::vector<Device> list_devices(Database& database);
/// How many are not revoked.
std::int64_t count_devices(Database& database);
/// The host parts in use, ascending.
std::vector<std::uint32_t> taken_hosts(Database& database);

void insert_device(Database& database, const Device& device);
void set_credential_generation(Database& database, std::string_view id, std::int64_t generation);
void set_last_seen(Database& database, std::string_view id, UnixTime unix_now);
/// Its name, key and address are free at once, and its refresh token ends.
void revoke_device(Database& database, std::string_view id, UnixTime unix_now);
/// Removes the rows of devices and keys (device_keys.h) that ended more than 90 days ago.
void forget_revoked(Database& database, UnixTime unix_now);

/// The secret from which a device makes its TURN passwords: hex of HMAC-SHA256(master secret, id and credential
/// generation), so that one device cannot make another's and a new registration ends the old one (protocol.md).
std::string turn_secret(Crypto& crypto, Bytes master_secret, const Device& device);

}  // namespace bamgate::hub
