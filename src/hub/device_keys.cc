#include "hub/device_keys.h"

namespace bamgate::hub {
namespace {

void put_into_waiting(Database& database, const Device& device) {
  if (device.public_key.empty()) return;
  database.run("INSERT OR REPLACE INTO retired_keys(public_key, device_id, name, retired_at) VALUES(?1, ?2, ?3, NULL)",
               device.public_key, device.id, device.name);
}

/// Whoever may bind keys at will must not fill the database; what is not told any more serves nothing.
void forget_oldest(Database& database, UnixTime lived) {
  database.run("DELETE FROM retired_keys WHERE retired_at < ?1", lived.seconds - kRevocationMemory);
  database.run(
      "DELETE FROM retired_keys WHERE retired_at IS NOT NULL AND rowid NOT IN"
      " (SELECT rowid FROM retired_keys WHERE retired_at IS NOT NULL ORDER BY retired_at DESC, rowid DESC LIMIT ?1)",
      kMaxRevocations);
}

}  // namespace

std::vector<std::string> bind_key(Database& database, const Device& device, const std::string& public_key,
                                  UnixTime lived) {
  put_into_waiting(database, device);
  database.run("UPDATE devices SET public_key = ?2 WHERE id = ?1", device.id, public_key);
  database.run("DELETE FROM retired_keys WHERE public_key = ?1", public_key);
  return retire_waiting_keys(database, device.id, lived);
}

void release_key(Database& database, const Device& device) {
  put_into_waiting(database, device);
  database.run("UPDATE devices SET public_key = NULL WHERE id = ?1", device.id);
}

std::vector<std::string> retire_waiting_keys(Database& database, std::string_view device_id, UnixTime lived) {
  std::vector<std::string> retired;
  for (const Row& row : database.run(
           "UPDATE retired_keys SET retired_at = ?2 WHERE device_id = ?1 AND retired_at IS NULL RETURNING public_key",
           std::string(device_id), lived.seconds)) {
    retired.push_back(row.text(0));
  }
  if (!retired.empty()) forget_oldest(database, lived);
  return retired;
}

std::vector<signaling::PeerRevoked> recent_revocations(Database& database, UnixTime lived) {
  std::vector<signaling::PeerRevoked> revoked;
  for (const Row& row : database.run(
           "SELECT name, public_key FROM"
           " (SELECT name, public_key, revoked_at AS ended_at, id FROM devices"
           "   WHERE revoked_at >= ?1 AND public_key IS NOT NULL"
           "  UNION ALL"
           "  SELECT name, public_key, retired_at, device_id FROM retired_keys WHERE retired_at >= ?1) AS gone"
           " WHERE NOT EXISTS"
           " (SELECT 1 FROM devices AS held WHERE held.public_key = gone.public_key AND held.revoked_at IS NULL)"
           " ORDER BY ended_at DESC, id LIMIT ?2",
           lived.seconds - kRevocationMemory, kMaxRevocations)) {
    revoked.push_back({row.text(0), row.text(1)});
  }
  return revoked;
}

}  // namespace bamgate::hub
