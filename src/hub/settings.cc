#include "hub/settings.h"

#include <array>
#include <string_view>

#include "core/encoding.h"
#include "hub/addresses.h"
#include "hub/signing_keys.h"

namespace bamgate::hub {
namespace {

std::string random_id(Random& random) {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  return to_hex(bytes);
}

std::string load_network_id(Database& database, Random& random) {
  if (auto stored = read_setting(database, "network_id")) return *stored;
  std::string id = random_id(random);
  write_setting(database, "network_id", id);
  return id;
}

std::expected<IpPrefix, Error> load_subnet(Database& database, const std::optional<IpPrefix>& wanted) {
  const auto text = read_setting(database, "subnet");
  const auto stored = text ? IpPrefix::parse(*text) : std::nullopt;
  const auto subnet = check_subnet(wanted ? *wanted : stored ? *stored : kDefaultSubnet);
  if (!subnet || stored == *subnet) return subnet;
  if (stored && database.one("SELECT 1 FROM devices WHERE revoked_at IS NULL LIMIT 1")) {
    return std::unexpected(Error::kSubnetInUse);
  }
  database.run("DELETE FROM addresses");
  write_setting(database, "subnet", subnet->to_string());
  return subnet;
}

IpPrefix load_prefix6(Database& database, Random& random) {
  if (const auto text = read_setting(database, "prefix6")) {
    if (const auto stored = IpPrefix::parse(*text)) return *stored;
  }
  const IpPrefix prefix = random_prefix6(random);
  write_setting(database, "prefix6", prefix.to_string());
  return prefix;
}

Secret<32> load_master_secret(Database& database, Random& random) {
  const auto row = database.one("SELECT value FROM settings WHERE name = 'master_secret'");
  if (row && row->blob(0).size() == 32) return Secret<32>(row->blob(0).first<32>());
  const Secret<32> secret = random_secret<32>(random);
  database.run("INSERT OR REPLACE INTO settings(name, value) VALUES('master_secret', ?1)", blob(secret.bytes()));
  return secret;
}

std::int64_t load_device_lifetime(Database& database, std::optional<std::int64_t> wanted) {
  const auto row = database.one("SELECT value FROM settings WHERE name = 'device_lifetime'");
  const std::int64_t stored = row && row->integer(0) > 0 ? row->integer(0) : kDefaultDeviceLifetime;
  if (wanted && *wanted != stored) {
    database.try_run("INSERT OR REPLACE INTO settings(name, value) VALUES('device_lifetime', ?1)", *wanted);
  }
  return wanted.value_or(stored);
}

}  // namespace

std::optional<std::string> read_setting(Database& database, std::string_view name) {
  const auto row = database.one("SELECT value FROM settings WHERE name = ?1", std::string(name));
  if (!row) return std::nullopt;
  return row->text(0);
}

void write_setting(Database& database, std::string_view name, std::string value) {
  database.run(
      "INSERT INTO settings(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
      std::string(name), std::move(value));
}

std::expected<Settings, Error> load_settings(Database& database, Random& random, UnixTime lived,
                                             const std::optional<IpPrefix>& subnet,
                                             std::optional<std::int64_t> lifetime) {
  Settings settings;
  std::optional<Error> error;
  const bool committed = database.transaction([&] {
    const auto checked = load_subnet(database, subnet);
    if (!checked) {
      error = checked.error();
      return false;
    }
    settings.subnet = *checked;
    settings.network_id = load_network_id(database, random);
    settings.prefix6 = load_prefix6(database, random);
    settings.master_secret = load_master_secret(database, random);
    if (signing_keys(database, lived).empty()) add_signing_key(database, random, lived);
    return true;
  });
  if (database.failed()) return std::unexpected(Error::kDatabase);
  if (error) return std::unexpected(*error);
  if (!committed) return std::unexpected(Error::kDatabase);
  settings.device_lifetime = load_device_lifetime(database, lifetime);
  return settings;
}

}  // namespace bamgate::hub
