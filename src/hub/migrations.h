// The tables of the hub and their history. A version table of our own says how far a database has come, because a
// Durable Object has no PRAGMA user_version. A published step is never changed; a change is a new step.
#pragma once

#include <cstdint>
#include <expected>

#include "hub/database.h"
#include "hub/error.h"

namespace bamgate::hub {

/// The version of this program.
std::int64_t newest_schema_version();

/// Brings the tables from whatever version they have to `version`, each step in a transaction of its own; tests stop at
/// older ones. Errors: kDatabase, kNewerDatabase (the tables are beyond it, and are not touched).
std::expected<void, Error> migrate(Database& database, std::int64_t version = newest_schema_version());

}  // namespace bamgate::hub
