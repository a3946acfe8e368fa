#include "hub/migrations.h"

#include <array>
#include <span>
#include <string_view>

namespace bamgate::hub {
namespace {

// Step 1. A device keeps its row after it was revoked: others are told, and its name rests.
// `host` is the host part of its address.
constexpr auto kStep1 = std::to_array<std::string_view>({
    "CREATE TABLE settings(name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE signing_keys(kid TEXT PRIMARY KEY, secret BLOB NOT NULL, created_at INTEGER NOT NULL)",
    "CREATE TABLE devices(id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, public_key TEXT,"
    " host INTEGER NOT NULL, credential_generation INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " last_seen_at INTEGER, revoked_at INTEGER)",
    "CREATE UNIQUE INDEX devices_name ON devices(name) WHERE revoked_at IS NULL",
    "CREATE UNIQUE INDEX devices_host ON devices(host) WHERE revoked_at IS NULL",
    "CREATE UNIQUE INDEX devices_key ON devices(public_key) WHERE revoked_at IS NULL AND public_key IS NOT NULL",
    "CREATE TABLE refresh_tokens(device_id TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
    " first_generation INTEGER NOT NULL, hash BLOB NOT NULL, expires_at INTEGER NOT NULL,"
    " previous_hash BLOB, previous_expires_at INTEGER)",
    "CREATE TABLE join_tokens(hash BLOB PRIMARY KEY, owner TEXT NOT NULL, uses INTEGER NOT NULL,"
    " used INTEGER NOT NULL, expires_at INTEGER NOT NULL)",
    "CREATE TABLE join_token_uses(hash BLOB NOT NULL, public_key TEXT NOT NULL, device_id TEXT NOT NULL,"
    " PRIMARY KEY(hash, public_key))",
});

// Step 2. Keys that a device held before; without retired_at: until its next join says whether it holds it still.
constexpr auto kStep2 = std::to_array<std::string_view>({
    "CREATE TABLE retired_keys(public_key TEXT PRIMARY KEY, device_id TEXT NOT NULL, name TEXT NOT NULL,"
    " retired_at INTEGER)",
});

// Step 3. Roles; addresses and names that rest; join tokens with their maker; lifetimes by the hub's own clock
// (hub_clock.h), which begins at the latest time that the database knows of.
constexpr auto kStep3 = std::to_array<std::string_view>({
    "CREATE TABLE clock(id INTEGER PRIMARY KEY CHECK(id = 1), lived INTEGER NOT NULL, seen INTEGER NOT NULL)",
    "INSERT INTO clock(id, lived, seen) SELECT 1, t, t FROM (SELECT COALESCE(MAX(t), 0) AS t FROM"
    " (SELECT MAX(created_at) AS t FROM devices UNION ALL SELECT MAX(last_seen_at) FROM devices"
    "  UNION ALL SELECT MAX(revoked_at) FROM devices UNION ALL SELECT MAX(created_at) FROM signing_keys"
    "  UNION ALL SELECT MAX(retired_at) FROM retired_keys"
    "  UNION ALL SELECT MAX(expires_at) - 2592000 FROM refresh_tokens))",
    // What was registered before roles existed administers; nobody wrote down which device made which join token.
    "ALTER TABLE devices ADD COLUMN role TEXT NOT NULL DEFAULT 'admin'",
    "ALTER TABLE devices ADD COLUMN before_roles INTEGER NOT NULL DEFAULT 1",
    "INSERT INTO settings(name, value) SELECT 'first_device', id FROM devices ORDER BY created_at, id LIMIT 1",
    "CREATE TABLE former_names(name TEXT PRIMARY KEY, device_id TEXT NOT NULL)",
    // Each host part that was ever given; `rest` is its place among those that rest, NULL while a device has it.
    "CREATE TABLE addresses(host INTEGER PRIMARY KEY, rest INTEGER)",
    "INSERT INTO addresses(host, rest) SELECT host, ROW_NUMBER() OVER (ORDER BY MAX(revoked_at), host)"
    " FROM devices WHERE revoked_at IS NOT NULL GROUP BY host",
    "INSERT OR REPLACE INTO addresses(host, rest) SELECT host, NULL FROM devices WHERE revoked_at IS NULL",
    "ALTER TABLE join_tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'member'",
    "ALTER TABLE join_tokens ADD COLUMN name TEXT",
    "ALTER TABLE join_tokens ADD COLUMN made_by TEXT",  // a device's id, 'hub', or NULL: before this step
    "ALTER TABLE join_tokens ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE join_tokens ADD COLUMN lived_until INTEGER NOT NULL DEFAULT 0",
    "UPDATE join_tokens SET lived_until = expires_at,"
    " created_at = MIN(expires_at - 86400, (SELECT seen FROM clock))",
    // A lifetime is an option now: what is kept is when it began. It was 30 days.
    "ALTER TABLE refresh_tokens ADD COLUMN issued_at INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE refresh_tokens ADD COLUMN previous_issued_at INTEGER",
    "ALTER TABLE refresh_tokens ADD COLUMN renewed_until INTEGER",
    "UPDATE refresh_tokens SET issued_at = expires_at - 2592000, previous_issued_at = previous_expires_at - 2592000",
    "ALTER TABLE refresh_tokens DROP COLUMN expires_at",
    "ALTER TABLE refresh_tokens DROP COLUMN previous_expires_at",
});

constexpr auto kSteps = std::to_array<std::span<const std::string_view>>({kStep1, kStep2, kStep3});

}  // namespace

std::int64_t newest_schema_version() { return static_cast<std::int64_t>(kSteps.size()); }

std::expected<void, Error> migrate(Database& database, std::int64_t version) {
  database.run(
      "CREATE TABLE IF NOT EXISTS schema_version(id INTEGER PRIMARY KEY CHECK(id = 1), version INTEGER NOT NULL)");
  database.run("INSERT OR IGNORE INTO schema_version(id, version) VALUES(1, 0)");
  bool newer = false;
  bool done = false;
  while (!done && !newer) {
    // The version is read inside the transaction: another process may be migrating the same file.
    const bool committed = database.transaction([&] {
      const auto row = database.one("SELECT version FROM schema_version");
      if (!row) return false;
      const std::int64_t present = row->integer(0);
      newer = present > version;
      done = present == version;
      if (newer || done || present < 0) return false;
      for (const std::string_view statement : kSteps[static_cast<std::size_t>(present)]) database.run(statement);
      database.run("UPDATE schema_version SET version = ?1", present + 1);
      return true;
    });
    if (!committed && !done && !newer) return std::unexpected(Error::kDatabase);
  }
  if (newer) return std::unexpected(Error::kNewerDatabase);
  if (database.failed()) return std::unexpected(Error::kDatabase);
  return {};
}

}  // namespace bamgate::hub
