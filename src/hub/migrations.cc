#include "hub/migrations.h"

#include <array>
#include <span>
#include <string_view>

namespace bamgate::hub {
namespace {

// Step 1. A device keeps its row for 90 days after it was revoked: that is how long others are told.
// `host` is the host part of its address: free again as soon as revoked_at is set.
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

constexpr auto kSteps = std::to_array<std::span<const std::string_view>>({kStep1, kStep2});

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
