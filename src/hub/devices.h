// The registered devices: one row each, kept after its revocation until an administrator forgets it, because its name
// rests (names.h). A device is its WireGuard public key; the hub holds id, name, key and address together.
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

/// protocol.md, "Roles". Only an administrator lets devices in, and does anything to another one.
enum class Role : std::uint8_t { kMember, kAdmin };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

struct Device {
  std::string id;                          // 32 hex digits
  std::string name;                        // unique among the devices that are not revoked
  std::string owner;                       // of whoever let it in
  std::string public_key;                  // base64; empty until the first join of a device registered without one
  std::uint32_t host = 0;                  // host part of its addresses
  std::int64_t credential_generation = 1;  // one more for each registration of the same device
  UnixTime created_at;
  std::optional<UnixTime> last_seen_at;
  std::optional<UnixTime> revoked_at;  // lived time (hub_clock.h)
  Role role = Role::kMember;
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
/// How many administrators are not revoked.
std::int64_t count_admins(Database& database);

void insert_device(Database& database, const Device& device);
void set_credential_generation(Database& database, std::string_view id, std::int64_t generation);
void set_role(Database& database, std::string_view id, Role role);
void set_last_seen(Database& database, std::string_view id, UnixTime unix_now);
/// Its key is free at once, its name and address rest, and its refresh token ends.
void revoke_device(Database& database, const Device& device, UnixTime lived);
/// Removes the row of a revoked device: its name is free. Others are still told that its key has ended.
void delete_device(Database& database, const Device& device);

/// The secret from which a device makes its TURN passwords: hex of HMAC-SHA256(master secret, id and credential
/// generation), so that one device cannot make another's and a new registration ends the old one (protocol.md).
std::string turn_secret(Crypto& crypto, Bytes master_secret, const Device& device);

}  // namespace bamgate::hub
