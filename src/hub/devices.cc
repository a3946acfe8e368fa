#include "hub/devices.h"

#include "core/encoding.h"
#include "hub/addresses_given.h"

namespace bamgate::hub {
namespace {

#define BAMGATE_DEVICE_COLUMNS \
  "id, name, owner, public_key, host, credential_generation, created_at, last_seen_at, revoked_at, role"

std::optional<UnixTime> time_or_none(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return UnixTime{row.integer(column)};
}

Device read_device(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), static_cast<std::uint32_t>(row.integer(4)),
          row.integer(5), UnixTime{row.integer(6)}, time_or_none(row, 7), time_or_none(row, 8),
          // What cannot be read has no power.
          parse_role(row.text(9)).value_or(Role::kMember)};
}

std::optional<Device> first_device(const std::optional<Row>& row) {
  if (!row) return std::nullopt;
  return read_device(*row);
}

std::vector<Device> read_devices(const std::vector<Row>& rows) {
  std::vector<Device> devices;
  devices.reserve(rows.size());
  for (const Row& row : rows) devices.push_back(read_device(row));
  return devices;
}

}  // namespace

std::string_view to_string(Role role) { return role == Role::kAdmin ? "admin" : "member"; }

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::kMember, Role::kAdmin}) {
    if (to_string(role) == text) return role;
  }
  return std::nullopt;
}

std::optional<Device> find_device(Database& database, std::string_view id) {
  return first_device(database.one("SELECT " BAMGATE_DEVICE_COLUMNS " FROM devices WHERE id = ?1", std::string(id)));
}

std::optional<Device> find_device_by_name(Database& database, std::string_view name) {
  return first_device(database.one(
      "SELECT " BAMGATE_DEVICE_COLUMNS " FROM devices WHERE name = ?1 AND revoked_at IS NULL", std::string(name)));
}

std::optional<Device> find_device_by_key(Database& database, std::string_view public_key) {
  return first_device(database.one("SELECT " BAMGATE_DEVICE_COLUMNS
                                   " FROM devices WHERE public_key = ?1 AND revoked_at IS NULL",
                                   std::string(public_key)));
}

std::vector<Device> list_devices(Database& database) {
  return read_devices(database.run("SELECT " BAMGATE_DEVICE_COLUMNS " FROM devices ORDER BY name, created_at, id"));
}

std::int64_t count_devices(Database& database) {
  const auto row = database.one("SELECT COUNT(*) FROM devices WHERE revoked_at IS NULL");
  return row ? row->integer(0) : 0;
}

std::int64_t count_admins(Database& database) {
  const auto row = database.one("SELECT COUNT(*) FROM devices WHERE revoked_at IS NULL AND role = 'admin'");
  return row ? row->integer(0) : 0;
}

void insert_device(Database& database, const Device& device) {
  database.run(
      "INSERT INTO devices(id, name, owner, public_key, host, credential_generation, created_at, role, before_roles)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
      device.id, device.name, device.owner, text_or_null(device.public_key), std::int64_t{device.host},
      device.credential_generation, device.created_at.seconds, std::string(to_string(device.role)));
}

void set_credential_generation(Database& database, std::string_view id, std::int64_t generation) {
  database.run("UPDATE devices SET credential_generation = ?2 WHERE id = ?1", std::string(id), generation);
}

void set_role(Database& database, std::string_view id, Role role) {
  database.run("UPDATE devices SET role = ?2 WHERE id = ?1", std::string(id), std::string(to_string(role)));
}

void set_last_seen(Database& database, std::string_view id, UnixTime unix_now) {
  database.try_run("UPDATE devices SET last_seen_at = ?2 WHERE id = ?1", std::string(id), unix_now.seconds);
}

void revoke_device(Database& database, const Device& device, UnixTime lived) {
  database.run("UPDATE devices SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", device.id, lived.seconds);
  database.run("DELETE FROM refresh_tokens WHERE device_id = ?1", device.id);
  rest_host(database, device.host);
}

void delete_device(Database& database, const Device& device) {
  if (!device.public_key.empty() && device.revoked_at) {
    database.run(
        "INSERT OR IGNORE INTO retired_keys(public_key, device_id, name, retired_at) SELECT ?1, ?2, ?3, ?4 WHERE NOT"
        " EXISTS (SELECT 1 FROM devices WHERE public_key = ?1 AND revoked_at IS NULL)",
        device.public_key, device.id, device.name, device.revoked_at->seconds);
  }
  database.run("DELETE FROM devices WHERE id = ?1 AND revoked_at IS NOT NULL", device.id);
}

std::string turn_secret(Crypto& crypto, Bytes master_secret, const Device& device) {
  const std::string generation = std::to_string(device.credential_generation);
  return to_hex(
      crypto.hmac_sha256(master_secret, {as_bytes("turn:"), as_bytes(device.id), as_bytes(":"), as_bytes(generation)}));
}

}  // namespace bamgate::hub
