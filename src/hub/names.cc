#include "hub/names.h"

#include <string>

namespace bamgate::hub {

bool name_rests(Database& database, std::string_view name, std::string_view own_id) {
  return database
      .one(
          "SELECT 1 FROM devices WHERE name = ?1 AND revoked_at IS NOT NULL"
          " UNION ALL SELECT 1 FROM former_names WHERE name = ?1 AND device_id <> ?2 LIMIT 1",
          std::string(name), std::string(own_id))
      .has_value();
}

void rename_device(Database& database, const Device& device, std::string_view name) {
  database.run("INSERT OR REPLACE INTO former_names(name, device_id) VALUES(?1, ?2)", device.name, device.id);
  wake_name(database, name);
  database.run("UPDATE devices SET name = ?2 WHERE id = ?1", device.id, std::string(name));
}

bool was_called(Database& database, std::string_view id, std::string_view name) {
  return database
      .one("SELECT 1 FROM former_names WHERE name = ?1 AND device_id = ?2", std::string(name), std::string(id))
      .has_value();
}

void free_former_names(Database& database, std::string_view id) {
  database.run("DELETE FROM former_names WHERE device_id = ?1", std::string(id));
}

void wake_name(Database& database, std::string_view name) {
  database.run("DELETE FROM former_names WHERE name = ?1", std::string(name));
}

}  // namespace bamgate::hub
