// The keys that sign access tokens: rows, so that they can rotate while the hub runs, from another process too. Nothing
// of them is kept in memory between two requests, so a new key is in use at once. Their times are lived ones
// (hub_clock.h): a clock that jumps removes none too early.
//
//   newest                                   signs and verifies
//   older, its successor under an hour old   verifies: what it signed lives for an hour at most
//   older than that                          verifies nothing, and is removed at the next refresh
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "core/time.h"
#include "hub/access_token.h"
#include "hub/database.h"

namespace bamgate::hub {

/// Adds a key, which signs from then on, and returns its name.
std::string add_signing_key(Database& database, Random& random, UnixTime lived);

/// The keys that verify, the newest first; empty only when the database failed. Writes nothing, so tokens can be read
/// on a full disk.
std::vector<SigningKey> signing_keys(Database& database, UnixTime lived);

/// Removes those that verify nothing any more.
void remove_ended_signing_keys(Database& database, UnixTime lived);

}  // namespace bamgate::hub
