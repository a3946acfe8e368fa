// The tables of the hub and their history. A version table of our own says how far a database has come, because a
// Durable Object has no PRAGMA user_version. A published step is never changed; a change is a new step.
#pragma once

#include <cstdint>
#include <expected>

#include "hub/database.h"
#include "hub/error.h"

namespace bamgate::hub {

/// Brings the tables up to date, each step in a transaction of its own. Errors: kDatabase, kNewerDatabase.
std::expected<void, Error> migrate(Database& database);

/// The version that migrate() leads to.
std::int64_t newest_schema_version();

}  // namespace bamgate::hub
